/* xz through liblzma, block by block: the decoder. What decodes several blocks at once is in
 * xz_ahead.c, the writer in xz_writer.c. */
#include "stream/xz_ahead.h"
#include "stream/xz_writer.h"

#include <stdlib.h>
#include <string.h>

enum xz_state {
    XZ_HEADER = 0,   /* stream header */
    XZ_BLOCK_HEADER, /* or the first byte of the index */
    XZ_BLOCK_OPEN,
    XZ_BLOCK_AHEAD, /* it is gathered */
    XZ_BLOCK,
    XZ_INDEX,
    XZ_FOOTER,
    XZ_PADDING,
};

struct xz_recode {
    struct pp_recoder recoder;
    enum xz_state state;
    uint8_t head[LZMA_BLOCK_HEADER_SIZE_MAX];
    size_t head_len;
    bool any;             /* a stream was decoded */
    uint64_t encoded_len; /* read so far */
    uint64_t text_len;    /* of the blocks so far, where their headers tell it */

    lzma_stream_flags flags;
    lzma_stream stream;
    lzma_block block;
    uint64_t decoder_len;
    struct pp_xz_piece *piece; /* the block that is being decoded; borrowed */
    struct pp_xz_ahead ahead;
    struct pp_err late; /* what is wrong behind the blocks that are yet to be given */
    lzma_index_hash *hash;
    struct pp_xz_piece *padding; /* borrowed */
    size_t padding_len;

    bool tried; /* the style is known */
    struct pp_trial trial;
    uint32_t dict_size; /* of the block that was tried */
    struct pp_lzma_style style;

    struct pp_xz_writer writer;
};

static bool xz_bid(const uint8_t *head, size_t len) {
    return len >= 6 && memcmp(head,
                              "\xfd"
                              "7zXZ",
                              6) == 0;
}

/* Gathers `len` bytes in `head`. Says whether they are all there. */
static bool gather(struct xz_recode *self, struct pp_stage_io *io, size_t len) {
    size_t count = len - self->head_len;

    if (count > io->in_len)
        count = io->in_len;
    memcpy(self->head + self->head_len, io->in, count);
    self->head_len += count;
    io->in += count;
    io->in_len -= count;
    return self->head_len == len;
}

static int keep(struct xz_recode *self, struct pp_xz_piece **piece, struct pp_err *err) {
    int rc;

    *piece = pp_xz_piece_new(PP_XZ_KEPT, err);
    if (*piece == NULL)
        return -(int)err->kind;
    rc = pp_recoder_begin(&self->recoder, &(*piece)->piece, err);
    if (rc < 0)
        return rc;
    return pp_recoder_keep(&self->recoder, &(*piece)->piece, self->head, self->head_len, err);
}

static int decode_header(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    struct pp_xz_piece *piece;
    lzma_ret status;
    int rc;

    if (!gather(self, io, LZMA_STREAM_HEADER_SIZE))
        return PP_STAGE_MORE;
    status = lzma_stream_header_decode(&self->flags, self->head);
    if (status == LZMA_FORMAT_ERROR && self->any)
        return pp_err_set(err, PP_ERR_DAMAGED, "trailing garbage after the xz data");
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    if (!lzma_check_is_supported(self->flags.check))
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "unsupported type of integrity check (%d)",
                          (int)self->flags.check);
    self->hash = lzma_index_hash_init(self->hash, NULL);
    if (self->hash == NULL)
        return pp_err_nomem(err);
    rc = keep(self, &piece, err);
    self->head_len = 0;
    self->state = XZ_BLOCK_HEADER;
    return rc;
}

static lzma_ret open_raw(lzma_stream *stream, const lzma_filter *filters) {
    return lzma_raw_encoder(stream, filters);
}

/* The trial has what it needs: find out the style and let the writer begin. */
static int settle(struct xz_recode *self, struct pp_err *err) {
    const struct pp_buffer *encoded = &self->trial.encoded;
    int rc;

    /* The first chunk tells lc, lp and pb when it is compressed: control byte, two sizes of two
     * bytes, properties (LZMA2 in "The .xz File Format", 5.3.1). */
    if (encoded->len > 5 && encoded->data[0] >= 0xc0)
        pp_lzma_properties(encoded->data[5], &self->style);
    rc = pp_lzma_try(&self->trial, self->piece->filters, open_raw, &self->style, err);
    pp_trial_done(&self->trial);
    self->tried = true;
    self->piece->style = self->style;
    self->piece->piece.ready = true;
    return rc;
}

static uint32_t chain_dict_size(const lzma_filter *filters) {
    while (filters[1].id != LZMA_VLI_UNKNOWN)
        filters++;
    return ((const lzma_options_lzma *)filters->options)->dict_size;
}

/* The writer may begin at once when the style is known from another block. */
static void set_style(struct xz_recode *self, struct pp_xz_piece *piece) {
    uint32_t dict_size = chain_dict_size(piece->filters);

    if (!self->tried) {
        self->dict_size = dict_size;
        self->style = (struct pp_lzma_style){.preset = pp_lzma_preset(dict_size),
                                             .lc = LZMA_LC_DEFAULT,
                                             .lp = LZMA_LP_DEFAULT,
                                             .pb = LZMA_PB_DEFAULT};
        return;
    }
    piece->style = self->style;
    if (dict_size != self->dict_size)
        piece->style.preset = pp_lzma_preset(dict_size);
    piece->piece.ready = true;
}

/* Where the text so far, with that of the block, is within the limits on what is decoded, nobody
 * will stop in it: that more was read by then than without it changes nothing. */
static bool may_go_ahead(const struct xz_recode *self) {
    uint64_t text_len = self->text_len + self->block.uncompressed_size;

    return self->recoder.out == NULL && self->block.uncompressed_size <= PP_DECODED_LEN_MAX &&
           (text_len <= PP_DECODED_RATIO_FREE_LEN ||
            text_len / PP_DECODED_RATIO_MAX <= self->encoded_len);
}

static int open_block(struct xz_recode *self, struct pp_err *err) {
    bool pending = pp_xz_ahead_holds(&self->ahead);
    uint64_t encoder_len = pp_lzma_encoder_memory(self->piece->filters);
    lzma_ret status;
    int rc;

    /* What those before it hold must not make this one fail. */
    if (!pending || self->decoder_len <= self->recoder.decoder_len) {
        rc = pp_recoder_need(&self->recoder, self->decoder_len, encoder_len, err);
        if (rc < 0)
            return rc;
        if (may_go_ahead(self) && pp_xz_ahead_take(&self->ahead, &self->block, self->decoder_len)) {
            self->text_len += self->block.uncompressed_size;
            self->state = XZ_BLOCK_AHEAD;
            return PP_STAGE_MORE;
        }
    }
    if (pending) {
        pp_xz_ahead_turn(&self->ahead);
        return PP_STAGE_MORE;
    }
    set_style(self, self->piece);
    self->state = XZ_BLOCK;
    status = lzma_block_decoder(&self->stream, &self->block);
    return status == LZMA_OK ? PP_STAGE_MORE : pp_lzma_error(status, err);
}

static int begin_block(struct xz_recode *self, struct pp_err *err) {
    struct pp_xz_piece *piece = pp_xz_piece_new(PP_XZ_BLOCK, err);
    lzma_ret status;
    int rc;

    if (piece == NULL)
        return -(int)err->kind;
    rc = pp_recoder_begin(&self->recoder, &piece->piece, err);
    if (rc < 0)
        return rc;
    self->block = (lzma_block){.version = 1,
                               .header_size = (uint32_t)self->head_len,
                               .check = self->flags.check,
                               .filters = piece->filters};
    status = lzma_block_header_decode(&self->block, NULL, self->head);
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    /* This also checks the chain: its last filter is LZMA2. */
    self->decoder_len = lzma_raw_decoder_memusage(piece->filters);
    if (self->decoder_len == UINT64_MAX)
        return pp_lzma_error(LZMA_OPTIONS_ERROR, err);
    piece->flags = self->flags;
    piece->header_size = self->block.header_size;
    piece->compressed_told = self->block.compressed_size != LZMA_VLI_UNKNOWN;
    piece->uncompressed_told = self->block.uncompressed_size != LZMA_VLI_UNKNOWN;
    piece->told_len = self->block.uncompressed_size;
    self->piece = piece;
    self->head_len = 0;
    self->state = XZ_BLOCK_OPEN;
    return open_block(self, err);
}

static int decode_block_header(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    struct pp_xz_piece *piece;

    if (self->head_len == 0 && io->in_len > 0 && *io->in == 0) {
        piece = pp_xz_piece_new(PP_XZ_INDEX, err);
        if (piece == NULL)
            return -(int)err->kind;
        piece->flags = self->flags;
        self->state = XZ_INDEX;
        return pp_recoder_begin(&self->recoder, &piece->piece, err);
    }
    if (self->head_len == 0 && !gather(self, io, 1))
        return PP_STAGE_MORE;
    if (!gather(self, io, lzma_block_header_size_decode(self->head[0])))
        return PP_STAGE_MORE;
    return begin_block(self, err);
}

static int end_block(struct xz_recode *self, const lzma_block *block, struct pp_err *err) {
    lzma_ret status = lzma_index_hash_append(self->hash, lzma_block_unpadded_size(block),
                                             block->uncompressed_size);

    return status == LZMA_OK ? PP_STAGE_MORE : pp_lzma_error(status, err);
}

static int decode_block(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    const uint8_t *in = io->in;
    const uint8_t *out = io->out;
    int rc = pp_lzma_step(&self->stream, io, LZMA_RUN, err);

    if (rc < 0 && io->out != out && self->block.filters[1].id == LZMA_VLI_UNKNOWN) {
        /* The text before the damage is given first, as the helpers do. */
        self->late = *err;
        pp_err_clear(err);
        return PP_STAGE_MORE;
    }
    if (rc < 0)
        return rc;
    if (self->recoder.out != NULL && !self->tried) {
        int done = pp_trial_add(&self->trial, in, (size_t)(io->in - in), out,
                                (size_t)(io->out - out), rc == PP_STAGE_END, err);

        if (done > 0)
            done = settle(self, err);
        if (done < 0)
            return done;
    }
    if (rc == PP_STAGE_MORE)
        return rc;
    self->text_len += self->block.uncompressed_size;
    self->state = XZ_BLOCK_HEADER;
    return end_block(self, &self->block, err);
}

static int give_ahead(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    lzma_block block;
    int rc = pp_xz_ahead_give(&self->ahead, io, &block, err);

    return rc == PP_STAGE_END ? end_block(self, &block, err) : rc;
}

static int decode_index(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    size_t done = 0;
    lzma_ret status;

    if (io->in_len == 0)
        return PP_STAGE_MORE;
    status = lzma_index_hash_decode(self->hash, io->in, &done, io->in_len);
    io->in += done;
    io->in_len -= done;
    if (status == LZMA_STREAM_END)
        self->state = XZ_FOOTER;
    else if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    return PP_STAGE_MORE;
}

static int decode_footer(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    lzma_stream_flags flags;
    lzma_ret status;

    if (!gather(self, io, LZMA_STREAM_HEADER_SIZE))
        return PP_STAGE_MORE;
    status = lzma_stream_footer_decode(&flags, self->head);
    if (status == LZMA_OK)
        status = lzma_stream_flags_compare(&self->flags, &flags);
    /* A wrong magic number is no other format so late in the stream. */
    if (status == LZMA_FORMAT_ERROR ||
        (status == LZMA_OK && flags.backward_size != lzma_index_hash_size(self->hash)))
        status = LZMA_DATA_ERROR;
    if (status != LZMA_OK)
        return pp_lzma_error(status, err);
    self->head_len = 0;
    self->any = true;
    self->padding = NULL;
    self->padding_len = 0;
    self->state = XZ_PADDING;
    return PP_STAGE_MORE;
}

/* Between streams: zero bytes, four by four; then the next stream or the end. */
static int decode_padding(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    static const uint8_t zeros[512];
    size_t count = 0;
    int rc;

    if (io->in_len > 0 && *io->in == 0) {
        while (count < io->in_len && count < sizeof(zeros) && io->in[count] == 0)
            count++;
        if (self->padding == NULL && (rc = keep(self, &self->padding, err)) < 0)
            return rc;
        io->in += count;
        io->in_len -= count;
        self->padding_len += count;
        return pp_recoder_keep(&self->recoder, &self->padding->piece, zeros, count, err);
    }
    if (io->in_len == 0 && !io->last)
        return PP_STAGE_MORE;
    if (self->padding_len % 4 != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "bad padding after the xz data");
    self->state = XZ_HEADER;
    return io->in_len == 0 ? PP_STAGE_END : PP_STAGE_MORE;
}

static int step(struct xz_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    switch (self->state) {
    case XZ_HEADER:
        return decode_header(self, io, err);
    case XZ_BLOCK_HEADER:
        return decode_block_header(self, io, err);
    case XZ_BLOCK_OPEN:
        return open_block(self, err);
    case XZ_BLOCK_AHEAD:
        if (pp_xz_ahead_gather(&self->ahead, io) == PP_STAGE_END)
            self->state = XZ_BLOCK_HEADER;
        return PP_STAGE_MORE;
    case XZ_BLOCK:
        return decode_block(self, io, err);
    case XZ_INDEX:
        return decode_index(self, io, err);
    case XZ_FOOTER:
        return decode_footer(self, io, err);
    default:
        return decode_padding(self, io, err);
    }
}

/* Nothing can join the blocks that were gathered. */
static bool is_row_whole(const struct xz_recode *self, const struct pp_stage_io *io) {
    return io->in_len == 0 || self->state == XZ_INDEX || self->late.kind != PP_ERR_NONE;
}

static int xz_decode(struct pp_recoder *recoder, struct pp_stage_io *io, struct pp_err *err) {
    struct xz_recode *self = (struct xz_recode *)recoder;
    const uint8_t *in = io->in;
    int rc;

    if (!self->ahead.giving && pp_xz_ahead_holds(&self->ahead) && is_row_whole(self, io))
        pp_xz_ahead_turn(&self->ahead);
    if (self->ahead.giving)
        return give_ahead(self, io, err);
    if (self->late.kind != PP_ERR_NONE) {
        *err = self->late;
        return -(int)err->kind;
    }
    rc = step(self, io, err);
    self->encoded_len += (uint64_t)(io->in - in);
    if (rc >= 0 || !pp_xz_ahead_holds(&self->ahead))
        return rc;
    self->late = *err;
    pp_err_clear(err);
    pp_xz_ahead_turn(&self->ahead);
    return give_ahead(self, io, err);
}

static int xz_encoder(struct pp_recoder *recoder, struct pp_piece *piece, struct pp_stage **stage,
                      struct pp_err *err) {
    struct xz_recode *self = (struct xz_recode *)recoder;

    return pp_xz_writer_encoder(&self->writer, (struct pp_xz_piece *)piece, stage, err);
}

static void xz_free(struct pp_recoder *recoder) {
    struct xz_recode *self = (struct xz_recode *)recoder;

    lzma_end(&self->stream);
    pp_xz_ahead_done(&self->ahead);
    lzma_index_hash_end(self->hash, NULL);
    pp_trial_done(&self->trial);
    pp_recoder_done(recoder);
    pp_xz_writer_done(&self->writer);
    free(self);
}

static const struct pp_recoder_ops xz_ops = {
    .decode = xz_decode,
    .encoder = xz_encoder,
    .free_piece = pp_xz_piece_free,
    .free = xz_free,
};

static int xz_open(const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out,
                   struct pp_recode **recode, struct pp_err *err) {
    struct xz_recode *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    self->stream = (lzma_stream)LZMA_STREAM_INIT;
    pp_xz_writer_init(&self->writer, env);
    pp_xz_ahead_init(&self->ahead, env);
    pp_recoder_init(&self->recoder, &xz_ops, env, in, out);
    *recode = &self->recoder.recode;
    return 0;
}

const struct pp_codec pp_codec_xz = {.name = "xz", .bid = xz_bid, .open = xz_open};
