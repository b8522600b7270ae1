/* Compressed content as a whole: decoded, and encoded again when its text has another length. */
#ifndef PP_CONTENT_CODING_H
#define PP_CONTENT_CODING_H

#include "base/blob.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/spool.h"
#include "stream/codec.h"

#include <stdint.h>

/* Decodes all of it into `out`. More than `len_max` bytes, or too many times its size, is
 * PP_ERR_LIMIT (content.h). */
int pp_coding_decode(const struct pp_codec *codec, const struct pp_blob *coded, uint64_t len_max,
                     struct pp_budget *budget, struct pp_sink *out, struct pp_err *err);
/* Encodes another text of any length as `like` was encoded, which is decoded meanwhile. `written`,
 * initialised and empty, gets it; then it is decoded again and compared. */
int pp_coding_encode(const struct pp_codec *codec, const struct pp_blob *like,
                     const struct pp_blob *text, struct pp_budget *budget, struct pp_spool *written,
                     struct pp_err *err);
/* The same for text that was compressed otherwise, or not at all: with the usual parameters
 * (stream/compress.h). */
int pp_coding_compress(const struct pp_codec *codec, const struct pp_blob *text,
                       struct pp_budget *budget, struct pp_spool *written, struct pp_err *err);

#endif
