/* Runs the zip container alone, so that other programs can look at what it writes.
 *
 *     zip_driver list IN                         a line a member
 *     zip_driver copy IN OUT                     no member is opened
 *     zip_driver through IN OUT                  every member is collected and written again
 *     zip_driver change NAME FROM TO IN OUT      replaces FROM in the member, or in all for "*"
 *
 * Prints "KIND: words" and exits with 1 on an error. */
#include "zip_rewriter.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kinds[] = {
    [PP_ERR_SYSTEM] = "system",           [PP_ERR_NOMEM] = "nomem", [PP_ERR_DAMAGED] = "damaged",
    [PP_ERR_UNSUPPORTED] = "unsupported", [PP_ERR_LIMIT] = "limit", [PP_ERR_CHANGED] = "changed",
};

static int run(struct zip_rewriter *rewriter, const char *in_path, const char *out_path,
               struct pp_err *err) {
    PP_AUTO_CLOSE int in_fd = open(in_path, O_RDONLY | O_CLOEXEC);
    PP_AUTO_CLOSE int out_fd = -1;
    PP_AUTO_SOURCE struct pp_source *in = NULL;
    struct pp_blob blob;
    struct pp_sink_fd out;
    struct stat st;

    if (in_fd < 0 || fstat(in_fd, &st) < 0)
        return pp_err_sys(err, "%s", in_path);
    blob = pp_blob_file(in_fd, 0, (uint64_t)st.st_size);
    if ((in = pp_source_from_blob(&blob, err)) == NULL)
        return -(int)err->kind;
    if (out_path == NULL)
        return pp_container_zip.walk(in, NULL, &rewriter->visitor, err);
    out_fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out_fd < 0)
        return pp_err_sys(err, "%s", out_path);
    pp_sink_fd_init(&out, out_fd);
    return pp_container_zip.walk(in, &out.sink, &rewriter->visitor, err);
}

int main(int argc, char **argv) {
    struct pp_err err = PP_ERR_INIT;
    struct zip_rewriter rewriter;
    int rc;

    zip_rewriter_init(&rewriter);
    if (argc == 3 && strcmp(argv[1], "list") == 0) {
        rc = run(&rewriter, argv[2], NULL, &err);
        if (rewriter.log.len > 0)
            fwrite(rewriter.log.data, 1, rewriter.log.len, stdout);
    } else if (argc == 4 && strcmp(argv[1], "copy") == 0) {
        rc = run(&rewriter, argv[2], argv[3], &err);
    } else if (argc == 4 && strcmp(argv[1], "through") == 0) {
        rewriter.through = true;
        rc = run(&rewriter, argv[2], argv[3], &err);
    } else if (argc == 7 && strcmp(argv[1], "change") == 0) {
        rewriter.only = strcmp(argv[2], "*") == 0 ? NULL : argv[2];
        rewriter.from = argv[3];
        rewriter.to = argv[4];
        rc = run(&rewriter, argv[5], argv[6], &err);
    } else {
        fputs("usage: zip_driver list|copy|through|change ...\n", stderr);
        return 2;
    }
    zip_rewriter_done(&rewriter);
    if (rc >= 0)
        return 0;
    fprintf(stderr, "%s: %s\n", kinds[err.kind] != NULL ? kinds[err.kind] : "other", err.text);
    return 1;
}
