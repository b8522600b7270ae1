/* A moving view of a blob: many small reads that lie near one another cost few calls. Bytes in
 * memory are shown where they are. */
#ifndef PP_BASE_WINDOW_H
#define PP_BASE_WINDOW_H

#include "base/blob.h"

/* What a file is read in, at the least. */
#define PP_WINDOW_LEN ((size_t)64 << 10)

struct pp_window {
    struct pp_blob blob;
    uint8_t *data; /* the bytes from `offset` on; NULL where none were read, and for memory */
    size_t cap;
    size_t len;
    uint64_t offset;
};

/* A window over what the blob is a view of, which is borrowed. */
void pp_window_init(struct pp_window *window, const struct pp_blob *blob);
void pp_window_done(struct pp_window *window);

/* The `len` bytes at `offset`, until the next call. NULL and PP_ERR_DAMAGED when the blob ends
 * before. */
const uint8_t *pp_window_at(struct pp_window *window, uint64_t offset, size_t len,
                            struct pp_err *err);

#endif
