/* The pieces of an .xz file, and how the writer encodes them.
 *
 * Source: "The .xz File Format", version 1.2.1. A file is streams with padding between them; a
 * stream is a header, blocks, an index and a footer. The writer keeps the filters, the check and
 * the size of each block; a block whose header tells its sizes (multi-threaded encoders write
 * those) tells them again.
 */
#ifndef PP_STREAM_XZ_PIECE_H
#define PP_STREAM_XZ_PIECE_H

#include "stream/lzma_coder.h"

enum pp_xz_kind {
    PP_XZ_KEPT = 0, /* a stream header or padding */
    PP_XZ_BLOCK,
    PP_XZ_INDEX, /* with the footer */
};

struct pp_xz_piece {
    struct pp_piece piece;
    enum pp_xz_kind kind;
    lzma_stream_flags flags; /* of the stream */
    uint32_t header_size;    /* of the block, as the header itself below */
    bool compressed_told;
    bool uncompressed_told;
    struct pp_lzma_style style;
    lzma_filter filters[LZMA_FILTERS_MAX + 1]; /* the options are owned */
};

/* LZMA_VLI_UNKNOWN in every filter, so that it can be freed. */
struct pp_xz_piece *pp_xz_piece_new(enum pp_xz_kind kind, struct pp_err *err);
void pp_xz_piece_free(struct pp_piece *piece);

/* The encoder of a piece, NULL in `stage` when it was only kept. `index` (NULL when no block was
 * written since the last stream) gathers the blocks and is let go with the index itself. */
int pp_xz_encoder(struct pp_xz_piece *piece, lzma_index **index, struct pp_stage **stage,
                  struct pp_err *err);

#endif
