/* One raw deflate stream, decoded; and, where its text changes its length, encoded afresh.
 *
 * Small content is decoded in one piece by libdeflate, all else by zlib as it comes. What
 * libdeflate refuses is given to zlib, so that the error is told in zlib's words.
 */
#ifndef PP_STREAM_INFLATE_H
#define PP_STREAM_INFLATE_H

#include "stream/bit_reader.h"
#include "stream/codec.h"

/* The stream starts where the reader stands; after read() gave 0 the reader stands behind it. Both
 * `reader` and `out` are borrowed; `out` is NULL to decode only. `level` (1 to 9) is for encoding.
 */
int pp_inflate_open(struct pp_bit_reader *reader, struct pp_sink *out, int level,
                    struct pp_recode **recode, struct pp_err *err);

#endif
