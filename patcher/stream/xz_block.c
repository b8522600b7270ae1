#include "stream/xz_block.h"

bool pp_xz_block_is_held(const struct pp_xz_piece *piece) {
    return piece->compressed_told || piece->uncompressed_told;
}

/* Sets the header's size; at least that of the original, so that a header keeps its padding. */
static int encode_header(struct pp_xz_block *self, uint8_t *header, struct pp_err *err) {
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
    return 0;
}

int pp_xz_block_begin(struct pp_xz_block *self, struct pp_xz_piece *piece, struct pp_buffer *due,
                      struct pp_err *err) {
    uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];
    lzma_filter *last = piece->filters;
    lzma_ret status;
    int rc;

    *self = (struct pp_xz_block){.piece = piece,
                                 .stream = LZMA_STREAM_INIT,
                                 .block = {.version = 1,
                                           .check = piece->flags.check,
                                           .filters = piece->filters,
                                           .compressed_size = LZMA_VLI_UNKNOWN,
                                           .uncompressed_size = LZMA_VLI_UNKNOWN}};
    pp_spool_init(&self->held);
    while (last[1].id != LZMA_VLI_UNKNOWN)
        last++;
    pp_lzma_options(last->options, &piece->style);
    /* The encoder wants a header size at once; held back, the true one follows with the sizes. */
    rc = encode_header(self, header, err);
    if (rc >= 0 && !pp_xz_block_is_held(piece))
        rc = pp_buffer_append(due, header, self->block.header_size, err);
    if (rc < 0)
        return rc;
    status = lzma_block_encoder(&self->stream, &self->block);
    return status == LZMA_OK ? 0 : pp_lzma_error(status, err);
}

void pp_xz_block_done(struct pp_xz_block *self) {
    lzma_end(&self->stream);
    pp_spool_done(&self->held);
}

static int hold_back(struct pp_xz_block *self, struct pp_stage_io *io, struct pp_err *err) {
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

int pp_xz_block_encode(struct pp_xz_block *self, struct pp_stage_io *io, struct pp_err *err) {
    int status = pp_xz_block_is_held(self->piece)
                     ? hold_back(self, io, err)
                     : pp_lzma_step(&self->stream, io, io->last ? LZMA_FINISH : LZMA_RUN, err);

    if (status == PP_STAGE_END)
        lzma_end(&self->stream);
    return status;
}

int pp_xz_block_close(struct pp_xz_block *self, lzma_index *index, struct pp_buffer *due,
                      struct pp_err *err) {
    uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];
    lzma_ret status;
    int rc;

    if (pp_xz_block_is_held(self->piece)) {
        rc = encode_header(self, header, err);
        if (rc >= 0)
            rc = pp_buffer_append(due, header, self->block.header_size, err);
        if (rc < 0)
            return rc;
    }
    status = lzma_index_append(index, NULL, lzma_block_unpadded_size(&self->block),
                               self->block.uncompressed_size);
    return status == LZMA_OK ? 0 : pp_lzma_error(status, err);
}

int pp_xz_block_give(struct pp_xz_block *self, struct pp_stage_io *io, struct pp_err *err) {
    struct pp_blob blob = pp_spool_blob(&self->held);
    ssize_t count;

    if (self->held_at == blob.len)
        return PP_STAGE_END;
    if (io->out_len == 0)
        return PP_STAGE_MORE;
    count = pp_blob_read(&blob, self->held_at, io->out, io->out_len, err);
    if (count < 0)
        return (int)count;
    io->out += count;
    io->out_len -= (size_t)count;
    self->held_at += (uint64_t)count;
    return self->held_at == blob.len ? PP_STAGE_END : PP_STAGE_MORE;
}
