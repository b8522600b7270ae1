/* Text compressed afresh, with the parameters that Debian packages have: xz -6, zstd -19, gzip -9n.
 * What was compressed before is encoded again by its codec, which keeps the parameters. */
#ifndef PP_STREAM_COMPRESS_H
#define PP_STREAM_COMPRESS_H

#include "base/budget.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/source.h"
#include "stream/codec.h"

/* Writes all that the source still gives. The codec is xz, zstd or gzip; else PP_ERR_USAGE. */
int pp_compress(const struct pp_codec *codec, struct pp_source *text, struct pp_budget *budget,
                struct pp_sink *out, struct pp_err *err);

#endif
