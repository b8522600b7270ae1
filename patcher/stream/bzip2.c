/* bzip2 through libbz2: streams one after another, each with the block size of its header.
 *
 * The format has no specification of its own; the header is "BZh", the level '1' to '9' (blocks of
 * 100,000 bytes), then the magic number of a block (pi) or of the end (its square root).
 */
#include "stream/recoder.h"

#include <bzlib.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LEN 4

/* "Memory management" in the manual of bzip2: 100 kB + 4 × block, 400 kB + 8 × block. */
#define DECODER_LEN(level) (100000u + 4u * 100000u * (unsigned)(level))
#define ENCODER_LEN(level) (400000u + 8u * 100000u * (unsigned)(level))

struct bzip2_piece {
    struct pp_piece piece;
    int level;
};

struct bzip2_recode {
    struct pp_recoder recoder;
    uint8_t header[HEADER_LEN];
    size_t header_len;
    bz_stream stream;
    bool inside; /* a stream is being decoded */
    bool any;    /* there was one before */
};

struct bzip2_encoder {
    struct pp_stage stage;
    bz_stream stream;
};

static bool header_good(const uint8_t *header) {
    return memcmp(header, "BZh", 3) == 0 && header[3] >= '1' && header[3] <= '9';
}

static bool bzip2_bid(const uint8_t *head, size_t len) {
    if (len < 10 || !header_good(head))
        return false;
    return memcmp(head + 4, "1AY&SY", 6) == 0 || memcmp(head + 4, "\x17rE8P\x90", 6) == 0;
}

static int bzip2_error(int status, struct pp_err *err) {
    switch (status) {
    case BZ_MEM_ERROR:
        return pp_err_nomem(err);
    case BZ_DATA_ERROR:
        return pp_err_set(err, PP_ERR_DAMAGED, "data integrity error in the bzip2 data");
    case BZ_DATA_ERROR_MAGIC:
        return pp_err_set(err, PP_ERR_DAMAGED, "bad magic number in the bzip2 data");
    default:
        return pp_err_set(err, PP_ERR_DAMAGED, "libbz2 error %d", status);
    }
}

/* The library counts in unsigned int; the rest is for the next step. */
static void lend(bz_stream *stream, const struct pp_stage_io *io) {
    stream->next_in = (char *)io->in;
    stream->avail_in = io->in_len < UINT32_MAX ? (unsigned)io->in_len : UINT32_MAX;
    stream->next_out = (char *)io->out;
    stream->avail_out = io->out_len < UINT32_MAX ? (unsigned)io->out_len : UINT32_MAX;
}

static void take_back(const bz_stream *stream, struct pp_stage_io *io) {
    size_t consumed = (size_t)((const uint8_t *)stream->next_in - io->in);
    size_t produced = (size_t)((uint8_t *)stream->next_out - io->out);

    io->in += consumed;
    io->in_len -= consumed;
    io->out += produced;
    io->out_len -= produced;
}

static int begin_stream(struct bzip2_recode *self, struct pp_err *err) {
    int level = self->header[3] - '0';
    struct bzip2_piece *piece;
    int rc;

    if (!header_good(self->header))
        return pp_err_set(err, PP_ERR_DAMAGED,
                          self->any ? "trailing garbage after the bzip2 data"
                                    : "bad magic number in the bzip2 data");
    rc = pp_recoder_need(&self->recoder, DECODER_LEN(level), ENCODER_LEN(level), err);
    if (rc < 0)
        return rc;
    piece = calloc(1, sizeof(*piece));
    if (piece == NULL)
        return pp_err_nomem(err);
    piece->piece.takes_text = true;
    piece->piece.ready = true;
    piece->level = level;
    rc = pp_recoder_begin(&self->recoder, &piece->piece, err);
    if (rc < 0)
        return rc;
    self->stream = (bz_stream){.next_in = NULL};
    rc = BZ2_bzDecompressInit(&self->stream, 0, 0);
    if (rc != BZ_OK)
        return bzip2_error(rc, err);
    self->inside = true;
    self->any = true;
    self->stream.next_in = (char *)self->header;
    self->stream.avail_in = HEADER_LEN;
    rc = BZ2_bzDecompress(&self->stream);
    return rc == BZ_OK ? 0 : bzip2_error(rc, err);
}

static int bzip2_decode(struct pp_recoder *recoder, struct pp_stage_io *io, struct pp_err *err) {
    struct bzip2_recode *self = (struct bzip2_recode *)recoder;
    int rc;

    if (!self->inside) {
        if (self->header_len == 0 && self->any && io->in_len == 0 && io->last)
            return PP_STAGE_END;
        while (self->header_len < HEADER_LEN && io->in_len > 0) {
            self->header[self->header_len++] = *io->in++;
            io->in_len--;
        }
        if (self->header_len < HEADER_LEN)
            return PP_STAGE_MORE;
        self->header_len = 0;
        return begin_stream(self, err);
    }
    lend(&self->stream, io);
    rc = BZ2_bzDecompress(&self->stream);
    take_back(&self->stream, io);
    if (rc == BZ_STREAM_END) {
        BZ2_bzDecompressEnd(&self->stream);
        self->inside = false;
        return PP_STAGE_MORE;
    }
    return rc == BZ_OK ? PP_STAGE_MORE : bzip2_error(rc, err);
}

static int encoder_step(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err) {
    struct bzip2_encoder *self = (struct bzip2_encoder *)stage;
    int rc;

    lend(&self->stream, io);
    rc = BZ2_bzCompress(&self->stream,
                        io->last && self->stream.avail_in == io->in_len ? BZ_FINISH : BZ_RUN);
    take_back(&self->stream, io);
    if (rc == BZ_STREAM_END)
        return PP_STAGE_END;
    return rc == BZ_RUN_OK || rc == BZ_FINISH_OK ? PP_STAGE_MORE : bzip2_error(rc, err);
}

static void encoder_free(struct pp_stage *stage) {
    struct bzip2_encoder *self = (struct bzip2_encoder *)stage;

    BZ2_bzCompressEnd(&self->stream);
    free(self);
}

static const struct pp_stage_ops encoder_ops = {.step = encoder_step, .free = encoder_free};

static int bzip2_encoder(struct pp_recoder *recoder, struct pp_piece *piece,
                         struct pp_stage **stage, struct pp_err *err) {
    struct bzip2_encoder *self = calloc(1, sizeof(*self));
    int rc;

    (void)recoder;
    if (self == NULL)
        return pp_err_nomem(err);
    self->stage.ops = &encoder_ops;
    rc = BZ2_bzCompressInit(&self->stream, ((struct bzip2_piece *)piece)->level, 0, 0);
    if (rc != BZ_OK) {
        free(self);
        return bzip2_error(rc, err);
    }
    *stage = &self->stage;
    return 0;
}

static void bzip2_free_piece(struct pp_piece *piece) {
    free(piece);
}

static void bzip2_free(struct pp_recoder *recoder) {
    struct bzip2_recode *self = (struct bzip2_recode *)recoder;

    if (self->inside)
        BZ2_bzDecompressEnd(&self->stream);
    pp_recoder_done(recoder);
    free(self);
}

static const struct pp_recoder_ops bzip2_ops = {
    .decode = bzip2_decode,
    .encoder = bzip2_encoder,
    .free_piece = bzip2_free_piece,
    .free = bzip2_free,
};

static int bzip2_open(const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out,
                      struct pp_recode **recode, struct pp_err *err) {
    struct bzip2_recode *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    pp_recoder_init(&self->recoder, &bzip2_ops, env, in, out);
    *recode = &self->recoder.recode;
    return 0;
}

const struct pp_codec pp_codec_bzip2 = {.name = "bzip2", .bid = bzip2_bid, .open = bzip2_open};
