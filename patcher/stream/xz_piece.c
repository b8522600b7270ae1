#include "stream/xz_piece.h"

#include <stdlib.h>
#include <string.h>

struct pp_xz_piece *pp_xz_piece_new(enum pp_xz_kind kind, struct pp_err *err) {
    struct pp_xz_piece *self = calloc(1, sizeof(*self));

    if (self == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    self->kind = kind;
    self->piece.takes_text = kind == PP_XZ_BLOCK;
    for (size_t i = 0; i <= LZMA_FILTERS_MAX; i++)
        self->filters[i].id = LZMA_VLI_UNKNOWN;
    return self;
}

void pp_xz_piece_free(struct pp_piece *piece) {
    struct pp_xz_piece *self = (struct pp_xz_piece *)piece;

    for (size_t i = 0; i <= LZMA_FILTERS_MAX; i++)
        free(self->filters[i].options);
    free(self);
}

/* Bytes that are ready go out first, then what was held back until the sizes were known. */
struct xz_stage {
    struct pp_stage stage;
    struct pp_xz_piece *piece; /* borrowed */
    lzma_index *index;         /* borrowed */
    lzma_stream stream;
    lzma_block block;
    bool coded; /* the encoder has given all */
    struct pp_buffer due;
    struct pp_spool held;
    uint64_t held_at;
};

static bool held_back(const struct pp_xz_piece *piece) {
    return piece->compressed_told || piece->uncompressed_told;
}

static void give_due(struct xz_stage *self, struct pp_stage_io *io) {
    size_t count = self->due.len < io->out_len ? self->due.len : io->out_len;

    if (count == 0)
        return;
    memcpy(io->out, self->due.data, count);
    io->out += count;
    io->out_len -= count;
    pp_buffer_consume(&self->due, count);
}

static int give_held(struct xz_stage *self, struct pp_stage_io *io, struct pp_err *err) {
    struct pp_blob blob = pp_spool_blob(&self->held);
    ssize_t count;

    if (self->held_at == blob.len || io->out_len == 0)
        return 0;
    count = pp_blob_read(&blob, self->held_at, io->out, io->out_len, err);
    if (count < 0)
        return (int)count;
    io->out += count;
    io->out_len -= (size_t)count;
    self->held_at += (uint64_t)count;
    return 0;
}

static int encode_header(struct xz_stage *self, struct pp_err *err) {
    uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];
    lzma_block block = self->block;
    lzma_ret status;

    if (!self->piece->compressed_told)
        block.compressed_size = LZMA_VLI_UNKNOWN;
    if (!self->piece->uncompressed_told)
        block.uncompressed_size = LZMA_VLI_UNKNOWN;
    status = lzma_block_header_size(&block);
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    if (block.header_size < self->piece->header_size)
        block.header_size = self->piece->header_size;
    status = lzma_block_header_encode(&block, header);
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    self->block.header_size = block.header_size;
    return pp_buffer_append(&self->due, header, block.header_size, err);
}

/* The block is complete: its header when that waited for the sizes, and its line in the index. */
static int close_block(struct xz_stage *self, struct pp_err *err) {
    lzma_ret status;
    int rc;

    if (held_back(self->piece) && (rc = encode_header(self, err)) < 0)
        return rc;
    status = lzma_index_append(self->index, NULL, lzma_block_unpadded_size(&self->block),
                               self->block.uncompressed_size);
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    self->coded = true;
    return 0;
}

static int hold_back(struct xz_stage *self, struct pp_stage_io *io, struct pp_err *err) {
    uint8_t output[16384];
    struct pp_stage_io inner = {.in = io->in, .in_len = io->in_len, .last = io->last};
    int status;
    int rc;

    inner.out = output;
    inner.out_len = sizeof(output);
    status = pp_lzma_step(&self->stream, &inner, io->last ? LZMA_FINISH : LZMA_RUN, err);
    io->in = inner.in;
    io->in_len = inner.in_len;
    if (status < 0)
        return status;
    rc = pp_sink_write(&self->held.sink, output, sizeof(output) - inner.out_len, err);
    return rc < 0 ? rc : status;
}

static int xz_step(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err) {
    struct xz_stage *self = (struct xz_stage *)stage;
    int rc;

    if (!self->coded) {
        int status;

        if (held_back(self->piece)) {
            status = hold_back(self, io, err);
        } else {
            give_due(self, io);
            status = pp_lzma_step(&self->stream, io, io->last ? LZMA_FINISH : LZMA_RUN, err);
        }
        if (status != PP_STAGE_END)
            return status;
        rc = close_block(self, err);
        if (rc < 0)
            return rc;
    }
    give_due(self, io);
    rc = give_held(self, io, err);
    if (rc < 0)
        return rc;
    return self->due.len == 0 && self->held_at == self->held.len ? PP_STAGE_END : PP_STAGE_MORE;
}

static void xz_stage_free(struct pp_stage *stage) {
    struct xz_stage *self = (struct xz_stage *)stage;

    lzma_end(&self->stream);
    pp_buffer_done(&self->due);
    pp_spool_done(&self->held);
    free(self);
}

static const struct pp_stage_ops xz_stage_ops = {.step = xz_step, .free = xz_stage_free};

static int begin_block(struct xz_stage *self, struct pp_err *err) {
    struct pp_xz_piece *piece = self->piece;
    lzma_filter *last = piece->filters;
    lzma_ret status;
    int rc;

    while (last[1].id != LZMA_VLI_UNKNOWN)
        last++;
    pp_lzma_options(last->options, &piece->style);
    self->block.version = 1;
    self->block.check = piece->flags.check;
    self->block.filters = piece->filters;
    self->block.compressed_size = LZMA_VLI_UNKNOWN;
    self->block.uncompressed_size = LZMA_VLI_UNKNOWN;
    /* The encoder wants a header size at once; held back, the true one follows with the sizes. */
    rc = encode_header(self, err);
    if (rc < 0)
        return rc;
    if (held_back(piece))
        pp_buffer_consume(&self->due, self->due.len);
    status = lzma_block_encoder(&self->stream, &self->block);
    return status == LZMA_OK ? 0 : pp_lzma_error(status, err);
}

static int put_index(struct xz_stage *self, struct pp_err *err) {
    lzma_vli len = lzma_index_size(self->index);
    lzma_stream_flags flags = self->piece->flags;
    size_t done = 0;
    lzma_ret status;
    int rc = pp_buffer_reserve(&self->due, (size_t)len + LZMA_STREAM_HEADER_SIZE, err);

    if (rc < 0)
        return rc;
    flags.backward_size = len;
    status = lzma_index_buffer_encode(self->index, self->due.data, &done, (size_t)len);
    if (status == LZMA_OK)
        status = lzma_stream_footer_encode(&flags, self->due.data + done);
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    self->due.len = done + LZMA_STREAM_HEADER_SIZE;
    self->coded = true;
    return 0;
}

int pp_xz_encoder(struct pp_xz_piece *piece, lzma_index **index, struct pp_stage **stage,
                  struct pp_err *err) {
    struct xz_stage *self;
    int rc;

    *stage = NULL;
    if (piece->kind == PP_XZ_KEPT)
        return 0;
    if (*index == NULL && (*index = lzma_index_init(NULL)) == NULL)
        return pp_err_nomem(err);
    self = calloc(1, sizeof(*self));
    if (self == NULL)
        return pp_err_nomem(err);
    self->stage.ops = &xz_stage_ops;
    self->piece = piece;
    self->index = *index;
    self->stream = (lzma_stream)LZMA_STREAM_INIT;
    pp_spool_init(&self->held);
    if (piece->kind == PP_XZ_BLOCK) {
        rc = begin_block(self, err);
    } else {
        rc = put_index(self, err);
        lzma_index_end(*index, NULL);
        *index = NULL;
    }
    if (rc < 0) {
        xz_stage_free(&self->stage);
        return rc;
    }
    *stage = &self->stage;
    return 0;
}
