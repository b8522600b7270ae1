/* Encodes text as one raw deflate stream: for content whose length changes, so that nothing of the
 * original's tokens can be kept. Text up to 1 MiB by libdeflate, more by zlib as it comes. */
#ifndef PP_STREAM_DEFLATE_ENCODER_H
#define PP_STREAM_DEFLATE_ENCODER_H

#include "base/error.h"
#include "base/sink.h"

struct pp_deflate_encoder;

/* `level` is 1 to 9, as zlib and libdeflate count. `out` is borrowed. NULL and `err` when out of
 * memory. */
struct pp_deflate_encoder *pp_deflate_encoder_new(struct pp_sink *out, int level,
                                                  struct pp_err *err);
int pp_deflate_encoder_write(struct pp_deflate_encoder *encoder, const void *text, size_t len,
                             struct pp_err *err);
int pp_deflate_encoder_finish(struct pp_deflate_encoder *encoder, struct pp_err *err);
void pp_deflate_encoder_free(struct pp_deflate_encoder *encoder);

#endif
