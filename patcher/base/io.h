/* Whole reads and writes: no short counts, no EINTR. */
#ifndef PP_BASE_IO_H
#define PP_BASE_IO_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Read until `len` bytes or the end of the file. Return the bytes read (short only at the end). */
ssize_t pp_io_read(int fd, void *data, size_t len, struct pp_err *err);
ssize_t pp_io_pread(int fd, void *data, size_t len, off_t offset, struct pp_err *err);

/* Write all of it. */
int pp_io_write(int fd, const void *data, size_t len, struct pp_err *err);
int pp_io_pwrite(int fd, const void *data, size_t len, off_t offset, struct pp_err *err);

/* Appends the rest of the file to the buffer; more than `max_len` bytes is PP_ERR_LIMIT. */
int pp_io_read_all(int fd, size_t max_len, struct pp_buffer *buffer, struct pp_err *err);

#endif
