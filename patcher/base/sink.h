/* Where bytes go: a push interface, written in order. The counterpart of source.h. */
#ifndef PP_BASE_SINK_H
#define PP_BASE_SINK_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/source.h"

#include <stddef.h>
#include <stdint.h>

struct pp_sink;

struct pp_sink_ops {
    /* Takes all `len` bytes or fails. */
    int (*write)(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err);
};

struct pp_sink {
    const struct pp_sink_ops *ops;
};

static inline int pp_sink_write(struct pp_sink *sink, const void *data, size_t len,
                                struct pp_err *err) {
    return sink->ops->write(sink, data, len, err);
}

/* Writes all that the source still gives. */
int pp_sink_copy(struct pp_sink *sink, struct pp_source *source, struct pp_err *err);

/* Appends to a file descriptor, at its current offset. The descriptor is borrowed. */
struct pp_sink_fd {
    struct pp_sink sink;
    int fd;
    uint64_t len; /* bytes written so far */
};
void pp_sink_fd_init(struct pp_sink_fd *self, int fd);

/* Appends to a buffer, which is borrowed. */
struct pp_sink_buffer {
    struct pp_sink sink;
    struct pp_buffer *buffer;
};
void pp_sink_buffer_init(struct pp_sink_buffer *self, struct pp_buffer *buffer);

#endif
