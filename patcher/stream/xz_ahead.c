#include "stream/xz_ahead.h"

#include <stdlib.h>
#include <string.h>

static void block_done(struct pp_xz_ahead_block *block) {
    lzma_end(&block->stream);
    free(block->encoded);
    free(block->text);
    *block = (struct pp_xz_ahead_block){.stream = LZMA_STREAM_INIT};
}

static void end_batch(struct pp_xz_ahead *ahead) {
    pp_budget_give(ahead->budget, ahead->taken_len);
    ahead->taken_len = 0;
    ahead->count = 0;
    ahead->given = 0;
    ahead->giving = false;
}

void pp_xz_ahead_done(struct pp_xz_ahead *ahead) {
    for (size_t i = ahead->given; i < ahead->count; i++)
        block_done(&ahead->blocks[i]);
    end_batch(ahead);
}

static uint64_t encoded_len(const lzma_block *block) {
    return lzma_block_total_size(block) - block->header_size;
}

bool pp_xz_ahead_take(struct pp_xz_ahead *ahead, const lzma_block *block, uint64_t decoder_len) {
    uint64_t share_len = ahead->budget->limit_len / 4 * 3;
    uint64_t max = (share_len < SIZE_MAX / 2 ? share_len : SIZE_MAX / 2) - ahead->taken_len;
    struct pp_err busy = PP_ERR_INIT;
    uint64_t len;

    if (ahead->count == 0)
        ahead->most = ahead->helpers != NULL ? atomic_load(&ahead->helpers->spare) + 1 : 0;
    if (ahead->most < 2 || ahead->count >= ahead->most || ahead->count > PP_HELPERS_MAX ||
        block->compressed_size == LZMA_VLI_UNKNOWN ||
        block->uncompressed_size == LZMA_VLI_UNKNOWN ||
        block->uncompressed_size < PP_XZ_AHEAD_LEN_MIN)
        return false;
    if (encoded_len(block) > max || block->uncompressed_size > max || decoder_len > max)
        return false;
    len = encoded_len(block) + block->uncompressed_size + decoder_len;
    if (len > max || pp_budget_take(ahead->budget, len, true, &busy) < 0)
        return false;
    ahead->taken_len += len;
    return true;
}

int pp_xz_ahead_begin(struct pp_xz_ahead *ahead, const lzma_block *block, struct pp_err *err) {
    struct pp_xz_ahead_block *self = &ahead->blocks[ahead->count++];
    lzma_ret status;

    *self = (struct pp_xz_ahead_block){
        .stream = LZMA_STREAM_INIT, .block = *block, .encoded_len = (size_t)encoded_len(block)};
    self->encoded = malloc(self->encoded_len);
    if (self->encoded == NULL)
        return pp_err_nomem(err);
    status = lzma_block_decoder(&self->stream, &self->block);
    self->block.filters = NULL;
    return status == LZMA_OK ? 0 : pp_lzma_error(status, err);
}

int pp_xz_ahead_gather(struct pp_xz_ahead *ahead, struct pp_stage_io *io) {
    struct pp_xz_ahead_block *self = &ahead->blocks[ahead->count - 1];
    size_t len = self->encoded_len - self->gathered_len;

    if (len > io->in_len)
        len = io->in_len;
    memcpy(self->encoded + self->gathered_len, io->in, len);
    self->gathered_len += len;
    io->in += len;
    io->in_len -= len;
    return self->gathered_len == self->encoded_len ? PP_STAGE_END : PP_STAGE_MORE;
}

static void decode(void *arg, size_t i) {
    struct pp_xz_ahead *ahead = arg;
    struct pp_xz_ahead_block *self = &ahead->blocks[i];
    size_t room = (size_t)self->block.uncompressed_size + 1;

    self->text = malloc(room);
    if (self->text == NULL)
        return;
    /* With a byte more than the header tells, what is longer is damage and no lack of room. */
    self->stream.next_out = self->text;
    self->stream.avail_out = room;
    do
        self->status = lzma_code(&self->stream, LZMA_RUN);
    while (self->status == LZMA_OK);
    self->text_len = room - self->stream.avail_out;
}

static bool is_whole(const struct pp_xz_ahead_block *self) {
    return self->gathered_len == self->encoded_len;
}

void pp_xz_ahead_run(struct pp_xz_ahead *ahead) {
    size_t whole = 0;

    for (size_t i = 0; i < ahead->count; i++) {
        struct pp_xz_ahead_block *self = &ahead->blocks[i];

        self->stream.next_in = self->encoded;
        self->stream.avail_in = self->gathered_len;
        whole += is_whole(self);
    }
    ahead->giving = true;
    /* One alone is decoded as it is given, which needs no room for its text. */
    if (whole > 1)
        pp_helpers_each(ahead->helpers, whole, decode, ahead);
}

static int give_decoded(struct pp_xz_ahead_block *self, struct pp_stage_io *io,
                        struct pp_err *err) {
    size_t len = self->text_len - self->given_len;

    if (len > io->out_len)
        len = io->out_len;
    memcpy(io->out, self->text + self->given_len, len);
    self->given_len += len;
    io->out += len;
    io->out_len -= len;
    if (self->given_len < self->text_len)
        return PP_STAGE_MORE;
    if (self->status == LZMA_STREAM_END)
        return PP_STAGE_END;
    return len > 0 ? PP_STAGE_MORE : pp_lzma_error(self->status, err);
}

static int give_decoding(struct pp_xz_ahead_block *self, struct pp_stage_io *io,
                         struct pp_err *err) {
    struct pp_stage_io inner = {.in = self->stream.next_in,
                                .in_len = self->stream.avail_in,
                                .out = io->out,
                                .out_len = io->out_len};
    int rc = pp_lzma_step(&self->stream, &inner, LZMA_RUN, err);

    io->out = inner.out;
    io->out_len = inner.out_len;
    return rc;
}

int pp_xz_ahead_give(struct pp_xz_ahead *ahead, struct pp_stage_io *io, lzma_block *block,
                     struct pp_err *err) {
    struct pp_xz_ahead_block *self = &ahead->blocks[ahead->given];
    int rc = self->text != NULL ? give_decoded(self, io, err) : give_decoding(self, io, err);

    if (rc != PP_STAGE_END)
        return rc;
    *block = self->block;
    block_done(self);
    if (++ahead->given == ahead->count)
        end_batch(ahead);
    return rc;
}
