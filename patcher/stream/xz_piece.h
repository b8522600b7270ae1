/* The pieces of an .xz file.
 *
 * Source: "The .xz File Format", version 1.2.1. A file is streams with padding between them; a
 * stream is a header, blocks, an index and a footer.
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
    uint64_t told_len; /* of the text */
    struct pp_lzma_style style;
    lzma_filter filters[LZMA_FILTERS_MAX + 1]; /* the options are owned */
};

/* LZMA_VLI_UNKNOWN in every filter, so that it can be freed. */
struct pp_xz_piece *pp_xz_piece_new(enum pp_xz_kind kind, struct pp_err *err);
void pp_xz_piece_free(struct pp_piece *piece);
/* A piece with all that this one has, for who needs it longer; this one is left to be freed. */
struct pp_xz_piece *pp_xz_piece_move(struct pp_xz_piece *piece, struct pp_err *err);

#endif
