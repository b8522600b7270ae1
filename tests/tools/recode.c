/* recode CODEC [FIND REPLACE]: takes stdin apart with one codec and writes it again to stdout, with
 * every FIND in the text replaced. Exit code 0, or 1 with the error on stderr. */
#include "base/cleanup.h"
#include "base/io.h"
#include "recode_run.h"
#include "sample_text.h"

#include <stdio.h>

static const struct pp_codec *const codecs[] = {
    &pp_codec_bzip2,
    &pp_codec_xz,
    &pp_codec_lzma,
    &pp_codec_zstd,
};

static const struct pp_codec *codec_by_name(const char *name) {
    for (size_t i = 0; i < PP_ARRAY_LEN(codecs); i++) {
        if (strcmp(codecs[i]->name, name) == 0)
            return codecs[i];
    }
    return NULL;
}

static int recode(const struct pp_codec *codec, const char *find, const char *replace,
                  struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer in = PP_BUFFER_INIT;
    PP_AUTO(recode_run_done) struct recode_run first = recode_run_whole(codec);
    PP_AUTO(recode_run_done) struct recode_run second = recode_run_whole(codec);
    int rc = pp_io_read_all(STDIN_FILENO, (size_t)1 << 30, &in, err);

    first.decode_only = true;
    first.memory_len = second.memory_len = (uint64_t)1 << 30;
    if (rc < 0 || (rc = recode_run(&first, in.data, in.len, err)) < 0)
        return rc;
    if (find != NULL) {
        sample_replace(&first.was, find, replace);
        second.len_kept = strlen(find) == strlen(replace);
    }
    second.patched = &first.was;
    rc = recode_run(&second, in.data, in.len, err);
    return rc < 0 ? rc : pp_io_write(STDOUT_FILENO, second.out.data, second.out.len, err);
}

int main(int argc, char **argv) {
    const struct pp_codec *codec = argc == 2 || argc == 4 ? codec_by_name(argv[1]) : NULL;
    struct pp_err err = PP_ERR_INIT;

    if (codec == NULL) {
        fputs("usage: recode bzip2|xz|lzma|zstd [FIND REPLACE]\n", stderr);
        return 2;
    }
    if (recode(codec, argc == 4 ? argv[2] : NULL, argv[argc - 1], &err) >= 0)
        return 0;
    fprintf(stderr, "recode: %s\n", err.text);
    return 1;
}
