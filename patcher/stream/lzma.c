/* .lzma (LZMA alone) through liblzma: one stream of unknown length.
 *
 * Source: "The .lzma File Format" of XZ Utils. A header of 13 bytes: properties, dictionary size,
 * uncompressed size, both little-endian. liblzma cannot write a known size, so such a file is only
 * decoded.
 */
#include "base/bytes.h"
#include "stream/lzma_coder.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_LEN 13
#define DICT_SIZE_MIN ((uint32_t)1 << 12)
#define KNOWN_SIZE_MAX ((uint64_t)1 << 38)

struct alone_piece {
    struct pp_piece piece;
    lzma_options_lzma options;
    struct pp_lzma_style style;
};

struct alone_recode {
    struct pp_recoder recoder;
    uint8_t header[HEADER_LEN];
    size_t header_len;
    lzma_stream stream;
    bool ended;
    struct alone_piece *piece; /* borrowed */
    struct pp_trial trial;
    bool tried;
};

static uint32_t dict_size_of(const uint8_t *header) {
    return pp_le32(header + 1);
}

static uint64_t text_size_of(const uint8_t *header) {
    return (uint64_t)pp_le32(header + 9) << 32 | pp_le32(header + 5);
}

/* 2^n or 2^n + 2^(n-1), as encoders write it. */
static bool dict_size_usual(uint32_t size) {
    uint32_t top = size;

    while ((top & (top - 1)) != 0)
        top &= top - 1;
    return size >= DICT_SIZE_MIN && (size == top || size == top + top / 2);
}

/* There is no magic number, so every field must be as encoders write it. The first byte of the
 * range coder, behind the header, is always zero. */
/* The properties that every encoder writes unless it is told otherwise: lc=3, lp=0, pb=2. The
 * format has no magic bytes; with any other byte here too many plain files would look like it. */
#define USUAL_PROPERTIES 0x5d

static bool alone_bid(const uint8_t *head, size_t len) {
    uint64_t text_size;

    if (len < HEADER_LEN + 5 || head[0] != USUAL_PROPERTIES || head[HEADER_LEN] != 0)
        return false;
    text_size = text_size_of(head);
    return dict_size_usual(dict_size_of(head)) &&
           (text_size == UINT64_MAX || (text_size > 0 && text_size < KNOWN_SIZE_MAX));
}

static lzma_ret open_alone(lzma_stream *stream, const lzma_filter *filters) {
    return lzma_alone_encoder(stream, filters[0].options);
}

static int begin_stream(struct alone_recode *self, struct pp_err *err) {
    struct alone_piece *piece = calloc(1, sizeof(*piece));
    lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA1}, {.id = LZMA_VLI_UNKNOWN}};
    /* The library reads nothing while there is no room; the header alone produces no text. */
    uint8_t room;
    struct pp_stage_io io = {.in = self->header, .in_len = HEADER_LEN, .out = &room, .out_len = 1};
    struct pp_err refusal;
    uint64_t decoder_len;
    uint64_t encoder_len;
    int rc;

    if (piece == NULL)
        return pp_err_nomem(err);
    piece->piece.takes_text = true;
    rc = pp_recoder_begin(&self->recoder, &piece->piece, err);
    if (rc < 0)
        return rc;
    if (!pp_lzma_properties(self->header[0], &piece->style))
        return pp_lzma_error(LZMA_FORMAT_ERROR, err);
    if (text_size_of(self->header) != UINT64_MAX) {
        pp_err_set(&refusal, PP_ERR_UNSUPPORTED,
                   "an .lzma file that tells its length cannot be written again");
        rc = pp_recode_refuse(&self->recoder.recode, self->recoder.out, &refusal, err);
        if (rc < 0)
            return rc;
    }
    self->piece = piece;
    piece->options.dict_size = dict_size_of(self->header);
    piece->style.preset = pp_lzma_preset(piece->options.dict_size);
    pp_lzma_options(&piece->options, &piece->style);
    filters[0].options = &piece->options;
    decoder_len = lzma_raw_decoder_memusage(filters);
    encoder_len = pp_lzma_encoder_memory(filters);
    if (decoder_len == UINT64_MAX)
        return pp_lzma_error(LZMA_OPTIONS_ERROR, err);
    rc = pp_recoder_need(&self->recoder, decoder_len, encoder_len, err);
    if (rc < 0)
        return rc;
    /* The memory is counted in the budget, so the library needs no limit of its own. */
    if (lzma_alone_decoder(&self->stream, UINT64_MAX) != LZMA_OK)
        return pp_err_nomem(err);
    return pp_lzma_step(&self->stream, &io, LZMA_RUN, err);
}

static int settle(struct alone_recode *self, struct pp_err *err) {
    lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA1, .options = &self->piece->options},
                             {.id = LZMA_VLI_UNKNOWN}};
    int rc = pp_lzma_try(&self->trial, filters, open_alone, &self->piece->style, err);

    pp_trial_done(&self->trial);
    self->tried = true;
    self->piece->piece.ready = true;
    return rc;
}

static int try_step(struct alone_recode *self, const uint8_t *in, size_t in_len,
                    const uint8_t *text, size_t text_len, struct pp_err *err) {
    int done;

    if (self->recoder.out == NULL || self->tried)
        return 0;
    done = pp_trial_add(&self->trial, in, in_len, text, text_len, self->ended, err);
    return done > 0 ? settle(self, err) : done;
}

static int alone_decode(struct pp_recoder *recoder, struct pp_stage_io *io, struct pp_err *err) {
    struct alone_recode *self = (struct alone_recode *)recoder;
    const uint8_t *in = io->in;
    const uint8_t *out = io->out;
    int status;
    int rc;

    if (self->header_len < HEADER_LEN) {
        while (self->header_len < HEADER_LEN && io->in_len > 0) {
            self->header[self->header_len++] = *io->in++;
            io->in_len--;
        }
        if (self->header_len < HEADER_LEN)
            return PP_STAGE_MORE;
        rc = begin_stream(self, err);
        return rc < 0 ? rc : try_step(self, self->header, HEADER_LEN, out, 0, err);
    }
    if (self->ended) {
        if (io->in_len > 0)
            return pp_err_set(err, PP_ERR_DAMAGED, "trailing garbage after the lzma data");
        return io->last ? PP_STAGE_END : PP_STAGE_MORE;
    }
    status = pp_lzma_step(&self->stream, io, io->last ? LZMA_FINISH : LZMA_RUN, err);
    if (status < 0)
        return status;
    self->ended = status == PP_STAGE_END;
    rc = try_step(self, in, (size_t)(io->in - in), out, (size_t)(io->out - out), err);
    return rc < 0 ? rc : PP_STAGE_MORE;
}

static int alone_encoder(struct pp_recoder *recoder, struct pp_piece *piece,
                         struct pp_stage **stage, struct pp_err *err) {
    struct alone_piece *self = (struct alone_piece *)piece;
    lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA1, .options = &self->options},
                             {.id = LZMA_VLI_UNKNOWN}};

    (void)recoder;
    pp_lzma_options(&self->options, &self->style);
    *stage = pp_lzma_stage_new(open_alone, filters, err);
    return *stage == NULL ? -(int)err->kind : 0;
}

static void alone_free_piece(struct pp_piece *piece) {
    free(piece);
}

static void alone_free(struct pp_recoder *recoder) {
    struct alone_recode *self = (struct alone_recode *)recoder;

    lzma_end(&self->stream);
    pp_trial_done(&self->trial);
    pp_recoder_done(recoder);
    free(self);
}

static const struct pp_recoder_ops alone_ops = {
    .decode = alone_decode,
    .encoder = alone_encoder,
    .free_piece = alone_free_piece,
    .free = alone_free,
};

static int alone_open(const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out,
                      struct pp_recode **recode, struct pp_err *err) {
    struct alone_recode *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    self->stream = (lzma_stream)LZMA_STREAM_INIT;
    pp_recoder_init(&self->recoder, &alone_ops, env, in, out);
    *recode = &self->recoder.recode;
    return 0;
}

const struct pp_codec pp_codec_lzma = {.name = "lzma", .bid = alone_bid, .open = alone_open};
