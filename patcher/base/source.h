/* Where bytes come from: a pull interface, read in order.
 *
 * A source is a struct that embeds `struct pp_source` as its first member. Whoever made it owns it;
 * pp_source_free() lets it go. Sources that sit on another one borrow it.
 */
#ifndef PP_BASE_SOURCE_H
#define PP_BASE_SOURCE_H

#include "base/blob.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pp_source;

struct pp_source_ops {
    /* Gives 1 to `len` bytes, or 0 at the end. May give fewer than are left. */
    ssize_t (*read)(struct pp_source *source, void *data, size_t len, struct pp_err *err);
    void (*free)(struct pp_source *source); /* NULL: nothing to let go */
};

struct pp_source {
    const struct pp_source_ops *ops;
};

void pp_source_free(struct pp_source *source);
/* The usual clean-up attribute for a `struct pp_source *`. */
void pp_source_freep(struct pp_source **source);
#define PP_AUTO_SOURCE PP_AUTO(pp_source_freep)

static inline ssize_t pp_source_read(struct pp_source *source, void *data, size_t len,
                                     struct pp_err *err) {
    return source->ops->read(source, data, len, err);
}

/* Reads until `len` bytes or the end. Returns the bytes read. */
ssize_t pp_source_read_full(struct pp_source *source, void *data, size_t len, struct pp_err *err);

/* The bytes of a blob, from its start. The blob is borrowed. NULL and `err` when out of memory. */
struct pp_source *pp_source_from_blob(const struct pp_blob *blob, struct pp_err *err);

/* The blob that this source reads from and how far it has read, or NULL when it has none. */
const struct pp_blob *pp_source_blob(const struct pp_source *source, uint64_t *offset);

/* `head` (copied) and then the rest of `tail` (borrowed). */
struct pp_source *pp_source_prepend(const void *head, size_t head_len, struct pp_source *tail,
                                    struct pp_err *err);

/* The next `len` bytes of `whole` (borrowed); an earlier end is PP_ERR_DAMAGED. */
struct pp_source *pp_source_limit(struct pp_source *whole, uint64_t len, struct pp_err *err);

#endif
