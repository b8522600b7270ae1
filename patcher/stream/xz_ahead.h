/* Blocks of an .xz file that several threads decode side by side.
 *
 * A block whose header tells both its sizes (multi-threaded encoders write those) can be gathered
 * whole before it is decoded. The blocks of a batch are as many as there are threads to spare and
 * as fit into three quarters of the budget: what lies in their text may need memory, too. Their
 * text is given in their order, so that nothing but the time depends on the threads.
 *
 *     pp_xz_ahead_take(), pp_xz_ahead_begin(), pp_xz_ahead_gather()    block by block
 *     pp_xz_ahead_run()                                                when no more are taken
 *     pp_xz_ahead_give()                                               until all are given
 */
#ifndef PP_STREAM_XZ_AHEAD_H
#define PP_STREAM_XZ_AHEAD_H

#include "base/budget.h"
#include "base/helpers.h"
#include "stream/lzma_coder.h"

/* Bytes of text that are worth a thread. */
#define PP_XZ_AHEAD_LEN_MIN ((uint64_t)16 << 10)

struct pp_xz_ahead_block {
    lzma_stream stream;
    lzma_block block;
    uint8_t *encoded;
    size_t encoded_len; /* behind its header, as that tells it */
    size_t gathered_len;
    uint8_t *text; /* NULL: decoded as it is given */
    size_t text_len;
    lzma_ret status;
    size_t given_len;
};

struct pp_xz_ahead {
    struct pp_budget *budget;   /* borrowed */
    struct pp_helpers *helpers; /* borrowed; NULL: nothing is taken */
    uint64_t taken_len;         /* of the budget */
    size_t most;                /* blocks in this batch */
    size_t count;
    bool giving;
    size_t given;
    struct pp_xz_ahead_block blocks[PP_HELPERS_MAX + 1];
};

void pp_xz_ahead_done(struct pp_xz_ahead *ahead);

/* Takes what a block needs from the budget, without waiting. `block` is decoded from its header.
 * False: it is not for this batch. `decoder_len`: memory of its decoder, bytes. */
bool pp_xz_ahead_take(struct pp_xz_ahead *ahead, const lzma_block *block, uint64_t decoder_len);
/* Begins a block that was taken. Its filters are borrowed until this returns. */
int pp_xz_ahead_begin(struct pp_xz_ahead *ahead, const lzma_block *block, struct pp_err *err);
/* PP_STAGE_END: the block that was begun last is whole. */
int pp_xz_ahead_gather(struct pp_xz_ahead *ahead, struct pp_stage_io *io);
/* Decodes what was gathered; of one that is not whole, what there is of it. */
void pp_xz_ahead_run(struct pp_xz_ahead *ahead);
/* Text of the next block, as a stage step. PP_STAGE_END: `block`, whose sizes are checked now, is
 * given; the batch ends with its last one. */
int pp_xz_ahead_give(struct pp_xz_ahead *ahead, struct pp_stage_io *io, lzma_block *block,
                     struct pp_err *err);

#endif
