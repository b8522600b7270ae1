/* What a codec takes, it must write again so that it can be read again: the same text, and after a
 * change the changed text. Whatever happens, errors are told and the budget is given back. */
#ifndef PP_FUZZ_RECODE_TWICE_H
#define PP_FUZZ_RECODE_TWICE_H

#include "../tools/recode_run.h"

#include "base/cleanup.h"

#include <stdlib.h>

#define FUZZ_MEMORY_LEN ((uint64_t)200 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Runs; an error must be whole. */
static inline int fuzz_run(struct recode_run *run, const uint8_t *data, size_t len) {
    struct pp_err err = PP_ERR_INIT;
    int rc;

    run->memory_len = FUZZ_MEMORY_LEN;
    run->jobs = 1 + len % 3;
    rc = recode_run(run, data, len, &err);
    if (rc < 0 && (rc != -(int)err.kind || err.text[0] == '\0' || err.kind == PP_ERR_USAGE))
        abort();
    return rc;
}

static inline void fuzz_same(const struct pp_buffer *one, const struct pp_buffer *other) {
    if (one->len != other->len || (one->len > 0 && memcmp(one->data, other->data, one->len) != 0))
        abort();
}

/* Writes `text` and reads it again. False when the codec cannot write it. */
static inline bool fuzz_write(const struct pp_codec *codec, const uint8_t *data, size_t len,
                              const struct pp_buffer *text, bool len_kept) {
    PP_AUTO(recode_run_done) struct recode_run writing = recode_run_whole(codec);
    PP_AUTO(recode_run_done) struct recode_run reading = recode_run_whole(codec);

    writing.source_len = 1 + len % 5;
    writing.patched = text;
    writing.len_kept = len_kept;
    if (fuzz_run(&writing, data, len) < 0)
        return false;
    reading.decode_only = true;
    if (fuzz_run(&reading, writing.out.data, writing.out.len) < 0)
        abort();
    fuzz_same(&reading.was, text);
    return true;
}

static inline int fuzz_recode_twice(const struct pp_codec *codec, const uint8_t *data, size_t len) {
    PP_AUTO(recode_run_done) struct recode_run first = recode_run_whole(codec);
    struct pp_buffer *text = &first.was;
    struct pp_err err = PP_ERR_INIT;

    codec->bid(data, len);
    first.decode_only = true;
    first.text_max = (size_t)1 << 20;
    if (fuzz_run(&first, data, len) < 0)
        return 0;
    if (!fuzz_write(codec, data, len, text, true) || text->len == 0)
        return 0;
    text->data[text->len / 2] ^= 1;
    fuzz_write(codec, data, len, text, true);
    if (pp_buffer_append(text, "longer than before", 18, &err) < 0)
        abort();
    fuzz_write(codec, data, len, text, false);
    return 0;
}

#endif
