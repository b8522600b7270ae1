/* What xz and lzma share: liblzma's words, steps, and the encoder settings no header records. */
#ifndef PP_STREAM_LZMA_CODER_H
#define PP_STREAM_LZMA_CODER_H

#include "stream/recoder.h"
#include "stream/trial.h"

#include <lzma.h>

/* The error for what liblzma returned. */
int pp_lzma_error(lzma_ret status, struct pp_err *err);

/* One lzma_code() over a stage's buffers. Returns a stage status. */
int pp_lzma_step(lzma_stream *stream, struct pp_stage_io *io, lzma_action action,
                 struct pp_err *err);

/* How the match finder and the model are set. */
struct pp_lzma_style {
    uint32_t preset; /* as of lzma_lzma_preset(): mode, match finder, nice length, depth */
    uint32_t lc;
    uint32_t lp;
    uint32_t pb;
};

/* The preset of `xz -0` to `-9` that goes with a dictionary; the usual one where several do. */
uint32_t pp_lzma_preset(uint32_t dict_size);
/* Reads the properties byte, (pb × 5 + lp) × 9 + lc (LZMA specification, "Properties"). */
bool pp_lzma_properties(uint8_t byte, struct pp_lzma_style *style);
/* Options with the dictionary size that they have and the style. */
void pp_lzma_options(lzma_options_lzma *options, const struct pp_lzma_style *style);

/* Memory of the encoder, whatever the style, with the trial; UINT64_MAX when liblzma cannot. The
 * last filter of the chain is LZMA1 or LZMA2. */
uint64_t pp_lzma_encoder_memory(const lzma_filter *filters);

/* The encoder of a chain of filters, to be tried. */
typedef lzma_ret pp_lzma_open_fn(lzma_stream *stream, const lzma_filter *filters);
/* Finds the preset that made the original, and puts it into the style; leaves the style alone when
 * there is none. The last filter's options are scratch. */
int pp_lzma_try(const struct pp_trial *trial, const lzma_filter *filters, pp_lzma_open_fn *open,
                struct pp_lzma_style *style, struct pp_err *err);

/* An encoder of liblzma as a stage. */
struct pp_lzma_stage {
    struct pp_stage stage;
    lzma_stream stream;
};
struct pp_stage *pp_lzma_stage_new(pp_lzma_open_fn *open, const lzma_filter *filters,
                                   struct pp_err *err);

#endif
