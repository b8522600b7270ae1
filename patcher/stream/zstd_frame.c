#include "stream/zstd_frame.h"

#include <stdlib.h>

int pp_zstd_error(size_t code, struct pp_err *err) {
    const char *words = ZSTD_getErrorName(code);

    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return pp_err_nomem(err);
    case ZSTD_error_version_unsupported:
    case ZSTD_error_frameParameter_unsupported:
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "zstd: %s", words);
    default:
        return pp_err_set(err, PP_ERR_DAMAGED, "zstd: %s", words);
    }
}

void pp_zstd_frame_read(struct pp_zstd_frame *frame, const ZSTD_frameHeader *header,
                        const uint8_t *head) {
    /* "Single_Segment_flag" of the frame header descriptor, RFC 8878, 3.1.1.1.1.2. */
    bool single_segment = (head[4] & 0x20) != 0;

    frame->size_told = header->frameContentSize != ZSTD_CONTENTSIZE_UNKNOWN;
    frame->text_len = header->frameContentSize;
    frame->checksum = header->checksumFlag != 0;
    frame->window_log = 0;
    if (!single_segment) {
        frame->window_log = ZSTD_WINDOWLOG_MIN;
        while ((uint64_t)1 << frame->window_log < header->windowSize)
            frame->window_log++;
    }
}

static ZSTD_compressionParameters parameters(const struct pp_zstd_frame *frame, int level) {
    unsigned long long len = frame->size_told ? frame->text_len : ZSTD_CONTENTSIZE_UNKNOWN;
    ZSTD_compressionParameters result = ZSTD_getCParams(level, len, 0);

    if (frame->window_log != 0)
        result.windowLog = (unsigned)frame->window_log;
    return ZSTD_adjustCParams(result, len, 0);
}

/* What a worker takes on top. A job is four windows, at least 1 MiB; measured, there are four of
 * them as text and up to two as output. */
static uint64_t worker_memory(const struct pp_zstd_frame *frame, int level) {
    unsigned window_log = parameters(frame, level).windowLog;

    return (uint64_t)6 << (window_log < 18 ? 20 : window_log + 2);
}

uint64_t pp_zstd_frame_memory(const struct pp_zstd_frame *frame, int level, bool worker) {
    return ZSTD_estimateCStreamSize_usingCParams(parameters(frame, level)) +
           (worker ? worker_memory(frame, level) : 0);
}

bool pp_zstd_frame_worker(const struct pp_zstd_frame *frame, int level, uint64_t limit_len) {
    return worker_memory(frame, level) <= limit_len / 2;
}

struct zstd_stage {
    struct pp_stage stage;
    ZSTD_CCtx *context;
    bool size_told;
    uint64_t text_len; /* when told */
    uint64_t taken_len;
    bool begun;
    bool ended;
    /* The length is told first, so text whose length is not known yet is gathered. */
    bool gathers;
    struct pp_spool text;
    uint8_t chunk[16384];
    size_t chunk_len;
    size_t chunk_at;
};

/* One step of the library. Its output must not depend on how the text was cut. Where the length is
 * told, the last byte ends the frame, alone: the library takes a short cut when an end comes with
 * more. Otherwise an end of its own does, after a first step, which would tell the length. */
static int compress(struct zstd_stage *self, ZSTD_inBuffer *in, struct pp_stage_io *io,
                    struct pp_err *err) {
    ZSTD_outBuffer out = {.dst = io->out, .size = io->out_len};
    ZSTD_inBuffer part = *in;
    uint64_t left = self->text_len - self->taken_len;
    bool exhausted = io->last && in->pos == in->size;
    bool end = self->size_told ? left <= 1 || exhausted : self->begun && exhausted;
    size_t status;

    if (self->size_told && !end && part.size - part.pos >= left)
        part.size = part.pos + (size_t)left - 1;
    status = ZSTD_compressStream2(self->context, &out, &part, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(status))
        return pp_zstd_error(status, err);
    self->begun = true;
    self->taken_len += part.pos - in->pos;
    in->pos = part.pos;
    io->out += out.pos;
    io->out_len -= out.pos;
    self->ended = end && status == 0;
    return self->ended ? PP_STAGE_END : PP_STAGE_MORE;
}

static int gather(struct zstd_stage *self, struct pp_stage_io *io, struct pp_err *err) {
    int rc = pp_sink_write(&self->text.sink, io->in, io->in_len, err);
    size_t status;

    if (rc < 0)
        return rc;
    io->in += io->in_len;
    io->in_len = 0;
    if (!io->last)
        return PP_STAGE_MORE;
    self->gathers = false;
    self->text_len = self->text.len;
    status = ZSTD_CCtx_setPledgedSrcSize(self->context, self->text_len);
    return ZSTD_isError(status) ? pp_zstd_error(status, err) : PP_STAGE_MORE;
}

static int step_gathered(struct zstd_stage *self, struct pp_stage_io *io, struct pp_err *err) {
    ZSTD_inBuffer in;
    int rc;

    if (self->chunk_at == self->chunk_len) {
        struct pp_blob text = pp_spool_blob(&self->text);
        ssize_t count = pp_blob_read(&text, self->taken_len, self->chunk, sizeof(self->chunk), err);

        if (count < 0)
            return (int)count;
        self->chunk_len = (size_t)count;
        self->chunk_at = 0;
    }
    in = (ZSTD_inBuffer){.src = self->chunk, .size = self->chunk_len, .pos = self->chunk_at};
    rc = compress(self, &in, io, err);
    self->chunk_at = in.pos;
    return rc;
}

static int zstd_step(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err) {
    struct zstd_stage *self = (struct zstd_stage *)stage;
    ZSTD_inBuffer in = {.src = io->in, .size = io->in_len};
    int rc;

    if (self->ended)
        return PP_STAGE_END;
    if (self->gathers)
        return gather(self, io, err);
    if (self->text.len > 0)
        return step_gathered(self, io, err);
    rc = compress(self, &in, io, err);
    io->in += in.pos;
    io->in_len -= in.pos;
    return rc;
}

static void zstd_stage_free(struct pp_stage *stage) {
    struct zstd_stage *self = (struct zstd_stage *)stage;

    ZSTD_freeCCtx(self->context);
    pp_spool_done(&self->text);
    free(self);
}

static const struct pp_stage_ops zstd_stage_ops = {.step = zstd_step, .free = zstd_stage_free};

static size_t set_up(struct zstd_stage *self, const struct pp_zstd_frame *frame, int level,
                     bool worker) {
    ZSTD_CCtx *context = self->context;
    size_t status = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);

    /* 0 is what the level brings along. */
    if (!ZSTD_isError(status))
        status = ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, frame->window_log);
    if (!ZSTD_isError(status))
        status = ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, frame->size_told);
    if (!ZSTD_isError(status))
        status = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, frame->checksum);
    if (!ZSTD_isError(status) && frame->size_told && !self->gathers)
        status = ZSTD_CCtx_setPledgedSrcSize(context, frame->text_len);
    /* A library built without threads has no workers: then it runs without. */
    if (worker)
        ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, 1);
    return status;
}

int pp_zstd_stage_new(const struct pp_zstd_frame *frame, int level, bool worker, bool len_kept,
                      struct pp_stage **stage, struct pp_err *err) {
    struct zstd_stage *self = calloc(1, sizeof(*self));
    size_t status;

    if (self == NULL)
        return pp_err_nomem(err);
    self->stage.ops = &zstd_stage_ops;
    pp_spool_init(&self->text);
    self->size_told = frame->size_told;
    self->text_len = frame->text_len;
    self->gathers = frame->size_told && !len_kept;
    self->context = ZSTD_createCCtx();
    if (self->context == NULL) {
        zstd_stage_free(&self->stage);
        return pp_err_nomem(err);
    }
    status = set_up(self, frame, level, worker);
    if (ZSTD_isError(status)) {
        zstd_stage_free(&self->stage);
        return pp_zstd_error(status, err);
    }
    *stage = &self->stage;
    return 0;
}
