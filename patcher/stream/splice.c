#include "stream/splice.h"

#include "stream/token_mender.h"
#include "stream/token_reader.h"
#include "stream/token_writer.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_TEXT_MAX ((size_t)256 << 10)
#define SEGMENT_TOKEN_MAX ((size_t)64 << 10)

/* Decoded in one go. */
#define STEP_TEXT_LEN ((size_t)32 << 10)
#define STEP_TOKEN_COUNT ((size_t)8 << 10)

/* With so many segments under way read() gives what it has; with so many and no text it fails. */
#define SEGMENT_COUNT_SOFT 64
#define SEGMENT_COUNT_MAX 4096

/* A block or a part of one. */
struct segment {
    struct segment *next;
    bool first;  /* it begins with the block's header */
    bool last;   /* it ends with the block's end */
    bool closed; /* all of it was read */
    size_t token_count;
    uint64_t start; /* offsets in the text */
    uint64_t end;
    struct pp_deflate_block block;
};

/* Tokens read and not yet settled. */
struct token_queue {
    pp_token *data;
    size_t cap;
    size_t at;
    size_t end;
};

struct splice {
    struct pp_recode recode;
    struct pp_bit_reader *in;
    struct pp_token_reader token_reader;
    bool ended;       /* the last block was read */
    unsigned end_pad; /* the bits behind it, up to the byte boundary */

    /* Text as it was and as it is now: the same stretch of both, from offset `base` on. */
    uint8_t *was;
    uint8_t *now;
    size_t cap;
    uint64_t base;
    uint64_t settled; /* offsets: put out, */
    uint64_t written; /* given by write(), */
    uint64_t given;   /* by read(), */
    uint64_t decoded; /* and there to be read */

    struct token_queue tokens;
    struct segment *first;
    struct segment *last;
    size_t segment_count;

    struct pp_token_writer out;
    struct pp_deflate_block open; /* the block that is being written, if `is_open` */
    bool is_open;
    bool changed;         /* some text differs */
    uint64_t changed_end; /* behind the last byte that does */

    struct pp_token_mender *mender; /* made when first needed */
    pp_token *mended;
    size_t mended_cap;
};

/* Reading: text and tokens come in. */

static uint8_t *was_at(const struct splice *self, uint64_t offset) {
    return self->was + (size_t)(offset - self->base);
}

static uint8_t *now_at(const struct splice *self, uint64_t offset) {
    return self->now + (size_t)(offset - self->base);
}

static int resize_text(struct splice *self, size_t cap, struct pp_err *err) {
    uint8_t *was = realloc(self->was, cap);
    uint8_t *now;

    if (was == NULL)
        return pp_err_nomem(err);
    self->was = was;
    now = realloc(self->now, cap);
    if (now == NULL)
        return pp_err_nomem(err);
    self->now = now;
    self->cap = cap;
    return 0;
}

/* Room for a step's text. 32 KiB before what is settled stay within reach. */
static int make_text_room(struct splice *self, struct pp_err *err) {
    size_t used = (size_t)(self->decoded - self->base);
    uint64_t keep = self->settled > PP_DISTANCE_MAX ? self->settled - PP_DISTANCE_MAX : 0;
    size_t drop = (size_t)(keep - self->base);

    if (self->cap - used >= STEP_TEXT_LEN + PP_TOKEN_READER_SLACK)
        return 0;
    if (drop < self->cap / 2)
        return resize_text(self, 2 * self->cap, err);
    memmove(self->was, self->was + drop, used - drop);
    memmove(self->now, self->now + drop, (size_t)(self->written - keep));
    self->base = keep;
    return 0;
}

static int make_token_room(struct token_queue *tokens, struct pp_err *err) {
    pp_token *data;

    if (tokens->cap - tokens->end >= STEP_TOKEN_COUNT)
        return 0;
    if (tokens->at >= tokens->cap / 2) {
        memmove(tokens->data, tokens->data + tokens->at,
                (tokens->end - tokens->at) * sizeof(*data));
        tokens->end -= tokens->at;
        tokens->at = 0;
        return 0;
    }
    data = realloc(tokens->data, 2 * tokens->cap * sizeof(*data));
    if (data == NULL)
        return pp_err_nomem(err);
    tokens->data = data;
    tokens->cap *= 2;
    return 0;
}

/* Appends a segment; `before` is the one whose block goes on, or NULL. */
static int open_segment(struct splice *self, const struct segment *before, struct pp_err *err) {
    struct segment *segment = calloc(1, sizeof(*segment));

    if (segment == NULL)
        return pp_err_nomem(err);
    segment->start = self->decoded;
    segment->end = self->decoded;
    segment->first = before == NULL;
    if (before != NULL)
        segment->block = before->block;
    if (self->last != NULL)
        self->last->next = segment;
    else
        self->first = segment;
    self->last = segment;
    self->segment_count++;
    return 0;
}

static int open_block(struct splice *self, struct pp_err *err) {
    int rc;

    if (self->segment_count >= SEGMENT_COUNT_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "more than %d deflate blocks with hardly any text",
                          SEGMENT_COUNT_MAX);
    rc = open_segment(self, NULL, err);
    if (rc == 0)
        rc = pp_deflate_block_read(&self->last->block, self->in, err);
    if (rc == 0 && self->last->block.kind != PP_BLOCK_STORED)
        rc = pp_token_reader_start(&self->token_reader, &self->last->block, err);
    return rc;
}

static void close_block(struct splice *self) {
    self->last->closed = true;
    self->last->last = true;
    if (!self->last->block.final)
        return;
    self->end_pad = pp_bit_reader_align(self->in);
    self->ended = true;
}

static int decode_stored(struct splice *self, struct pp_err *err) {
    struct segment *segment = self->last;
    size_t left = segment->block.stored_len - (size_t)(segment->end - segment->start);
    size_t count = left < STEP_TEXT_LEN ? left : STEP_TEXT_LEN;
    int rc = pp_bit_reader_bytes(self->in, was_at(self, self->decoded), count, err);

    if (rc < 0)
        return rc;
    self->decoded += count;
    segment->end = self->decoded;
    if (count == left)
        close_block(self);
    return 0;
}

static int decode_tokens(struct splice *self, struct pp_err *err) {
    struct token_queue *tokens = &self->tokens;
    struct segment *segment = self->last;
    size_t text_left = SEGMENT_TEXT_MAX - (size_t)(segment->end - segment->start);
    size_t token_left = SEGMENT_TOKEN_MAX - segment->token_count;
    uint8_t *text = was_at(self, self->decoded);
    struct pp_token_run run = {
        .text = text,
        .text_start = self->was,
        .text_stop = text + (text_left < STEP_TEXT_LEN ? text_left : STEP_TEXT_LEN),
        .tokens = tokens->data + tokens->end,
        .tokens_stop = tokens->data + tokens->end +
                       (token_left < STEP_TOKEN_COUNT ? token_left : STEP_TOKEN_COUNT),
    };
    int rc = pp_token_reader_run(&self->token_reader, self->in, &run, err);

    if (rc < 0)
        return rc;
    segment->token_count += (size_t)(run.tokens - (tokens->data + tokens->end));
    tokens->end = (size_t)(run.tokens - tokens->data);
    self->decoded += (size_t)(run.text - text);
    segment->end = self->decoded;
    if (rc == 1) {
        close_block(self);
    } else if (segment->end - segment->start >= SEGMENT_TEXT_MAX ||
               segment->token_count == SEGMENT_TOKEN_MAX) {
        segment->closed = true;
        return open_segment(self, segment, err);
    }
    return 0;
}

static int decode_step(struct splice *self, struct pp_err *err) {
    int rc = make_text_room(self, err);

    if (rc == 0)
        rc = make_token_room(&self->tokens, err);
    if (rc == 0 && (self->last == NULL || self->last->closed))
        rc = open_block(self, err);
    if (rc < 0)
        return rc;
    if (self->last->block.kind == PP_BLOCK_STORED)
        return decode_stored(self, err);
    return decode_tokens(self, err);
}

/* Writing: segments whose text is there go out. */

/* Notes where the segment differs. Gives whether any token of it may have been broken: by its own
 * text or by the 32 KiB before it. */
static bool note_changes(struct splice *self, const struct segment *segment) {
    size_t len = (size_t)(segment->end - segment->start);
    const uint8_t *was = was_at(self, segment->start);
    const uint8_t *now = now_at(self, segment->start);

    if (len > 0 && memcmp(was, now, len) != 0) {
        while (was[len - 1] == now[len - 1])
            len--;
        self->changed = true;
        self->changed_end = segment->start + len;
    }
    return self->changed && self->changed_end + PP_DISTANCE_MAX > segment->start;
}

static int mend(struct splice *self, const struct segment *segment, const pp_token **tokens,
                size_t *token_count, struct pp_err *err) {
    size_t len = (size_t)(segment->end - segment->start);
    struct pp_mend job = {
        .text = self->now,
        .base = self->base,
        .start = (size_t)(segment->start - self->base),
        .end = (size_t)(segment->end - self->base),
        .tokens = *tokens,
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
    *tokens = job.mended;
    *token_count = job.mended_count;
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

/* Sees to it that a block is open in which the segment's tokens can be written: the one that is,
 * else one with the code that they had, else one with a new code. */
static int choose_block(struct splice *self, const struct segment *segment, const pp_token *tokens,
                        size_t token_count, struct pp_err *err) {
    struct pp_symbol_counts counts;
    int rc = 0;

    if (self->changed)
        count_symbols(tokens, token_count, &counts);
    if (self->is_open && (!self->changed || pp_deflate_block_suffices(&self->open, &counts)))
        return 0;
    if (self->is_open && self->open.final && !pp_bit_writer_clear(&self->out.out))
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "the last deflate block is too long to be given a new code");
    if (self->is_open)
        rc = pp_token_writer_end(&self->out, err);
    if (rc < 0)
        return rc;
    self->open = segment->block;
    if (self->changed && !pp_deflate_block_suffices(&self->open, &counts))
        pp_deflate_block_fit(&self->open, &counts);
    /* Other parts may follow that need another code, and so a block of their own. */
    if (self->open.final && !segment->last)
        rc = pp_bit_writer_open(&self->out.out, err);
    self->is_open = true;
    return rc == 0 ? pp_token_writer_start(&self->out, &self->open, err) : rc;
}

static int put_coded(struct splice *self, const struct segment *segment, struct pp_err *err) {
    const pp_token *tokens = self->tokens.data + self->tokens.at;
    size_t token_count = segment->token_count;
    int rc = 0;

    if (note_changes(self, segment))
        rc = mend(self, segment, &tokens, &token_count, err);
    if (rc == 0)
        rc = choose_block(self, segment, tokens, token_count, err);
    if (rc == 0)
        rc = pp_token_writer_put(&self->out, tokens, token_count, err);
    self->tokens.at += segment->token_count;
    if (rc < 0 || !segment->last)
        return rc;
    self->is_open = false;
    pp_bit_writer_close(&self->out.out);
    return pp_token_writer_end(&self->out, err);
}

static int put_segment(struct splice *self, const struct segment *segment, struct pp_err *err) {
    if (segment->block.kind != PP_BLOCK_STORED)
        return put_coded(self, segment, err);
    note_changes(self, segment);
    return pp_token_writer_stored(&self->out, &segment->block, now_at(self, segment->start), err);
}

static void drop_first(struct splice *self) {
    struct segment *segment = self->first;

    self->first = segment->next;
    if (self->first == NULL)
        self->last = NULL;
    self->segment_count--;
    free(segment);
}

static int settle(struct splice *self, struct pp_err *err) {
    int rc = 0;

    while (rc == 0 && self->first != NULL && self->first->closed &&
           self->first->end <= self->written) {
        rc = put_segment(self, self->first, err);
        self->settled = self->first->end;
        drop_first(self);
    }
    return rc;
}

/* The codec's functions. */

static ssize_t splice_read(struct pp_recode *recode, void *text, size_t len, struct pp_err *err) {
    struct splice *self = (struct splice *)recode;
    size_t count;

    while (!self->ended && self->decoded - self->given < len &&
           (self->segment_count < SEGMENT_COUNT_SOFT || self->decoded == self->given)) {
        int rc = decode_step(self, err);

        if (rc == 0)
            rc = settle(self, err);
        if (rc < 0)
            return rc;
    }
    count = (size_t)(self->decoded - self->given);
    if (count > len)
        count = len;
    memcpy(text, was_at(self, self->given), count);
    self->given += count;
    return (ssize_t)count;
}

static int splice_write(struct pp_recode *recode, const void *text, size_t len,
                        struct pp_err *err) {
    struct splice *self = (struct splice *)recode;

    if (len > self->given - self->written)
        return pp_err_set(err, PP_ERR_USAGE, "more text was written than read");
    memcpy(now_at(self, self->written), text, len);
    self->written += len;
    return settle(self, err);
}

static int splice_finish(struct pp_recode *recode, struct pp_err *err) {
    struct splice *self = (struct splice *)recode;
    int rc;

    if (!self->ended || self->written != self->decoded)
        return pp_err_set(err, PP_ERR_USAGE, "less text was written than read");
    rc = settle(self, err);
    if (rc == 0)
        rc = pp_bit_writer_align(&self->out.out, self->end_pad, err);
    return rc == 0 ? pp_bit_writer_flush(&self->out.out, err) : rc;
}

static void splice_free(struct pp_recode *recode) {
    struct splice *self = (struct splice *)recode;

    while (self->first != NULL)
        drop_first(self);
    free(self->was);
    free(self->now);
    free(self->tokens.data);
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
        rc = resize_text(self, 2 * (STEP_TEXT_LEN + PP_TOKEN_READER_SLACK), err);
    self->tokens.cap = 2 * STEP_TOKEN_COUNT;
    self->tokens.data = malloc(self->tokens.cap * sizeof(pp_token));
    if (rc == 0 && self->tokens.data == NULL)
        rc = pp_err_nomem(err);
    if (rc < 0) {
        splice_free(&self->recode);
        return rc;
    }
    *recode = &self->recode;
    return 0;
}
