/* Blocks of an .xz file that several threads decode.
 *
 * A block whose header tells both its sizes (multi-threaded encoders write those) can be gathered
 * whole before it is decoded. The row of such blocks is as long as half of the budget allows: what
 * lies in their text may need memory, too. While the first is given, helpers decode
 * those behind it. Text is given in order, so that nothing but the time depends on the threads.
 *
 *     pp_xz_ahead_take(), then pp_xz_ahead_gather() until its end    a block joins the row
 *     pp_xz_ahead_turn(), then pp_xz_ahead_give() until its end      the first of the row leaves
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
    uint64_t taken_len; /* of the budget */
    uint8_t *encoded;
    size_t encoded_len; /* behind its header, as that tells it */
    size_t gathered_len;
    uint8_t *text; /* NULL: decoded as it is given */
    size_t text_len;
    size_t given_len;
    lzma_ret status; /* of the decoder, once it is done */
    bool done;
};

#define PP_XZ_AHEAD_MAX ((size_t)2 * (PP_HELPERS_MAX + 1))

struct pp_xz_ahead {
    struct pp_budget *budget;   /* borrowed */
    struct pp_helpers *helpers; /* borrowed; NULL: no block is taken */
    uint64_t taken_len;         /* of the budget, by all blocks */
    bool giving;                /* the first of the row */

    /* The row, by number; a block's place is its number modulo PP_XZ_AHEAD_MAX. */
    size_t head; /* given next */
    size_t tail; /* taken next */
    size_t most; /* blocks in the row */
    struct pp_xz_ahead_block blocks[PP_XZ_AHEAD_MAX];

    /* What the helpers share with the one who reads, under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t told;
    pthread_cond_t decoded;
    size_t next;  /* to be decoded next, */
    size_t ready; /* up to here */
    unsigned idle;
    bool closed;
    unsigned thread_count;
    pthread_t threads[PP_HELPERS_MAX];
};

void pp_xz_ahead_init(struct pp_xz_ahead *ahead, const struct pp_codec_env *env);
void pp_xz_ahead_done(struct pp_xz_ahead *ahead);

/* Is there a block in the row? */
bool pp_xz_ahead_holds(const struct pp_xz_ahead *ahead);
/* Begins a block, which is decoded from its header and has its filters; they are borrowed until
 * this returns. What it needs is taken from the budget, without waiting. False: it cannot join the
 * row as that is. `decoder_len`: memory of its decoder, bytes. */
bool pp_xz_ahead_take(struct pp_xz_ahead *ahead, const lzma_block *block, uint64_t decoder_len);
/* PP_STAGE_END: the block that was taken last is whole. */
int pp_xz_ahead_gather(struct pp_xz_ahead *ahead, struct pp_stage_io *io);
/* It is the turn of the first block. One that is not whole gives what there is of it. */
void pp_xz_ahead_turn(struct pp_xz_ahead *ahead);
/* Its text, as a stage step. PP_STAGE_END: `block`, whose sizes are checked now, is given. */
int pp_xz_ahead_give(struct pp_xz_ahead *ahead, struct pp_stage_io *io, lzma_block *block,
                     struct pp_err *err);

#endif
