#include "stream/splice.h"

#include "stream/splice_queue.h"
#include "stream/token_mender.h"
#include "stream/token_reader.h"
#include "stream/token_writer.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_TEXT_MAX ((size_t)256 << 10)
#define SEGMENT_TOKEN_MAX ((size_t)64 << 10)

/* With so many segments under way read() gives what it has; with so many and no text it fails. */
#define SEGMENT_COUNT_SOFT 64
#define SEGMENT_COUNT_MAX 4096

struct splice {
    struct pp_recode recode;
    struct pp_bit_reader *in;
    struct pp_token_reader token_reader;
    bool ended;       /* the last block was read */
    unsigned end_pad; /* the bits behind it, up to the byte boundary */

    struct pp_splice_queue queue;

    struct pp_token_writer out;
    struct pp_deflate_block open; /* the block that is being written, if `is_open` */
    bool is_open;
    bool is_fitted;       /* its code is a new one */
    bool changed;         /* some text differs */
    uint64_t changed_end; /* behind the last byte that does */

    struct pp_token_mender *mender; /* made when first needed */
    pp_token *mended;
    size_t mended_cap;
};

/* Reading: text and tokens come in. */

static int open_block(struct splice *self, struct pp_err *err) {
    struct pp_deflate_block block;
    int rc;

    if (self->queue.segment_count >= SEGMENT_COUNT_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "more than %d deflate blocks with hardly any text",
                          SEGMENT_COUNT_MAX);
    rc = pp_deflate_block_read(&block, self->in, err);
    if (rc == 0 && block.kind != PP_BLOCK_STORED)
        rc = pp_token_reader_start(&self->token_reader, &block, err);
    return rc == 0 ? pp_splice_queue_open(&self->queue, &block, err) : rc;
}

static void close_block(struct splice *self) {
    self->queue.last->closed = true;
    self->queue.last->last = true;
    if (!self->queue.last->block.final)
        return;
    self->end_pad = pp_bit_reader_align(self->in);
    self->ended = true;
}

static int decode_stored(struct splice *self, struct pp_err *err) {
    struct pp_segment *segment = self->queue.last;
    size_t left = segment->block.stored_len - (size_t)(segment->end - segment->start);
    size_t count = left < PP_SPLICE_STEP_LEN ? left : PP_SPLICE_STEP_LEN;
    int rc = pp_bit_reader_bytes(self->in, pp_splice_queue_was(&self->queue, self->queue.decoded),
                                 count, err);

    if (rc < 0)
        return rc;
    self->queue.decoded += count;
    segment->end = self->queue.decoded;
    if (count == left)
        close_block(self);
    return 0;
}

static int decode_tokens(struct splice *self, struct pp_err *err) {
    struct pp_splice_queue *queue = &self->queue;
    struct pp_segment *segment = queue->last;
    size_t text_left = SEGMENT_TEXT_MAX - (size_t)(segment->end - segment->start);
    size_t token_left = SEGMENT_TOKEN_MAX - segment->token_count;
    uint8_t *text = pp_splice_queue_was(queue, queue->decoded);
    struct pp_token_run run = {
        .text = text,
        .text_start = queue->was,
        .text_stop = text + (text_left < PP_SPLICE_STEP_LEN ? text_left : PP_SPLICE_STEP_LEN),
        .tokens = queue->tokens + queue->token_end,
        .tokens_stop = queue->tokens + queue->token_end +
                       (token_left < PP_SPLICE_STEP_TOKENS ? token_left : PP_SPLICE_STEP_TOKENS),
    };
    int rc = pp_token_reader_run(&self->token_reader, self->in, &run, err);

    if (rc < 0)
        return rc;
    segment->token_count += (size_t)(run.tokens - (queue->tokens + queue->token_end));
    queue->token_end = (size_t)(run.tokens - queue->tokens);
    queue->decoded += (size_t)(run.text - text);
    segment->end = queue->decoded;
    if (rc == 1) {
        close_block(self);
    } else if (segment->end - segment->start >= SEGMENT_TEXT_MAX ||
               segment->token_count == SEGMENT_TOKEN_MAX) {
        segment->closed = true;
        return pp_splice_queue_open(queue, &segment->block, err);
    }
    return 0;
}

static int decode_step(struct splice *self, struct pp_err *err) {
    int rc = pp_splice_queue_make_room(&self->queue, err);

    if (rc == 0 && (self->queue.last == NULL || self->queue.last->closed))
        rc = open_block(self, err);
    if (rc < 0)
        return rc;
    if (self->queue.last->block.kind == PP_BLOCK_STORED)
        return decode_stored(self, err);
    return decode_tokens(self, err);
}

/* Writing: segments whose text is there go out. */

/* Bytes that two texts of `len` bytes begin with alike. */
static size_t common_start(const uint8_t *a, const uint8_t *b, size_t len) {
    size_t at = 0;

    while (len - at >= 64 && memcmp(a + at, b + at, 64) == 0)
        at += 64;
    while (at < len && a[at] == b[at])
        at++;
    return at;
}

/* What the segment's tokens are, and whether its block has a code for all of them. */
struct telling {
    const pp_token *tokens;
    size_t token_count;
    bool fits;
};

/* Notes where the segment differs. Gives whether any token of it may have been broken: by its own
 * text or by the 32 KiB before it. From `*change_start` on there is a change that it can see. */
static bool note_changes(struct splice *self, const struct pp_segment *segment,
                         uint64_t *change_start) {
    size_t len = (size_t)(segment->end - segment->start);
    const uint8_t *was = pp_splice_queue_was(&self->queue, segment->start);
    const uint8_t *now = pp_splice_queue_now(&self->queue, segment->start);
    bool seen = self->changed && self->changed_end + PP_DISTANCE_MAX > segment->start;
    size_t same = common_start(was, now, len);

    *change_start = seen ? self->queue.base : segment->start + same;
    if (same < len) {
        while (was[len - 1] == now[len - 1])
            len--;
        self->changed = true;
        self->changed_end = segment->start + len;
    }
    return seen || same < len;
}

static int mend(struct splice *self, const struct pp_segment *segment, uint64_t change_start,
                struct telling *telling, struct pp_err *err) {
    size_t len = (size_t)(segment->end - segment->start);
    struct pp_mend job = {
        .text = self->queue.now,
        .base = self->queue.base,
        .start = (size_t)(segment->start - self->queue.base),
        .end = (size_t)(segment->end - self->queue.base),
        .change_start = (size_t)(change_start - self->queue.base),
        .change_end = (size_t)(self->changed_end - self->queue.base),
        .tokens = telling->tokens,
        .block = &segment->block,
    };

    if (self->mender == NULL) {
        self->mender = malloc(sizeof(*self->mender));
        if (self->mender == NULL)
            return pp_err_nomem(err);
        pp_token_mender_init(self->mender);
    }
    if (self->mended_cap < len) {
        free(self->mended);
        self->mended_cap = 0;
        self->mended = malloc(len * sizeof(*self->mended));
        if (self->mended == NULL)
            return pp_err_nomem(err);
        self->mended_cap = len;
    }
    job.mended = self->mended;
    pp_token_mender_run(self->mender, &job);
    *telling = (struct telling){job.mended, job.mended_count, job.fits};
    return 0;
}

static void count_symbols(const pp_token *tokens, size_t token_count,
                          struct pp_symbol_counts *counts) {
    memset(counts, 0, sizeof(*counts));
    counts->litlen[PP_LITLEN_END] = 1;
    for (size_t i = 0; i < token_count; i++) {
        unsigned distance = pp_token_distance(tokens[i]);

        if (distance == 0) {
            counts->litlen[pp_token_value(tokens[i])]++;
        } else {
            counts->litlen[pp_token_length_symbol(tokens[i]).symbol]++;
            counts->dist[pp_distance_symbol(distance).symbol]++;
        }
    }
}

/* The segment's own block, or one with a new code where that lacks one. */
static void describe_block(struct splice *self, const struct pp_segment *segment,
                           const struct telling *telling) {
    struct pp_symbol_counts counts;

    self->open = segment->block;
    self->is_fitted = !telling->fits;
    if (telling->fits)
        return;
    count_symbols(telling->tokens, telling->token_count, &counts);
    pp_deflate_block_fit(&self->open, &counts);
}

/* Can the segment's tokens be written in the block that is open? */
static bool open_suffices(const struct splice *self, const struct telling *telling) {
    struct pp_symbol_counts counts;

    if (!self->is_open || !self->is_fitted)
        return self->is_open && telling->fits;
    count_symbols(telling->tokens, telling->token_count, &counts);
    return pp_deflate_block_suffices(&self->open, &counts);
}

/* Sees to it that a block is open in which the segment's tokens can be written: the one that is,
 * else one with the code that they had, else one with a new code. */
static int choose_block(struct splice *self, const struct pp_segment *segment,
                        const struct telling *telling, struct pp_err *err) {
    int rc = 0;

    if (open_suffices(self, telling))
        return 0;
    if (self->is_open && self->open.final && !pp_bit_writer_clear(&self->out.out))
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "the last deflate block is too long to be given a new code");
    if (self->is_open)
        rc = pp_token_writer_end(&self->out, err);
    if (rc < 0)
        return rc;
    describe_block(self, segment, telling);
    /* Other parts may follow that need another code, and so a block of their own. */
    if (self->open.final && !segment->last)
        rc = pp_bit_writer_open(&self->out.out, err);
    self->is_open = true;
    return rc == 0 ? pp_token_writer_start(&self->out, &self->open, err) : rc;
}

static int put_coded(struct splice *self, const struct pp_segment *segment, struct pp_err *err) {
    struct telling telling = {self->queue.tokens + self->queue.token_at, segment->token_count,
                              true};
    uint64_t change_start;
    int rc = 0;

    if (note_changes(self, segment, &change_start))
        rc = mend(self, segment, change_start, &telling, err);
    if (rc == 0)
        rc = choose_block(self, segment, &telling, err);
    if (rc == 0)
        rc = pp_token_writer_put(&self->out, telling.tokens, telling.token_count, err);
    if (rc < 0 || !segment->last)
        return rc;
    self->is_open = false;
    pp_bit_writer_close(&self->out.out);
    return pp_token_writer_end(&self->out, err);
}

static int put_segment(struct splice *self, const struct pp_segment *segment, struct pp_err *err) {
    uint64_t change_start;

    if (segment->block.kind != PP_BLOCK_STORED)
        return put_coded(self, segment, err);
    note_changes(self, segment, &change_start);
    return pp_token_writer_stored(&self->out, &segment->block,
                                  pp_splice_queue_now(&self->queue, segment->start), err);
}

static int settle(struct splice *self, struct pp_err *err) {
    int rc = 0;

    while (rc == 0 && self->queue.first != NULL && self->queue.first->closed &&
           self->queue.first->end <= self->queue.written) {
        rc = put_segment(self, self->queue.first, err);
        pp_splice_queue_drop(&self->queue);
    }
    return rc;
}

/* The codec's functions. */

static ssize_t splice_read(struct pp_recode *recode, void *text, size_t len, struct pp_err *err) {
    struct splice *self = (struct splice *)recode;
    size_t count;

    while (!self->ended && self->queue.decoded - self->queue.given < len &&
           (self->queue.segment_count < SEGMENT_COUNT_SOFT ||
            self->queue.decoded == self->queue.given)) {
        int rc = decode_step(self, err);

        if (rc == 0)
            rc = settle(self, err);
        if (rc < 0)
            return rc;
    }
    count = (size_t)(self->queue.decoded - self->queue.given);
    if (count > len)
        count = len;
    memcpy(text, pp_splice_queue_was(&self->queue, self->queue.given), count);
    self->queue.given += count;
    return (ssize_t)count;
}

static int splice_write(struct pp_recode *recode, const void *text, size_t len,
                        struct pp_err *err) {
    struct splice *self = (struct splice *)recode;

    if (len > self->queue.given - self->queue.written)
        return pp_err_set(err, PP_ERR_USAGE, "more text was written than read");
    memcpy(pp_splice_queue_now(&self->queue, self->queue.written), text, len);
    self->queue.written += len;
    return settle(self, err);
}

static int splice_finish(struct pp_recode *recode, struct pp_err *err) {
    struct splice *self = (struct splice *)recode;
    int rc;

    if (!self->ended || self->queue.written != self->queue.decoded)
        return pp_err_set(err, PP_ERR_USAGE, "less text was written than read");
    rc = settle(self, err);
    if (rc == 0)
        rc = pp_bit_writer_align(&self->out.out, self->end_pad, err);
    return rc == 0 ? pp_bit_writer_flush(&self->out.out, err) : rc;
}

static void splice_free(struct pp_recode *recode) {
    struct splice *self = (struct splice *)recode;

    pp_splice_queue_done(&self->queue);
    pp_token_writer_done(&self->out);
    free(self->mender);
    free(self->mended);
    free(self);
}

static const struct pp_recode_ops splice_ops = {
    .read = splice_read,
    .write = splice_write,
    .finish = splice_finish,
    .free = splice_free,
};

int pp_splice_open(struct pp_bit_reader *reader, struct pp_sink *out, struct pp_recode **recode,
                   struct pp_err *err) {
    struct splice *self = calloc(1, sizeof(*self));
    int rc;

    if (self == NULL)
        return pp_err_nomem(err);
    self->recode.ops = &splice_ops;
    self->in = reader;
    pp_token_reader_init(&self->token_reader);
    rc = pp_token_writer_init(&self->out, out, err);
    if (rc == 0)
        rc = pp_splice_queue_init(&self->queue, err);
    if (rc < 0) {
        splice_free(&self->recode);
        return rc;
    }
    *recode = &self->recode;
    return 0;
}
