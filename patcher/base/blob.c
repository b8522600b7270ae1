#include "base/blob.h"

#include "base/io.h"

#include <string.h>

struct pp_blob pp_blob_memory(const void *data, size_t len) {
    static const uint8_t nothing[1];

    return (struct pp_blob){.memory = data != NULL ? data : nothing, .fd = -1, .len = len};
}

struct pp_blob pp_blob_file(int fd, uint64_t start, uint64_t len) {
    return (struct pp_blob){.fd = fd, .start = start, .len = len};
}

struct pp_blob pp_blob_begun(int fd, uint64_t len, const void *head, size_t head_len) {
    return (struct pp_blob){
        .fd = fd, .len = len, .head = head, .head_len = head_len < len ? head_len : (size_t)len};
}

struct pp_blob pp_blob_part(const struct pp_blob *blob, uint64_t offset, uint64_t len) {
    struct pp_blob part = *blob;

    if (part.memory != NULL)
        part.memory += offset;
    else
        part.start += offset;
    if (offset < part.head_len) {
        part.head += offset;
        part.head_len -= (size_t)offset;
    } else {
        part.head_len = 0;
    }
    if (part.head_len > len)
        part.head_len = (size_t)len;
    part.len = len;
    return part;
}

ssize_t pp_blob_read(const struct pp_blob *blob, uint64_t offset, void *data, size_t len,
                     struct pp_err *err) {
    size_t known = 0;
    ssize_t count;

    if (offset >= blob->len)
        return 0;
    if (len > blob->len - offset)
        len = (size_t)(blob->len - offset);
    if (blob->memory != NULL) {
        memcpy(data, blob->memory + offset, len);
        return (ssize_t)len;
    }
    if (offset < blob->head_len) {
        known = blob->head_len - (size_t)offset;
        if (known > len)
            known = len;
        memcpy(data, blob->head + offset, known);
        if (known == len)
            return (ssize_t)len;
    }
    count = pp_io_pread(blob->fd, (uint8_t *)data + known, len - known,
                        (off_t)(blob->start + offset + known), err);
    if (count >= 0 && known + (size_t)count < len)
        return pp_err_set(err, PP_ERR_CHANGED, "the file became shorter while it was read");
    return count < 0 ? count : (ssize_t)len;
}
