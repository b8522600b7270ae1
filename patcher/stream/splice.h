/* The splice: a deflate stream whose text changes, but not its length, is not encoded again.
 *
 * It is taken apart into its tokens while the text is read. As the patched text comes in, tokens
 * that still give it are written as they were, with the block's own code; the others are told anew
 * (token_mender.h). A block whose code lacks a symbol gets a new code, a stored block stays stored.
 * So the size stays what the packager's encoder made it, at nearly the speed of decoding; and
 * without a change the result is the original, bit for bit.
 *
 * Blocks are worked on in segments of up to 256 KiB of text, so that memory is bounded: a few MiB
 * when the patched text does not lag far behind.
 */
#ifndef PP_STREAM_SPLICE_H
#define PP_STREAM_SPLICE_H

#include "stream/bit_reader.h"
#include "stream/codec.h"

/* The stream starts where the reader stands; after read() gave 0 the reader stands behind it. Both
 * `reader` and `out` are borrowed.
 *
 * PP_ERR_UNSUPPORTED from write() or finish(): more than 1 MiB of the last block has been written
 * before it turns out that its code lacks a symbol. Encoders whose blocks are that long have codes
 * that lack none.
 * PP_ERR_LIMIT from read(): thousands of blocks without text. */
int pp_splice_open(struct pp_bit_reader *reader, struct pp_sink *out, struct pp_recode **recode,
                   struct pp_err *err);

#endif
