/* What holds for every container, whatever its bytes are. */
#ifndef PP_FUZZ_CONTAINER_H
#define PP_FUZZ_CONTAINER_H

#include "../tools/walker.h"

#include <stdlib.h>

#define FUZZ_OLD "/old"
#define FUZZ_NEW "/n/w"

static inline void fuzz_must(bool holds) {
    if (!holds)
        abort();
}

static inline int fuzz_walk(const struct pp_container *container, const char *old,
                            const struct pp_buffer *in, size_t step, struct pp_buffer *out) {
    struct walker walker = walker_of(old, FUZZ_NEW);
    struct pp_err err = PP_ERR_INIT;
    int rc;

    if (out != NULL)
        out->len = 0;
    rc = walker_run(&walker, container, in->data, in->len, step, out, &err);
    fuzz_must(rc >= 0 || (rc == -(int)err.kind && err.text[0] != '\0'));
    fuzz_must(rc >= 0 || err.kind != PP_ERR_USAGE);
    pp_buffer_done(&walker.log);
    return rc;
}

/* What is written without a change is what was read, however it was cut; what was patched is sound,
 * and is not patched again. */
static inline int fuzz_container(const struct pp_container *container, const uint8_t *data,
                                 size_t len) {
    const struct pp_buffer in = {.data = (uint8_t *)(uintptr_t)data, .len = len, .cap = len};
    PP_AUTO_BUFFER struct pp_buffer first = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer second = PP_BUFFER_INIT;
    int scanned = fuzz_walk(container, NULL, &in, SIZE_MAX, NULL);
    int rc = fuzz_walk(container, NULL, &in, 7, &first);

    fuzz_must(rc < 0 || scanned >= 0);
    fuzz_must(scanned >= 0 || rc < 0);
    if (rc < 0)
        return 0;
    fuzz_must(first.len == len && (len == 0 || memcmp(first.data, data, len) == 0));
    if (fuzz_walk(container, FUZZ_OLD, &in, 13, &first) < 0)
        return 0;
    fuzz_must(fuzz_walk(container, FUZZ_OLD, &in, SIZE_MAX, &second) >= 0);
    fuzz_must(first.len == second.len &&
              (first.len == 0 || memcmp(first.data, second.data, first.len) == 0));
    fuzz_must(fuzz_walk(container, NULL, &first, SIZE_MAX, &second) >= 0);
    fuzz_must(first.len == second.len &&
              (first.len == 0 || memcmp(first.data, second.data, first.len) == 0));
    return 0;
}

#endif
