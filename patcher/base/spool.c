#include "base/spool.h"

#include "base/broker.h"
#include "base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *temporary_folder(void) {
    const char *folder = getenv("TMPDIR");

    return folder != NULL && folder[0] == '/' ? folder : "/tmp";
}

int pp_spool_open_temporary(struct pp_err *err) {
    const char *folder = temporary_folder();
    char path[4096];
    int fd;

    if ((size_t)snprintf(path, sizeof(path), "%s/pathpatch.XXXXXX", folder) >= sizeof(path))
        return pp_err_set(err, PP_ERR_USAGE, "TMPDIR is too long");
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return pp_err_sys(err, "cannot create a temporary file in %s", folder);
    unlink(path);
    return fd;
}

static int write_temporary(int fd, const void *data, size_t len, struct pp_err *err) {
    if (pp_io_write(fd, data, len, err) < 0)
        return pp_err_context(err, "a temporary file in %s (TMPDIR)", temporary_folder());
    return 0;
}

static int spool_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct pp_spool *spool = (struct pp_spool *)sink;
    int rc;

    if (spool->fd < 0 && len > PP_SPOOL_MEMORY_MAX - spool->memory.len) {
        int fd = pp_broker_is_there() ? pp_broker_temporary(err) : pp_spool_open_temporary(err);

        if (fd < 0)
            return fd;
        spool->fd = fd;
        rc = write_temporary(fd, spool->memory.data, spool->memory.len, err);
        if (rc < 0)
            return rc;
        pp_buffer_done(&spool->memory);
    }
    if (spool->fd >= 0)
        rc = write_temporary(spool->fd, data, len, err);
    else
        rc = pp_buffer_append(&spool->memory, data, len, err);
    if (rc < 0)
        return rc;
    spool->len += len;
    return 0;
}

static const struct pp_sink_ops spool_ops = {.write = spool_write};

void pp_spool_init(struct pp_spool *spool) {
    *spool = (struct pp_spool){.sink.ops = &spool_ops, .memory = PP_BUFFER_INIT, .fd = -1};
}

void pp_spool_done(struct pp_spool *spool) {
    pp_buffer_done(&spool->memory);
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
    spool->len = 0;
}

struct pp_blob pp_spool_blob(const struct pp_spool *spool) {
    if (spool->fd >= 0)
        return pp_blob_file(spool->fd, 0, spool->len);
    return pp_blob_memory(spool->memory.data, spool->memory.len);
}
