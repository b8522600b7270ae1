#include "stream/splice_queue.h"

#include "stream/token_reader.h"

#include <stdlib.h>
#include <string.h>

#define STEP_ROOM (PP_SPLICE_STEP_LEN + PP_TOKEN_READER_SLACK)

static int resize_text(struct pp_splice_queue *queue, size_t cap, struct pp_err *err) {
    uint8_t *was = realloc(queue->was, cap);
    uint8_t *now;

    if (was == NULL)
        return pp_err_nomem(err);
    queue->was = was;
    now = realloc(queue->now, cap);
    if (now == NULL)
        return pp_err_nomem(err);
    queue->now = now;
    queue->cap = cap;
    return 0;
}

static int resize_tokens(struct pp_splice_queue *queue, size_t cap, struct pp_err *err) {
    pp_token *tokens = realloc(queue->tokens, cap * sizeof(*tokens));

    if (tokens == NULL)
        return pp_err_nomem(err);
    queue->tokens = tokens;
    queue->token_cap = cap;
    return 0;
}

/* Both start with twice the room of a step: when half of it is dropped there is room again. */
int pp_splice_queue_init(struct pp_splice_queue *queue, struct pp_err *err) {
    int rc;

    *queue = (struct pp_splice_queue){.base = 0};
    rc = resize_text(queue, 2 * STEP_ROOM, err);
    return rc == 0 ? resize_tokens(queue, 2 * PP_SPLICE_STEP_TOKENS, err) : rc;
}

void pp_splice_queue_done(struct pp_splice_queue *queue) {
    while (queue->first != NULL)
        pp_splice_queue_drop(queue);
    free(queue->was);
    free(queue->now);
    free(queue->tokens);
}

static int make_text_room(struct pp_splice_queue *queue, struct pp_err *err) {
    size_t used = (size_t)(queue->decoded - queue->base);
    uint64_t keep = queue->settled > PP_DISTANCE_MAX ? queue->settled - PP_DISTANCE_MAX : 0;
    size_t drop = (size_t)(keep - queue->base);

    if (queue->cap - used >= STEP_ROOM)
        return 0;
    if (drop < queue->cap / 2)
        return resize_text(queue, 2 * queue->cap, err);
    memmove(queue->was, queue->was + drop, used - drop);
    memmove(queue->now, queue->now + drop, (size_t)(queue->written - keep));
    queue->base = keep;
    return 0;
}

static int make_token_room(struct pp_splice_queue *queue, struct pp_err *err) {
    if (queue->token_cap - queue->token_end >= PP_SPLICE_STEP_TOKENS)
        return 0;
    if (queue->token_at < queue->token_cap / 2)
        return resize_tokens(queue, 2 * queue->token_cap, err);
    queue->token_end -= queue->token_at;
    memmove(queue->tokens, queue->tokens + queue->token_at,
            queue->token_end * sizeof(*queue->tokens));
    queue->token_at = 0;
    return 0;
}

int pp_splice_queue_make_room(struct pp_splice_queue *queue, struct pp_err *err) {
    int rc = make_text_room(queue, err);

    return rc == 0 ? make_token_room(queue, err) : rc;
}

int pp_splice_queue_open(struct pp_splice_queue *queue, const struct pp_deflate_block *block,
                         struct pp_err *err) {
    struct pp_segment *segment = calloc(1, sizeof(*segment));

    if (segment == NULL)
        return pp_err_nomem(err);
    segment->block = *block;
    segment->start = queue->decoded;
    segment->end = queue->decoded;
    if (queue->last != NULL)
        queue->last->next = segment;
    else
        queue->first = segment;
    queue->last = segment;
    queue->segment_count++;
    return 0;
}

void pp_splice_queue_drop(struct pp_splice_queue *queue) {
    struct pp_segment *segment = queue->first;

    queue->settled = segment->end;
    queue->token_at += segment->token_count;
    queue->first = segment->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->segment_count--;
    free(segment);
}
