/* walk_container FORMAT list|rewrite [OLD NEW] < IN > OUT
 *
 * list prints the visitor's calls; rewrite writes the container again, with OLD replaced by NEW and
 * members resized as their names say (walker.h). Exits with the error kind, 0 when done,
 * 99 when the format does not bid. */
#include "walker.h"

#include "base/io.h"

#include <unistd.h>

static const struct pp_container *const containers[] = {&pp_container_tar, &pp_container_ar,
                                                        &pp_container_cpio, &pp_container_mo};

static int run(const struct pp_container *container, struct walker *walker, bool rewrite,
               struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer data = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    int rc = pp_io_read_all(STDIN_FILENO, (size_t)1 << 30, &data, err);

    if (rc < 0)
        return rc;
    if (!container->bid(data.data, data.len < 512 ? data.len : 512))
        return -99;
    rc = walker_run(walker, container, data.data, data.len, 4093, rewrite ? &out : NULL, err);
    if (rc >= 0)
        rc = pp_io_write(STDOUT_FILENO, out.data, out.len, err);
    return rc;
}

int main(int argc, char **argv) {
    struct walker walker = walker_of(argc > 4 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
    struct pp_err err = PP_ERR_INIT;
    int rc = -99;

    if (argc < 3)
        return 98;
    if (strcmp(argv[2], "list") == 0)
        walker.list = stdout;
    for (size_t i = 0; i < PP_ARRAY_LEN(containers); i++)
        if (strcmp(containers[i]->name, argv[1]) == 0)
            rc = run(containers[i], &walker, walker.list == NULL, &err);
    pp_buffer_done(&walker.log);
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    return rc < 0 ? -rc : 0;
}
