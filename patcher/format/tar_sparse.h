/* Sparse members of tar: parts of a file are stored one behind the other, with a map that says
 * where each belongs. What lies between them, the holes, reads as zeros.
 *
 * A visitor sees the file as it would be unpacked; of what it writes the parts are stored again.
 */
#ifndef PP_FORMAT_TAR_SPARSE_H
#define PP_FORMAT_TAR_SPARSE_H

#include "base/buffer.h"
#include "format/container.h"
#include "format/tar_pax.h"

struct pp_tar_sparse {
    struct pp_buffer parts; /* of struct part */
    uint64_t file_len;
    uint64_t stored_len;
    uint64_t next; /* pax 0.0 and 0.1: the offset of the part whose length comes next */
    bool has_next; /* there is one */
    bool is_wrong; /* the map is not made of numbers, or out of order */
};

#define PP_TAR_SPARSE_INIT                                                                         \
    { .parts = PP_BUFFER_INIT }

void pp_tar_sparse_done(struct pp_tar_sparse *sparse);
void pp_tar_sparse_clear(struct pp_tar_sparse *sparse);

/* One number of a map: an offset and a length in turn. */
int pp_tar_sparse_number(struct pp_tar_sparse *sparse, uint64_t number, struct pp_err *err);
/* A pax record, of GNU.sparse.* those that count. */
int pp_tar_sparse_record(struct pp_tar_sparse *sparse, const struct pp_pax_record *record,
                         const uint8_t *value, struct pp_err *err);
/* The map in a header of old GNU format, or in a block behind one. */
int pp_tar_sparse_block(struct pp_tar_sparse *sparse, const uint8_t *block, bool is_header,
                        struct pp_err *err);

/* Why a member of which `stored_len` bytes are stored is left as it is, or NULL. */
const char *pp_tar_sparse_refusal(const struct pp_tar_sparse *sparse, uint64_t stored_len);

/* Stands between the content of a member as stored and a visitor. It is offered no texts. Both
 * `sparse` and `inner` are borrowed. */
struct pp_tar_sparse_visitor {
    struct pp_visitor visitor;
    struct pp_visitor *inner;
    const struct pp_tar_sparse *sparse;
};
void pp_tar_sparse_visitor_init(struct pp_tar_sparse_visitor *self,
                                const struct pp_tar_sparse *sparse, struct pp_visitor *inner);

#endif
