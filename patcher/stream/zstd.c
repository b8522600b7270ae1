/* zstd through libzstd: frames one after another, and skippable frames, which are kept.
 *
 * Source: RFC 8878, "Zstandard Compression and the 'application/zstd' Media Type". Frame headers
 * are read with the library's own function. The writer is in zstd_frame.c.
 */
#include "base/bytes.h"
#include "stream/trial.h"
#include "stream/zstd_frame.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_LOG_MAX 27
/* Encoded bytes that two levels do not have in common by chance; half of them when there are few.
 */
#define AGREED_LEN_MIN ((size_t)4096)

enum zstd_state {
    ZSTD_HEAD = 0,
    ZSTD_FRAME,
    ZSTD_SKIP, /* inside a skippable frame */
};

struct zstd_recode {
    struct pp_recoder recoder;
    enum zstd_state state;
    uint8_t head[ZSTD_FRAMEHEADERSIZE_MAX];
    size_t head_len;
    bool any; /* a frame was decoded */

    ZSTD_DCtx *context;
    uint64_t skip_len;           /* what is left of the skippable frame */
    struct pp_zstd_piece *piece; /* borrowed */

    bool tried; /* the level is known */
    struct pp_trial trial;
    int level;
};

/* Other formats use skippable frames too: one that is seen whole must be followed by our own. */
static bool zstd_bid(const uint8_t *head, size_t len) {
    size_t at = 0;

    while (len - at >= ZSTD_SKIPPABLEHEADERSIZE &&
           (pp_le32(head + at) & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START) {
        uint32_t skip_len = pp_le32(head + at + 4);

        if (skip_len > len - at - ZSTD_SKIPPABLEHEADERSIZE)
            return true;
        at += ZSTD_SKIPPABLEHEADERSIZE + skip_len;
    }
    if (len - at >= 4)
        return pp_le32(head + at) == ZSTD_MAGICNUMBER;
    return at > 0;
}

static struct pp_zstd_piece *begin_piece(struct zstd_recode *self, bool takes_text, int *rc,
                                         struct pp_err *err) {
    struct pp_zstd_piece *piece = calloc(1, sizeof(*piece));

    if (piece == NULL) {
        *rc = pp_err_nomem(err);
        return NULL;
    }
    piece->piece.takes_text = takes_text;
    *rc = pp_recoder_begin(&self->recoder, &piece->piece, err);
    return piece;
}

static int begin_skip(struct zstd_recode *self, uint64_t len, struct pp_err *err) {
    int rc;

    self->piece = begin_piece(self, false, &rc, err);
    if (rc < 0)
        return rc;
    self->skip_len = len;
    self->state = ZSTD_SKIP;
    return pp_recoder_keep(&self->recoder, &self->piece->piece, self->head, self->head_len, err);
}

static int begin_frame(struct zstd_recode *self, const ZSTD_frameHeader *header,
                       struct pp_err *err) {
    struct pp_zstd_piece *piece;
    uint64_t memory;
    int rc;

    if (header->dictID != 0)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "needs the zstd dictionary %u", header->dictID);
    if (header->windowSize > (uint64_t)1 << WINDOW_LOG_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "needs a zstd window of %llu MiB, over %d MiB",
                          header->windowSize >> 20, 1 << (WINDOW_LOG_MAX - 20));
    piece = begin_piece(self, true, &rc, err);
    if (rc < 0)
        return rc;
    pp_zstd_frame_read(&piece->frame, header, self->head);
    piece->worker =
        pp_zstd_frame_worker(&piece->frame, PP_ZSTD_LEVEL, self->recoder.env.budget->limit_len);
    memory = pp_zstd_frame_memory(&piece->frame, PP_ZSTD_LEVEL, piece->worker);
    /* A level that short text allowed may be too much for this frame. */
    piece->level = self->level;
    if (pp_zstd_frame_memory(&piece->frame, piece->level, piece->worker) > memory)
        piece->level = PP_ZSTD_LEVEL;
    piece->piece.ready = self->tried;
    self->piece = piece;
    rc = pp_recoder_need(&self->recoder, ZSTD_estimateDStreamSize((size_t)header->windowSize),
                         memory + PP_TRIAL_MEMORY, err);
    if (rc < 0)
        return rc;
    if (self->context == NULL)
        self->context = ZSTD_createDCtx();
    if (self->context == NULL)
        return pp_err_nomem(err);
    ZSTD_DCtx_setParameter(self->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    self->state = ZSTD_FRAME;
    return 0;
}

/* The frame's level by trial: the one that gives the original bytes, or else the one that gives
 * most of them. The trial runs without a worker; where one was at work the bytes differ later, but
 * not from the start. */
static int settle(struct zstd_recode *self, struct pp_err *err) {
    /* The usual ones first. Those above 19 take more memory than was asked for, unless the text is
     * short. */
    static const int levels[] = {3,  19, 1,  2,  4,  5,  6,  7,  8,  9,  10,
                                 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22};
    const struct pp_zstd_frame *frame = &self->piece->frame;
    uint64_t memory = pp_zstd_frame_memory(frame, PP_ZSTD_LEVEL, self->piece->worker);
    size_t half_len = self->trial.encoded.len / 2;
    size_t most_len = half_len < AGREED_LEN_MIN ? half_len : AGREED_LEN_MIN;
    int rc = 0;

    self->level = PP_ZSTD_LEVEL;
    for (size_t i = 0; rc == 0 && i < PP_ARRAY_LEN(levels); i++) {
        struct pp_stage *encoder;
        size_t agreed_len;

        if (pp_zstd_frame_memory(frame, levels[i], self->piece->worker) > memory)
            continue;
        rc = pp_zstd_stage_new(frame, levels[i], false, true, &encoder, err);
        if (rc >= 0)
            rc = pp_trial_run(&self->trial, encoder, &agreed_len, err);
        if (rc > 0 || (rc == 0 && agreed_len > most_len)) {
            most_len = agreed_len;
            self->level = levels[i];
        }
    }
    if (rc > 0 && self->trial.whole)
        self->piece->worker = false;
    pp_trial_done(&self->trial);
    self->tried = true;
    self->piece->level = self->level;
    self->piece->piece.ready = true;
    return rc < 0 ? rc : 0;
}

static int decode_head(struct zstd_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    ZSTD_frameHeader header;
    size_t wanted = ZSTD_FRAMEHEADERSIZE_PREFIX(ZSTD_f_zstd1);

    if (self->head_len == 0 && self->any && io->in_len == 0 && io->last)
        return PP_STAGE_END;
    while (wanted > 0) {
        if (io->in_len == 0)
            return PP_STAGE_MORE;
        self->head[self->head_len++] = *io->in++;
        io->in_len--;
        wanted = ZSTD_getFrameHeader(&header, self->head, self->head_len);
        if (ZSTD_isError(wanted) && self->any &&
            ZSTD_getErrorCode(wanted) == ZSTD_error_prefix_unknown)
            return pp_err_set(err, PP_ERR_DAMAGED, "trailing garbage after the zstd data");
        if (ZSTD_isError(wanted))
            return pp_zstd_error(wanted, err);
    }
    if (header.frameType == ZSTD_skippableFrame)
        return begin_skip(self, header.frameContentSize, err);
    return begin_frame(self, &header, err);
}

static int decode_skip(struct zstd_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    size_t count = io->in_len < self->skip_len ? io->in_len : (size_t)self->skip_len;
    int rc = pp_recoder_keep(&self->recoder, &self->piece->piece, io->in, count, err);

    io->in += count;
    io->in_len -= count;
    self->skip_len -= count;
    if (self->skip_len == 0) {
        self->head_len = 0;
        self->any = true;
        self->state = ZSTD_HEAD;
    }
    return rc;
}

static int try_step(struct zstd_recode *self, const uint8_t *in, size_t in_len, const uint8_t *text,
                    size_t text_len, bool ended, struct pp_err *err) {
    int done;

    if (self->recoder.out == NULL || self->tried)
        return 0;
    done = pp_trial_add(&self->trial, in, in_len, text, text_len, ended, err);
    return done > 0 ? settle(self, err) : done;
}

/* The gathered header goes in first, then what follows. */
static int decode_frame(struct zstd_recode *self, struct pp_stage_io *io, struct pp_err *err) {
    bool heading = self->head_len > 0;
    ZSTD_inBuffer in = {.src = heading ? self->head : io->in,
                        .size = heading ? self->head_len : io->in_len};
    ZSTD_outBuffer out = {.dst = io->out, .size = io->out_len};
    size_t status = ZSTD_decompressStream(self->context, &out, &in);
    int rc;

    if (ZSTD_isError(status))
        return pp_zstd_error(status, err);
    rc = try_step(self, in.src, in.pos, io->out, out.pos, status == 0, err);
    if (rc < 0)
        return rc;
    if (heading) {
        self->head_len -= in.pos;
        memmove(self->head, self->head + in.pos, self->head_len);
    } else {
        io->in += in.pos;
        io->in_len -= in.pos;
    }
    io->out += out.pos;
    io->out_len -= out.pos;
    if (status == 0) {
        self->any = true;
        self->state = ZSTD_HEAD;
    }
    return PP_STAGE_MORE;
}

static int zstd_decode(struct pp_recoder *recoder, struct pp_stage_io *io, struct pp_err *err) {
    struct zstd_recode *self = (struct zstd_recode *)recoder;

    switch (self->state) {
    case ZSTD_HEAD:
        return decode_head(self, io, err);
    case ZSTD_FRAME:
        return decode_frame(self, io, err);
    default:
        return decode_skip(self, io, err);
    }
}

static int zstd_encoder(struct pp_recoder *recoder, struct pp_piece *piece, struct pp_stage **stage,
                        struct pp_err *err) {
    struct pp_zstd_piece *self = (struct pp_zstd_piece *)piece;

    *stage = NULL;
    if (!piece->takes_text)
        return 0;
    return pp_zstd_stage_new(&self->frame, self->level, self->worker, recoder->env.len_kept, stage,
                             err);
}

static void zstd_free_piece(struct pp_piece *piece) {
    free(piece);
}

static void zstd_free(struct pp_recoder *recoder) {
    struct zstd_recode *self = (struct zstd_recode *)recoder;

    ZSTD_freeDCtx(self->context);
    pp_trial_done(&self->trial);
    pp_recoder_done(recoder);
    free(self);
}

static const struct pp_recoder_ops zstd_ops = {
    .decode = zstd_decode,
    .encoder = zstd_encoder,
    .free_piece = zstd_free_piece,
    .free = zstd_free,
};

static int zstd_open(const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out,
                     struct pp_recode **recode, struct pp_err *err) {
    struct zstd_recode *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    pp_recoder_init(&self->recoder, &zstd_ops, env, in, out);
    *recode = &self->recoder.recode;
    return 0;
}

const struct pp_codec pp_codec_zstd = {.name = "zstd", .bid = zstd_bid, .open = zstd_open};
