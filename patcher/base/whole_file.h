/* Files that are read at random and written whole, by their names on a command line.
 *
 * "-" is standard input or output. An output is there whole or not at all: it is written beside its
 * path under a short name, then synced and renamed over it. The broker (broker.h) does the
 * renaming: it is started when the output is opened, so that the process can drop the right to do
 * it.
 */
#ifndef PP_BASE_WHOLE_FILE_H
#define PP_BASE_WHOLE_FILE_H

#include "base/blob.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/spool.h"

#include <stdbool.h>
#include <sys/stat.h>

struct pp_whole_input {
    struct pp_blob blob; /* all of it */
    struct stat st;
    int fd;
    struct pp_spool spool; /* of what cannot be read at random */
};

#define PP_WHOLE_INPUT_INIT                                                                        \
    {                                                                                              \
        .fd = -1, .spool = {.fd = -1 }                                                             \
    }
#define PP_AUTO_WHOLE_INPUT PP_AUTO(pp_whole_input_done)

int pp_whole_input_open(struct pp_whole_input *input, const char *path, struct pp_err *err);
void pp_whole_input_done(struct pp_whole_input *input);

struct pp_whole_output {
    struct pp_sink sink;   /* write here */
    const char *path;      /* borrowed */
    char *temporary;       /* path of the file beside it; NULL: the bytes go to `spool` */
    int fd;                /* -1: standard output */
    struct pp_spool spool; /* for what is no regular file: standard output, a pipe */
};

#define PP_WHOLE_OUTPUT_INIT                                                                       \
    {                                                                                              \
        .fd = -1, .spool = {.fd = -1 }                                                             \
    }
#define PP_AUTO_WHOLE_OUTPUT PP_AUTO(pp_whole_output_done)

/* PP_ERR_REFUSED when it is the file of `input` (may be NULL), or a folder. */
int pp_whole_output_open(struct pp_whole_output *output, const char *path,
                         const struct pp_whole_input *input, struct pp_err *err);
/* Puts it in its place. */
int pp_whole_output_commit(struct pp_whole_output *output, struct pp_err *err);
/* What was not committed is gone. */
void pp_whole_output_done(struct pp_whole_output *output);

#endif
