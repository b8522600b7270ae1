#include "base/whole_file.h"

#include "base/broker.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* Names that are tried: others belong to runs that were killed. */
#define NAME_COUNT 1000

static bool is_standard(const char *path) {
    return strcmp(path, "-") == 0;
}

/* ---- input ---- */

static int read_spool(struct pp_whole_input *input, struct pp_err *err) {
    uint8_t data[16384];
    ssize_t count;
    int rc = 0;

    while (rc >= 0 && (count = pp_io_read(input->fd, data, sizeof(data), err)) != 0)
        rc = count < 0 ? (int)count : pp_sink_write(&input->spool.sink, data, (size_t)count, err);
    input->blob = pp_spool_blob(&input->spool);
    return rc;
}

int pp_whole_input_open(struct pp_whole_input *input, const char *path, struct pp_err *err) {
    int rc = 0;

    *input = (struct pp_whole_input){.fd = -1};
    pp_spool_init(&input->spool);
    input->fd = is_standard(path) ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0)
        return pp_err_sys(err, "%s: cannot open", path);
    if (fstat(input->fd, &input->st) < 0)
        return pp_err_sys(err, "%s: cannot look at it", path);
    if (S_ISDIR(input->st.st_mode))
        return pp_err_set(err, PP_ERR_USAGE, "%s: a folder; give it a file", path);
    /* Standard input may be a file that was read in part. */
    if (S_ISREG(input->st.st_mode) && !is_standard(path))
        input->blob = pp_blob_file(input->fd, 0, (uint64_t)input->st.st_size);
    else
        rc = read_spool(input, err);
    return rc < 0 ? pp_err_context(err, "%s", path) : 0;
}

void pp_whole_input_done(struct pp_whole_input *input) {
    pp_spool_done(&input->spool);
    if (input->fd >= 0)
        close(input->fd);
    input->fd = -1;
}

/* ---- output ---- */

static int output_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct pp_whole_output *self = (struct pp_whole_output *)sink;

    if (self->temporary == NULL)
        return pp_sink_write(&self->spool.sink, data, len, err);
    if (pp_io_write(self->fd, data, len, err) < 0)
        return pp_err_context(err, "%s", self->path);
    return 0;
}

static const struct pp_sink_ops output_ops = {.write = output_write};

/* Opens a new file in the folder of the path. */
static int open_temporary(struct pp_whole_output *output, struct pp_err *err) {
    const char *slash = strrchr(output->path, '/');
    int folder_len = slash != NULL ? (int)(slash - output->path) + 1 : 0;

    for (unsigned i = 0; i < NAME_COUNT; i++) {
        PP_AUTO_FREE char *name = NULL;

        if (asprintf(&name, "%.*s.pathpatch-%ld-%u", folder_len, output->path, (long)getpid(), i) <
            0) {
            name = NULL;
            return pp_err_nomem(err);
        }
        output->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (output->fd >= 0) {
            output->temporary = name;
            name = NULL;
            return 0;
        }
        if (errno != EEXIST)
            break;
    }
    return pp_err_sys(err, "%s: cannot create a file beside it", output->path);
}

/* In the broker. Returns an errno. */
static int end_output(void *context, bool asked) {
    const struct pp_whole_output *output = context;
    int error = 0;

    if (asked && rename(output->temporary, output->path) == 0)
        return 0;
    if (asked)
        error = errno;
    unlink(output->temporary);
    return error;
}

int pp_whole_output_open(struct pp_whole_output *output, const char *path,
                         const struct pp_whole_input *input, struct pp_err *err) {
    struct stat st;
    bool there;
    int rc;

    *output = (struct pp_whole_output){.sink.ops = &output_ops, .path = path, .fd = -1};
    pp_spool_init(&output->spool);
    if (is_standard(path))
        return 0;
    there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return pp_err_set(err, PP_ERR_REFUSED, "%s: a folder; name the file in it", path);
    if (there && input != NULL && st.st_dev == input->st.st_dev && st.st_ino == input->st.st_ino)
        return pp_err_set(err, PP_ERR_REFUSED, "%s: is the input; name another file", path);
    if (there && !S_ISREG(st.st_mode)) {
        output->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        return output->fd < 0 ? pp_err_sys(err, "%s: cannot open", path) : 0;
    }
    if (open_temporary(output, err) < 0)
        return -(int)err->kind;
    if (there && fchmod(output->fd, st.st_mode & 0777) < 0)
        rc = pp_err_sys(err, "%s: cannot set its mode", path);
    else
        rc = pp_broker_start(end_output, output, err);
    /* There is no broker that would. */
    if (rc < 0) {
        unlink(output->temporary);
        free(output->temporary);
        output->temporary = NULL;
    }
    return rc;
}

/* What is no file of its own gets the bytes once all of them are there. */
static int write_through(struct pp_whole_output *output, struct pp_err *err) {
    struct pp_blob blob = pp_spool_blob(&output->spool);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&blob, err);
    struct pp_sink_fd sink;

    if (source == NULL)
        return -(int)err->kind;
    pp_sink_fd_init(&sink, is_standard(output->path) ? STDOUT_FILENO : output->fd);
    if (pp_sink_copy(&sink.sink, source, err) < 0)
        return pp_err_context(err, "%s", output->path);
    return 0;
}

int pp_whole_output_commit(struct pp_whole_output *output, struct pp_err *err) {
    int status;

    if (output->temporary == NULL)
        return write_through(output, err);
    if (fsync(output->fd) < 0)
        return pp_err_sys(err, "%s: cannot write", output->path);
    if (pp_broker_finish(&status, err) < 0)
        return pp_err_context(err, "%s", output->path);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
        return pp_err_sys(err, "%s: cannot put it in its place", output->path);
    }
    free(output->temporary);
    output->temporary = NULL;
    return 0;
}

void pp_whole_output_done(struct pp_whole_output *output) {
    if (output->temporary != NULL)
        pp_broker_end();
    free(output->temporary);
    output->temporary = NULL;
    pp_spool_done(&output->spool);
    if (output->fd >= 0)
        close(output->fd);
    output->fd = -1;
}
