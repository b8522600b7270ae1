#include "base/io.h"

#include <errno.h>
#include <unistd.h>

ssize_t pp_io_read(int fd, void *data, size_t len, struct pp_err *err) {
    char *at = data;
    size_t done = 0;

    while (done < len) {
        ssize_t count = read(fd, at + done, len - done);

        if (count == 0)
            break;
        if (count > 0)
            done += (size_t)count;
        else if (errno != EINTR)
            return pp_err_sys(err, "cannot read");
    }
    return (ssize_t)done;
}

ssize_t pp_io_pread(int fd, void *data, size_t len, off_t offset, struct pp_err *err) {
    char *at = data;
    size_t done = 0;

    while (done < len) {
        ssize_t count = pread(fd, at + done, len - done, offset + (off_t)done);

        if (count == 0)
            break;
        if (count > 0)
            done += (size_t)count;
        else if (errno != EINTR)
            return pp_err_sys(err, "cannot read");
    }
    return (ssize_t)done;
}

int pp_io_write(int fd, const void *data, size_t len, struct pp_err *err) {
    const char *at = data;

    while (len > 0) {
        ssize_t count = write(fd, at, len);

        if (count >= 0) {
            at += count;
            len -= (size_t)count;
        } else if (errno != EINTR) {
            return pp_err_sys(err, "cannot write");
        }
    }
    return 0;
}

int pp_io_pwrite(int fd, const void *data, size_t len, off_t offset, struct pp_err *err) {
    const char *at = data;

    while (len > 0) {
        ssize_t count = pwrite(fd, at, len, offset);

        if (count >= 0) {
            at += count;
            offset += count;
            len -= (size_t)count;
        } else if (errno != EINTR) {
            return pp_err_sys(err, "cannot write");
        }
    }
    return 0;
}

int pp_io_read_all(int fd, size_t max_len, struct pp_buffer *buffer, struct pp_err *err) {
    size_t total = 0;

    for (;;) {
        ssize_t count;
        int rc = pp_buffer_reserve(buffer, 65536, err);

        if (rc < 0)
            return rc;
        count = pp_io_read(fd, buffer->data + buffer->len, 65536, err);
        if (count < 0)
            return (int)count;
        total += (size_t)count;
        if (total > max_len)
            return pp_err_set(err, PP_ERR_LIMIT, "larger than %zu bytes", max_len);
        buffer->len += (size_t)count;
        buffer->data[buffer->len] = '\0';
        if (count < 65536)
            return 0;
    }
}
