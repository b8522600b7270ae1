/* Bytes that can be read at any offset: a stretch of a file or of memory. A borrowed view. */
#ifndef PP_BASE_BLOB_H
#define PP_BASE_BLOB_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pp_blob {
    const uint8_t *memory; /* NULL: the bytes are in `fd` */
    int fd;
    uint64_t start; /* offset of the first byte in the file; 0 for memory */
    uint64_t len;
    const uint8_t *head; /* the first bytes of a file, which were read before */
    size_t head_len;
};

struct pp_blob pp_blob_memory(const void *data, size_t len);
struct pp_blob pp_blob_file(int fd, uint64_t start, uint64_t len);
/* A whole file of `len` bytes, of which `head_len` are in memory already (borrowed). */
struct pp_blob pp_blob_begun(int fd, uint64_t len, const void *head, size_t head_len);
/* The `len` bytes from `offset` on; the caller has checked that they lie inside. */
struct pp_blob pp_blob_part(const struct pp_blob *blob, uint64_t offset, uint64_t len);

/* Reads up to `len` bytes at `offset`; short only at the end of the blob. A file that has become
 * shorter than the blob is PP_ERR_CHANGED. */
ssize_t pp_blob_read(const struct pp_blob *blob, uint64_t offset, void *data, size_t len,
                     struct pp_err *err);

#endif
