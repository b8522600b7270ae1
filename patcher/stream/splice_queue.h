/* What a splice has read and not yet put out: text as it was and as it is now, tokens, segments. */
#ifndef PP_STREAM_SPLICE_QUEUE_H
#define PP_STREAM_SPLICE_QUEUE_H

#include "stream/deflate_block.h"
#include "stream/deflate_token.h"

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for so much is made at once; a match may end that much later. */
#define PP_SPLICE_STEP_LEN ((size_t)32 << 10)
#define PP_SPLICE_STEP_TOKENS ((size_t)8 << 10)

/* A block or a part of one. */
struct pp_segment {
    struct pp_segment *next;
    bool last;   /* it ends with the block's end */
    bool closed; /* all of it was read */
    size_t token_count;
    uint64_t start; /* offsets in the text */
    uint64_t end;
    struct pp_deflate_block block;
};

struct pp_splice_queue {
    uint8_t *was; /* the same stretch of both texts, from offset `base` on */
    uint8_t *now;
    size_t cap;
    uint64_t base;
    uint64_t settled; /* offsets: put out, */
    uint64_t written; /* patched text is there, */
    uint64_t given;   /* given to be patched, */
    uint64_t decoded; /* read */
    pp_token *tokens;
    size_t token_cap;
    size_t token_at; /* of the first segment */
    size_t token_end;
    struct pp_segment *first;
    struct pp_segment *last;
    size_t segment_count;
};

int pp_splice_queue_init(struct pp_splice_queue *queue, struct pp_err *err);
void pp_splice_queue_done(struct pp_splice_queue *queue);

/* Makes room for a step. Text that is settled goes, but for the 32 KiB that a match may reach. */
int pp_splice_queue_make_room(struct pp_splice_queue *queue, struct pp_err *err);

/* Appends a segment that starts at `decoded`. */
int pp_splice_queue_open(struct pp_splice_queue *queue, const struct pp_deflate_block *block,
                         struct pp_err *err);

/* The first segment is settled: it and its tokens go. */
void pp_splice_queue_drop(struct pp_splice_queue *queue);

static inline uint8_t *pp_splice_queue_was(const struct pp_splice_queue *queue, uint64_t offset) {
    return queue->was + (size_t)(offset - queue->base);
}

static inline uint8_t *pp_splice_queue_now(const struct pp_splice_queue *queue, uint64_t offset) {
    return queue->now + (size_t)(offset - queue->base);
}

#endif
