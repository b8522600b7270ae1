#include "stream/xz_writer.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that are taken from the budget at once for text that is longer than was told. */
#define MORE_LEN ((uint64_t)1 << 20)

void pp_xz_writer_init(struct pp_xz_writer *writer, const struct pp_codec_env *env) {
    writer->budget = env->budget;
    writer->helpers = env->helpers;
    writer->due = (struct pp_buffer)PP_BUFFER_INIT;
}

static void end_batch(struct pp_xz_writer *writer) {
    pp_budget_give(writer->budget, writer->taken_len);
    writer->taken_len = 0;
    writer->most = 0;
    writer->count = 0;
    writer->given = 0;
    writer->encoded = false;
}

static void waiting_done(struct pp_xz_waiting *waiting) {
    pp_xz_block_done(&waiting->block);
    pp_xz_piece_free(&waiting->piece->piece);
    pp_buffer_done(&waiting->text);
}

void pp_xz_writer_done(struct pp_xz_writer *writer) {
    for (size_t i = writer->given; i < writer->count; i++)
        waiting_done(&writer->waiting[i]);
    end_batch(writer);
    pp_buffer_done(&writer->due);
    lzma_index_end(writer->index, NULL);
}

/* PP_STAGE_END: nothing is due. */
static int give_due(struct pp_xz_writer *writer, struct pp_stage_io *io) {
    size_t count = writer->due.len < io->out_len ? writer->due.len : io->out_len;

    if (count > 0)
        memcpy(io->out, writer->due.data, count);
    io->out += count;
    io->out_len -= count;
    pp_buffer_consume(&writer->due, count);
    return writer->due.len == 0 ? PP_STAGE_END : PP_STAGE_MORE;
}

/* ---- blocks that wait ---- */

/* Takes memory without waiting for it. */
static bool take(struct pp_xz_writer *writer, uint64_t len) {
    uint64_t room_len = writer->budget->limit_len / 4 * 3 - writer->taken_len;
    struct pp_err busy = PP_ERR_INIT;

    if (len > room_len || pp_budget_take(writer->budget, len, true, &busy) < 0)
        return false;
    writer->taken_len += len;
    return true;
}

/* For the encoders of a batch but for one, which has its own already. */
static void take_encoders(struct pp_xz_writer *writer) {
    unsigned spare = atomic_load(&writer->helpers->spare);

    writer->most = 1;
    while (writer->most <= spare && writer->most < PP_XZ_WAITING_MAX &&
           take(writer, writer->encoder_len))
        writer->most++;
}

/* The first of a batch only waits to see whether there is a second one. */
static bool may_wait(struct pp_xz_writer *writer, const struct pp_xz_piece *piece) {
    uint64_t encoder_len;

    if (!piece->uncompressed_told || writer->helpers == NULL || piece->told_len > SIZE_MAX / 2)
        return false;
    encoder_len = pp_lzma_encoder_memory(piece->filters);
    if (writer->count == 0) {
        writer->encoder_len = encoder_len;
        return atomic_load(&writer->helpers->spare) > 0 && take(writer, piece->told_len);
    }
    if (encoder_len > writer->encoder_len)
        return false;
    if (writer->count == 1)
        take_encoders(writer);
    return writer->count < writer->most && take(writer, piece->told_len);
}

static int encode_text(struct pp_xz_waiting *self, struct pp_err *err) {
    struct pp_stage_io io = {.in = self->text.data, .in_len = self->text.len, .last = true};
    int rc = pp_xz_block_begin(&self->block, self->piece, NULL, err);

    while (rc == PP_STAGE_MORE)
        rc = pp_xz_block_encode(&self->block, &io, err);
    return rc;
}

static void encode(void *arg, size_t i) {
    struct pp_xz_waiting *self = &((struct pp_xz_writer *)arg)->waiting[i];

    encode_text(self, &self->err);
}

/* Encodes the blocks that wait and gives them, in their order. PP_STAGE_END: none is left. */
static int give_waiting(struct pp_xz_writer *writer, struct pp_stage_io *io, struct pp_err *err) {
    struct pp_xz_waiting *self = &writer->waiting[writer->given];
    int rc;

    if (writer->count == 0)
        return PP_STAGE_END;
    if (!writer->encoded)
        pp_helpers_each(writer->helpers, writer->count, encode, writer);
    writer->encoded = true;
    if (self->err.kind != PP_ERR_NONE) {
        *err = self->err;
        return -(int)err->kind;
    }
    if (!writer->closed) {
        rc = pp_xz_block_close(&self->block, writer->index, &writer->due, err);
        if (rc < 0)
            return rc;
        writer->closed = true;
    }
    if (give_due(writer, io) != PP_STAGE_END)
        return PP_STAGE_MORE;
    rc = pp_xz_block_give(&self->block, io, err);
    if (rc != PP_STAGE_END)
        return rc;
    waiting_done(self);
    writer->closed = false;
    if (++writer->given < writer->count)
        return PP_STAGE_MORE;
    end_batch(writer);
    return PP_STAGE_END;
}

struct text_stage {
    struct pp_stage stage;
    struct pp_xz_writer *writer;   /* borrowed */
    struct pp_xz_waiting *waiting; /* of the writer */
    bool whole;
};

/* Of a length that is not kept, there may be more than the header told. */
static int add_text(struct pp_xz_writer *writer, struct pp_xz_waiting *waiting,
                    struct pp_stage_io *io, struct pp_err *err) {
    int rc;

    if (io->in_len > waiting->text_max - waiting->text.len) {
        uint64_t more_len = io->in_len + MORE_LEN;

        rc = pp_budget_take(writer->budget, more_len, true, err);
        if (rc < 0)
            return rc;
        writer->taken_len += more_len;
        waiting->text_max += more_len;
    }
    rc = pp_buffer_append(&waiting->text, io->in, io->in_len, err);
    io->in += io->in_len;
    io->in_len = 0;
    return rc;
}

/* Takes the text. The batch goes out with the last of its blocks, or before what follows them. */
static int text_step(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err) {
    struct text_stage *self = (struct text_stage *)stage;

    if (!self->whole) {
        int rc = add_text(self->writer, self->waiting, io, err);

        if (rc < 0)
            return rc;
        self->whole = io->last;
    }
    if (!self->whole)
        return PP_STAGE_MORE;
    return self->writer->count == self->writer->most ? give_waiting(self->writer, io, err)
                                                     : PP_STAGE_END;
}

static void stage_free(struct pp_stage *stage) {
    free(stage);
}

static const struct pp_stage_ops text_ops = {.step = text_step, .free = stage_free};

static int text_new(struct pp_xz_writer *writer, struct pp_xz_piece *piece, struct pp_stage **stage,
                    struct pp_err *err) {
    struct pp_xz_waiting *waiting = &writer->waiting[writer->count];
    struct text_stage *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    *waiting = (struct pp_xz_waiting){.piece = pp_xz_piece_move(piece, err)};
    if (waiting->piece == NULL) {
        free(self);
        return -(int)err->kind;
    }
    waiting->block.stream = (lzma_stream)LZMA_STREAM_INIT;
    pp_spool_init(&waiting->block.held);
    waiting->text_max = piece->told_len;
    writer->count++;
    self->stage.ops = &text_ops;
    self->writer = writer;
    self->waiting = waiting;
    *stage = &self->stage;
    return 0;
}

/* ---- blocks that do not, and the index ---- */

struct block_stage {
    struct pp_stage stage;
    struct pp_xz_writer *writer; /* borrowed */
    struct pp_xz_piece *piece;   /* borrowed */
    struct pp_xz_block block;
    bool begun;
    bool coded; /* the encoder has given all */
};

/* What goes before it was given: its turn. */
static int begin(struct block_stage *self, struct pp_err *err) {
    self->begun = true;
    return pp_xz_block_begin(&self->block, self->piece, &self->writer->due, err);
}

/* PP_STAGE_END: all of it is encoded. */
static int code_block(struct block_stage *self, struct pp_stage_io *io, struct pp_err *err) {
    struct pp_xz_writer *writer = self->writer;
    int rc;

    if (!self->begun) {
        rc = give_waiting(writer, io, err);
        if (rc != PP_STAGE_END)
            return rc;
        rc = begin(self, err);
        if (rc < 0)
            return rc;
    }
    give_due(writer, io);
    rc = pp_xz_block_encode(&self->block, io, err);
    if (rc != PP_STAGE_END)
        return rc;
    self->coded = true;
    rc = pp_xz_block_close(&self->block, writer->index, &writer->due, err);
    return rc < 0 ? rc : PP_STAGE_END;
}

static int block_step(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err) {
    struct block_stage *self = (struct block_stage *)stage;
    int rc = self->coded ? PP_STAGE_END : code_block(self, io, err);

    if (rc != PP_STAGE_END)
        return rc;
    return give_due(self->writer, io) == PP_STAGE_END ? pp_xz_block_give(&self->block, io, err)
                                                      : PP_STAGE_MORE;
}

static void block_free(struct pp_stage *stage) {
    struct block_stage *self = (struct block_stage *)stage;

    if (self->begun)
        pp_xz_block_done(&self->block);
    free(self);
}

static const struct pp_stage_ops block_ops = {.step = block_step, .free = block_free};

static int block_new(struct pp_xz_writer *writer, struct pp_xz_piece *piece,
                     struct pp_stage **stage, struct pp_err *err) {
    struct block_stage *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    self->stage.ops = &block_ops;
    self->writer = writer;
    self->piece = piece;
    *stage = &self->stage;
    return 0;
}

struct index_stage {
    struct pp_stage stage;
    struct pp_xz_writer *writer; /* borrowed */
    lzma_stream_flags flags;
    bool put; /* it is due */
};

static int put_index(struct index_stage *self, struct pp_err *err) {
    struct pp_xz_writer *writer = self->writer;
    lzma_vli len = lzma_index_size(writer->index);
    size_t done = writer->due.len;
    lzma_ret status;
    int rc = pp_buffer_reserve(&writer->due, (size_t)len + LZMA_STREAM_HEADER_SIZE, err);

    if (rc < 0)
        return rc;
    self->flags.backward_size = len;
    status = lzma_index_buffer_encode(writer->index, writer->due.data, &done, done + (size_t)len);
    if (status == LZMA_OK)
        status = lzma_stream_footer_encode(&self->flags, writer->due.data + done);
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    writer->due.len = done + LZMA_STREAM_HEADER_SIZE;
    lzma_index_end(writer->index, NULL);
    writer->index = NULL;
    self->put = true;
    return 0;
}

static int index_step(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err) {
    struct index_stage *self = (struct index_stage *)stage;
    int rc;

    if (!self->put) {
        rc = give_waiting(self->writer, io, err);
        if (rc == PP_STAGE_END)
            rc = put_index(self, err);
        if (rc < 0 || !self->put)
            return rc;
    }
    return give_due(self->writer, io);
}

static const struct pp_stage_ops index_ops = {.step = index_step, .free = stage_free};

static int index_new(struct pp_xz_writer *writer, const struct pp_xz_piece *piece,
                     struct pp_stage **stage, struct pp_err *err) {
    struct index_stage *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    self->stage.ops = &index_ops;
    self->writer = writer;
    self->flags = piece->flags;
    *stage = &self->stage;
    return 0;
}

int pp_xz_writer_encoder(struct pp_xz_writer *writer, struct pp_xz_piece *piece,
                         struct pp_stage **stage, struct pp_err *err) {
    *stage = NULL;
    if (piece->kind == PP_XZ_KEPT)
        return 0;
    if (writer->index == NULL && (writer->index = lzma_index_init(NULL)) == NULL)
        return pp_err_nomem(err);
    if (piece->kind == PP_XZ_INDEX)
        return index_new(writer, piece, stage, err);
    return may_wait(writer, piece) ? text_new(writer, piece, stage, err)
                                   : block_new(writer, piece, stage, err);
}
