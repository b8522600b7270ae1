#include "stream/lzma_coder.h"

#include <stdlib.h>

int pp_lzma_error(lzma_ret status, struct pp_err *err) {
    switch (status) {
    case LZMA_MEM_ERROR:
        return pp_err_nomem(err);
    case LZMA_OPTIONS_ERROR:
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "unsupported xz or lzma options");
    case LZMA_FORMAT_ERROR:
        return pp_err_set(err, PP_ERR_DAMAGED, "file format not recognized");
    case LZMA_DATA_ERROR:
        return pp_err_set(err, PP_ERR_DAMAGED, "compressed data is corrupt");
    default:
        return pp_err_set(err, PP_ERR_DAMAGED, "liblzma error %d", (int)status);
    }
}

int pp_lzma_step(lzma_stream *stream, struct pp_stage_io *io, lzma_action action,
                 struct pp_err *err) {
    lzma_ret status;

    stream->next_in = io->in;
    stream->avail_in = io->in_len;
    stream->next_out = io->out;
    stream->avail_out = io->out_len;
    status = lzma_code(stream, action);
    io->in = stream->next_in;
    io->in_len = stream->avail_in;
    io->out = stream->next_out;
    io->out_len = stream->avail_out;
    if (status == LZMA_STREAM_END)
        return PP_STAGE_END;
    /* LZMA_BUF_ERROR only says that nothing moved; whoever drives the stage sees that too. */
    if (status == LZMA_OK || status == LZMA_BUF_ERROR)
        return PP_STAGE_MORE;
    return pp_lzma_error(status, err);
}

uint32_t pp_lzma_preset(uint32_t dict_size) {
    static const uint32_t presets[] = {0, 1, 2, 3, 6};

    for (size_t i = 0; i < PP_ARRAY_LEN(presets); i++) {
        lzma_options_lzma options;

        if (!lzma_lzma_preset(&options, presets[i]) && dict_size <= options.dict_size)
            return presets[i];
    }
    return LZMA_PRESET_DEFAULT;
}

bool pp_lzma_properties(uint8_t byte, struct pp_lzma_style *style) {
    uint32_t lc = byte % 9;
    uint32_t lp = byte / 9 % 5;
    uint32_t pb = byte / 45;

    if (pb > LZMA_PB_MAX || lc + lp > LZMA_LCLP_MAX)
        return false;
    style->lc = lc;
    style->lp = lp;
    style->pb = pb;
    return true;
}

void pp_lzma_options(lzma_options_lzma *options, const struct pp_lzma_style *style) {
    uint32_t dict_size = options->dict_size;

    if (lzma_lzma_preset(options, style->preset))
        lzma_lzma_preset(options, LZMA_PRESET_DEFAULT);
    options->dict_size = dict_size;
    options->lc = style->lc;
    options->lp = style->lp;
    options->pb = style->pb;
}

/* The presets that differ in more than the dictionary, the likely ones first. */
static const uint32_t styles[] = {
    6, 6 | LZMA_PRESET_EXTREME, 5, 4, 3, 2, 1, 0, 3 | LZMA_PRESET_EXTREME,
};

static lzma_options_lzma *last_options(const lzma_filter *filters) {
    while (filters[1].id != LZMA_VLI_UNKNOWN)
        filters++;
    return filters->options;
}

uint64_t pp_lzma_encoder_memory(const lzma_filter *filters) {
    lzma_options_lzma *options = last_options(filters);
    lzma_options_lzma original = *options;
    struct pp_lzma_style style = {
        .preset = LZMA_PRESET_DEFAULT, .lc = LZMA_LC_DEFAULT, .pb = LZMA_PB_DEFAULT};
    uint64_t memory;

    /* The binary tree of four bytes takes the most; lc and lp are within the same tables. */
    pp_lzma_options(options, &style);
    memory = lzma_raw_encoder_memusage(filters);
    *options = original;
    return memory == UINT64_MAX ? memory : memory + PP_TRIAL_MEMORY;
}

int pp_lzma_try(const struct pp_trial *trial, const lzma_filter *filters, pp_lzma_open_fn *open,
                struct pp_lzma_style *style, struct pp_err *err) {
    lzma_options_lzma *options = last_options(filters);
    struct pp_lzma_style tried = *style;

    /* The one that goes with the dictionary comes first. */
    for (size_t i = 0; i <= PP_ARRAY_LEN(styles); i++) {
        struct pp_stage *encoder;
        int rc;

        tried.preset = i == 0 ? style->preset : styles[i - 1];
        pp_lzma_options(options, &tried);
        encoder = pp_lzma_stage_new(open, filters, err);
        if (encoder == NULL)
            return -(int)err->kind;
        rc = pp_trial_run(trial, encoder, NULL, err);
        if (rc < 0)
            return rc;
        if (rc > 0) {
            *style = tried;
            return 0;
        }
    }
    return 0;
}

static int stage_step(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err) {
    struct pp_lzma_stage *self = (struct pp_lzma_stage *)stage;

    return pp_lzma_step(&self->stream, io, io->last ? LZMA_FINISH : LZMA_RUN, err);
}

static void stage_free(struct pp_stage *stage) {
    struct pp_lzma_stage *self = (struct pp_lzma_stage *)stage;

    lzma_end(&self->stream);
    free(self);
}

static const struct pp_stage_ops stage_ops = {.step = stage_step, .free = stage_free};

struct pp_stage *pp_lzma_stage_new(pp_lzma_open_fn *open, const lzma_filter *filters,
                                   struct pp_err *err) {
    struct pp_lzma_stage *self = calloc(1, sizeof(*self));
    lzma_ret status;

    if (self == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    self->stage.ops = &stage_ops;
    self->stream = (lzma_stream)LZMA_STREAM_INIT;
    status = open(&self->stream, filters);
    if (status != LZMA_OK) {
        pp_lzma_error(status, err);
        stage_free(&self->stage);
        return NULL;
    }
    return &self->stage;
}
