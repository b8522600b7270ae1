#include "stream/recoder.h"

#include <string.h>

int pp_recoder_need(struct pp_recoder *self, uint64_t decoder_len, uint64_t encoder_len,
                    struct pp_err *err) {
    uint64_t held_len = self->decoder_len + self->encoder_len;
    struct pp_err refusal = PP_ERR_INIT;
    uint64_t more_len;
    int rc;

    if (encoder_len == UINT64_MAX)
        pp_err_set(&refusal, PP_ERR_UNSUPPORTED, "its encoder does not take such options");
    else if (self->out == NULL)
        pp_budget_fits(self->env.budget, decoder_len + encoder_len, &refusal);
    if (refusal.kind != PP_ERR_NONE) {
        rc = pp_recode_refuse(&self->recode, self->out, &refusal, err);
        if (rc < 0)
            return rc;
    }
    if (self->out == NULL)
        encoder_len = 0;
    if (decoder_len < self->decoder_len)
        decoder_len = self->decoder_len;
    if (encoder_len < self->encoder_len)
        encoder_len = self->encoder_len;
    more_len = decoder_len + encoder_len - held_len;
    if (more_len == 0)
        return 0;
    rc = pp_budget_take(self->env.budget, more_len, self->env.holding || held_len > 0, err);
    if (rc < 0)
        return rc;
    self->decoder_len = decoder_len;
    self->encoder_len = encoder_len;
    return 0;
}

int pp_recoder_begin(struct pp_recoder *self, struct pp_piece *piece, struct pp_err *err) {
    pp_spool_init(&piece->kept);
    if (self->last != NULL) {
        self->last->ended = true;
        self->last->next = piece;
    } else {
        self->first = piece;
    }
    self->last = piece;
    if (piece->takes_text)
        self->last_text = piece;
    if (++self->piece_count > PP_RECODER_PIECE_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "too many streams or frames for so little text");
    return 0;
}

int pp_recoder_keep(struct pp_recoder *self, struct pp_piece *piece, const void *data, size_t len,
                    struct pp_err *err) {
    if (self->out == NULL)
        return 0;
    return pp_sink_write(&piece->kept.sink, data, len, err);
}

static void drop_first(struct pp_recoder *self) {
    struct pp_piece *piece = self->first;

    if (self->encoder != NULL)
        self->encoder->ops->free(self->encoder);
    self->encoder = NULL;
    self->begun = false;
    self->written_len = 0;
    self->first = piece->next;
    if (self->last == piece)
        self->last = NULL;
    if (self->last_text == piece)
        self->last_text = NULL;
    self->piece_count--;
    pp_spool_done(&piece->kept);
    self->ops->free_piece(piece);
}

static int begin_first(struct pp_recoder *self, struct pp_err *err) {
    struct pp_blob kept = pp_spool_blob(&self->first->kept);
    uint64_t offset = 0;

    while (offset < kept.len) {
        ssize_t count = pp_blob_read(&kept, offset, self->output, sizeof(self->output), err);
        int rc;

        if (count < 0)
            return (int)count;
        rc = pp_sink_write(self->out, self->output, (size_t)count, err);
        if (rc < 0)
            return rc;
        offset += (uint64_t)count;
    }
    self->begun = true;
    return self->ops->encoder(self, self->first, &self->encoder, err);
}

/* Gives text to the encoder of the first piece, all of it. */
static int encode(struct pp_recoder *self, const uint8_t *text, size_t len, bool last,
                  struct pp_err *err) {
    struct pp_stage_io io = {.in = text, .in_len = len, .last = last};
    int rc = PP_STAGE_MORE;

    while (last ? rc != PP_STAGE_END : io.in_len > 0) {
        io.out = self->output;
        io.out_len = sizeof(self->output);
        rc = self->encoder->ops->step(self->encoder, &io, err);
        if (rc < 0)
            return rc;
        if (io.out != self->output) {
            int written =
                pp_sink_write(self->out, self->output, (size_t)(io.out - self->output), err);

            if (written < 0)
                return written;
        }
    }
    return 0;
}

/* How much of `len` bytes belongs to the first piece; `last` when it ends with them. */
static size_t share(const struct pp_recoder *self, size_t len, bool finishing, bool *last) {
    const struct pp_piece *piece = self->first;
    uint64_t left = piece->text_len - self->written_len;
    bool remainder = piece == self->last_text && self->text_ended;

    if (!piece->takes_text) {
        *last = piece->ended;
        return 0;
    }
    if (remainder && finishing)
        left = len;
    if (len > left)
        len = (size_t)left;
    /* The last one may still get more than it had, unless the length is kept. */
    if (!self->env.len_kept && piece == self->last_text)
        *last = finishing;
    else
        *last = piece->ended && (len == left || finishing);
    return len;
}

/* Lets the pieces take what they can of the text. Returns how much they took. */
static ssize_t advance(struct pp_recoder *self, const uint8_t *text, size_t len, bool finishing,
                       struct pp_err *err) {
    size_t done = 0;

    while (self->first != NULL) {
        bool last;
        size_t count;
        int rc;

        if (!self->first->ready && !self->first->ended)
            break;
        if (self->out == NULL) {
            if (!self->first->ended)
                break;
            drop_first(self);
            continue;
        }
        if (!self->begun && (rc = begin_first(self, err)) < 0)
            return rc;
        count = share(self, len - done, finishing, &last);
        if (self->encoder != NULL && (rc = encode(self, text + done, count, last, err)) < 0)
            return rc;
        done += count;
        self->written_len += count;
        if (!last)
            break;
        drop_first(self);
    }
    return (ssize_t)done;
}

static int advance_waiting(struct pp_recoder *self, bool finishing, struct pp_err *err) {
    const uint8_t *text = self->waiting.len > 0 ? self->waiting.data : self->output;
    ssize_t done = advance(self, text, self->waiting.len, finishing, err);

    if (done < 0)
        return (int)done;
    pp_buffer_consume(&self->waiting, (size_t)done);
    return 0;
}

/* An error waits until the decoder has given all that it has. */
static void fill_input(struct pp_recoder *self) {
    ssize_t count;

    if (self->input_len > 0 || self->input_ended)
        return;
    count = pp_source_read(self->in, self->input, sizeof(self->input), &self->input_err);
    self->input_at = self->input;
    self->input_len = count > 0 ? (size_t)count : 0;
    self->input_ended = count <= 0;
}

static int no_more(const struct pp_recoder *self, struct pp_err *err) {
    if (self->input_err.kind == PP_ERR_NONE)
        return pp_err_set(err, PP_ERR_DAMAGED, "unexpected end of the compressed data");
    *err = self->input_err;
    return -(int)err->kind;
}

static ssize_t recoder_read(struct pp_recode *recode, void *text, size_t len, struct pp_err *err) {
    struct pp_recoder *self = (struct pp_recoder *)recode;
    bool idle = false;

    while (!self->text_ended) {
        struct pp_stage_io io = {.out = text, .out_len = len};
        bool moved;
        size_t count;
        int status;
        int rc;

        fill_input(self);
        io.in = self->input_at;
        io.in_len = self->input_len;
        io.last = self->input_ended && self->input_err.kind == PP_ERR_NONE;
        status = self->ops->decode(self, &io, err);
        if (status < 0)
            return status;
        count = len - io.out_len;
        /* A step may only change the decoder's state; two that move nothing wait for more. */
        moved = count > 0 || io.in != self->input_at;
        if (status == PP_STAGE_MORE && self->input_ended && idle && !moved)
            return no_more(self, err);
        idle = !moved;
        self->input_at = io.in;
        self->input_len = io.in_len;
        if (count > 0)
            self->last->text_len += count;
        if (status == PP_STAGE_END) {
            self->text_ended = true;
            if (self->last != NULL)
                self->last->ended = true;
        }
        if ((rc = advance_waiting(self, false, err)) < 0)
            return rc;
        if (count > 0)
            return (ssize_t)count;
    }
    return 0;
}

static int recoder_write(struct pp_recode *recode, const void *text, size_t len,
                         struct pp_err *err) {
    struct pp_recoder *self = (struct pp_recoder *)recode;
    ssize_t done = 0;
    int rc;

    if (self->waiting.len == 0) {
        done = advance(self, text, len, false, err);
        if (done < 0)
            return (int)done;
    }
    if ((size_t)done == len)
        return 0;
    rc = pp_buffer_append(&self->waiting, (const uint8_t *)text + done, len - (size_t)done, err);
    return rc < 0 ? rc : advance_waiting(self, false, err);
}

static int recoder_finish(struct pp_recode *recode, struct pp_err *err) {
    struct pp_recoder *self = (struct pp_recoder *)recode;
    int rc = advance_waiting(self, true, err);

    if (rc < 0)
        return rc;
    if (self->waiting.len > 0 || self->first != NULL)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "no stream of it can take the text");
    return 0;
}

static void recoder_free(struct pp_recode *recode) {
    struct pp_recoder *self = (struct pp_recoder *)recode;

    self->ops->free(self);
}

static const struct pp_recode_ops recode_ops = {
    .read = recoder_read,
    .write = recoder_write,
    .finish = recoder_finish,
    .free = recoder_free,
};

void pp_recoder_init(struct pp_recoder *self, const struct pp_recoder_ops *ops,
                     const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out) {
    self->recode.ops = &recode_ops;
    self->ops = ops;
    self->env = *env;
    self->in = in;
    self->out = out;
    self->waiting = (struct pp_buffer)PP_BUFFER_INIT;
}

void pp_recoder_done(struct pp_recoder *self) {
    while (self->first != NULL)
        drop_first(self);
    pp_buffer_done(&self->waiting);
    pp_budget_give(self->env.budget, self->decoder_len + self->encoder_len);
}
