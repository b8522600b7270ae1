/* One pass over a container that is read in order: what tar, ar and cpio have in common.
 *
 * The format reads the header of a member, offers its texts, and hands the content to
 * pp_pass_content(), which asks the visitor and has the header written when the length of the
 * content is known. Without a sink the same calls write nothing.
 */
#ifndef PP_FORMAT_PASS_H
#define PP_FORMAT_PASS_H

#include "base/buffer.h"
#include "format/container.h"

struct pp_pass {
    struct pp_source *in;       /* borrowed */
    struct pp_sink *out;        /* borrowed; NULL: nothing is written */
    struct pp_visitor *visitor; /* borrowed */
    uint64_t offset;            /* in the container, of the next byte of `in` */
};

/* Reads until `len` bytes or the end. Returns the bytes read. */
ssize_t pp_pass_read(struct pp_pass *pass, void *data, size_t len, struct pp_err *err);
/* Appends the next `len` bytes to the buffer; an earlier end is PP_ERR_DAMAGED. A buffer that would
 * hold more than `max_len` is PP_ERR_LIMIT. */
int pp_pass_append(struct pp_pass *pass, struct pp_buffer *buffer, uint64_t len, size_t max_len,
                   struct pp_err *err);
int pp_pass_write(struct pp_pass *pass, const void *data, size_t len, struct pp_err *err);
/* Copies the next `len` bytes; an earlier end is PP_ERR_DAMAGED. */
int pp_pass_copy(struct pp_pass *pass, uint64_t len, struct pp_err *err);
/* The zero bytes that fill content up to a multiple of `align` (a power of two, up to 512): copied,
 * or made anew when the length changed from `len` to `new_len`. */
int pp_pass_padding(struct pp_pass *pass, uint64_t len, uint64_t new_len, unsigned align,
                    struct pp_err *err);
/* Offers a text to the visitor. Returns 1 when it was changed. */
int pp_pass_text(struct pp_pass *pass, const struct pp_member *member, uint64_t offset,
                 uint8_t *data, size_t len, struct pp_err *err);

/* Writes the header, mended where `len` is not the length that it states. */
typedef int pp_pass_header_fn(void *header, uint64_t len, struct pp_err *err);

/* The content of a member: the next member->len bytes. `new_len` is set to the length written. */
int pp_pass_content(struct pp_pass *pass, struct pp_member *member, pp_pass_header_fn *write_header,
                    void *header, uint64_t *new_len, struct pp_err *err);

#endif
