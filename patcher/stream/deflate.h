/* What gzip and zip members share: one raw deflate stream, recoded the best way there is.
 *
 * The splice where text keeps its length, else encoding afresh; without a sink only decoding.
 */
#ifndef PP_STREAM_DEFLATE_H
#define PP_STREAM_DEFLATE_H

#include "stream/bit_reader.h"
#include "stream/codec.h"

/* Bytes of memory that one stream takes at most, its reader included; for the budget. */
#define PP_DEFLATE_MEMORY_LEN ((uint64_t)8 << 20)

/* A reader over `in` (borrowed), with the memory of one stream taken from the budget. */
int pp_deflate_begin(const struct pp_codec_env *env, struct pp_source *in,
                     struct pp_bit_reader *reader, struct pp_err *err);
void pp_deflate_end(const struct pp_codec_env *env, struct pp_bit_reader *reader);

/* The stream starts where the reader stands; after read() gave 0 the reader stands behind it.
 * `reader` and `out` are borrowed. `level` (1 to 9) is for encoding afresh. */
int pp_deflate_open(const struct pp_codec_env *env, struct pp_bit_reader *reader,
                    struct pp_sink *out, int level, struct pp_recode **recode, struct pp_err *err);

#endif
