/* Writes the pieces of an .xz file.
 *
 * Blocks whose headers tell their sizes wait with their text until there are as many as there are
 * threads to spare and as three quarters of the budget have room for: then they are encoded side by
 * side. The bytes are the same as without that.
 */
#ifndef PP_STREAM_XZ_WRITER_H
#define PP_STREAM_XZ_WRITER_H

#include "base/buffer.h"
#include "base/helpers.h"
#include "stream/xz_block.h"

/* Blocks that are encoded at once: each may have a temporary file. */
#define PP_XZ_WAITING_MAX 8

struct pp_xz_waiting {
    struct pp_xz_piece *piece;
    struct pp_xz_block block;
    struct pp_buffer text;
    uint64_t text_max; /* taken for it */
    struct pp_err err;
};

struct pp_xz_writer {
    struct pp_budget *budget;   /* borrowed */
    struct pp_helpers *helpers; /* borrowed; NULL: no block waits */
    lzma_index *index;          /* NULL: no block was written since the last stream */
    struct pp_buffer due;       /* bytes that are ready */

    /* The batch. */
    uint64_t encoder_len; /* of its first block, memory; one that takes more is no part of it */
    uint64_t taken_len;   /* of the budget, for texts and all encoders but one */
    size_t most;          /* blocks; 0 until there is a second one */
    size_t count;
    bool encoded;
    size_t given;
    bool closed; /* the header of the one that is given next is due, or was */
    struct pp_xz_waiting waiting[PP_XZ_WAITING_MAX];
};

void pp_xz_writer_init(struct pp_xz_writer *writer, const struct pp_codec_env *env);
void pp_xz_writer_done(struct pp_xz_writer *writer);

/* The encoder of a piece, NULL in `stage` when it was only kept. For a block the caller has taken
 * the memory of one encoder from the budget. */
int pp_xz_writer_encoder(struct pp_xz_writer *writer, struct pp_xz_piece *piece,
                         struct pp_stage **stage, struct pp_err *err);

#endif
