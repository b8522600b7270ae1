/* A block of an .xz file that is encoded: its header, its filters, its check.
 *
 * The filters, the check and the size of the header are those of the original. Where the header
 * tells its sizes (multi-threaded encoders write those), it is known once all is encoded, and what
 * is encoded is held back until then.
 */
#ifndef PP_STREAM_XZ_BLOCK_H
#define PP_STREAM_XZ_BLOCK_H

#include "base/buffer.h"
#include "base/spool.h"
#include "stream/stage.h"
#include "stream/xz_piece.h"

struct pp_xz_block {
    struct pp_xz_piece *piece; /* borrowed */
    lzma_stream stream;
    lzma_block block;
    struct pp_spool held;
    uint64_t held_at; /* given so far */
};

/* Does it wait for its header? */
bool pp_xz_block_is_held(const struct pp_xz_piece *piece);

/* To be done with pp_xz_block_done(), also after an error. `due` gets the header, unless that has
 * to wait. */
int pp_xz_block_begin(struct pp_xz_block *block, struct pp_xz_piece *piece, struct pp_buffer *due,
                      struct pp_err *err);
void pp_xz_block_done(struct pp_xz_block *block);

/* Takes text, as a stage step. Gives bytes only where nothing is held back. PP_STAGE_END: all is
 * encoded, and the encoder's memory is free again. */
int pp_xz_block_encode(struct pp_xz_block *block, struct pp_stage_io *io, struct pp_err *err);
/* Once all is encoded: `due` gets the header, if that had to wait, and the index its line. */
int pp_xz_block_close(struct pp_xz_block *block, lzma_index *index, struct pp_buffer *due,
                      struct pp_err *err);
/* Gives what was held back. PP_STAGE_END: nothing is left. */
int pp_xz_block_give(struct pp_xz_block *block, struct pp_stage_io *io, struct pp_err *err);

#endif
