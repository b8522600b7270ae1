#include "base/sink.h"

#include "base/cleanup.h"
#include "base/io.h"

#define COPY_LEN ((size_t)64 << 10)

int pp_sink_copy(struct pp_sink *sink, struct pp_source *source, struct pp_err *err) {
    PP_AUTO_FREE uint8_t *data = malloc(COPY_LEN);
    ssize_t count;

    if (data == NULL)
        return pp_err_nomem(err);
    while ((count = pp_source_read(source, data, COPY_LEN, err)) > 0) {
        int rc = pp_sink_write(sink, data, (size_t)count, err);

        if (rc < 0)
            return rc;
    }
    return (int)count;
}

static int fd_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct pp_sink_fd *self = (struct pp_sink_fd *)sink;
    int rc = pp_io_write(self->fd, data, len, err);

    if (rc < 0)
        return rc;
    self->len += len;
    return 0;
}

static const struct pp_sink_ops fd_ops = {.write = fd_write};

void pp_sink_fd_init(struct pp_sink_fd *self, int fd) {
    self->sink.ops = &fd_ops;
    self->fd = fd;
    self->len = 0;
}

static int buffer_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct pp_sink_buffer *self = (struct pp_sink_buffer *)sink;

    return pp_buffer_append(self->buffer, data, len, err);
}

static const struct pp_sink_ops buffer_ops = {.write = buffer_write};

void pp_sink_buffer_init(struct pp_sink_buffer *self, struct pp_buffer *buffer) {
    self->sink.ops = &buffer_ops;
    self->buffer = buffer;
}
