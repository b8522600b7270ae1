/* A block of deflate: its header and, for a coded one, its code (RFC 1951, 3.2.3 to 3.2.7). */
#ifndef PP_STREAM_DEFLATE_BLOCK_H
#define PP_STREAM_DEFLATE_BLOCK_H

#include "stream/bit_reader.h"
#include "stream/deflate_token.h"
#include "stream/huffman.h"

#include <stdbool.h>
#include <stdint.h>

enum pp_block_kind {
    PP_BLOCK_STORED = 0,
    PP_BLOCK_FIXED = 1,
    PP_BLOCK_DYNAMIC = 2,
};

/* A code description has at most 14 bits of counts, 19 lengths of 3 bits and a code of at most
 * 7 bits for each of 316 symbols: a repetition takes no more than the symbols it stands for. */
#define PP_BLOCK_HEADER_LEN 288

struct pp_deflate_block {
    enum pp_block_kind kind;
    bool final;
    uint8_t header[PP_BLOCK_HEADER_LEN]; /* the code description bit for bit, for a dynamic one */
    unsigned header_bits;
    uint16_t stored_len; /* bytes of a stored block */
    uint8_t stored_pad;  /* and the bits in front of its length */
    uint8_t litlen_lens[PP_HUFFMAN_SYMBOL_MAX];
    uint8_t dist_lens[32];
};

/* How often each symbol is needed. */
struct pp_symbol_counts {
    uint32_t litlen[PP_LITLEN_COUNT];
    uint32_t dist[PP_DIST_COUNT];
};

/* Takes a block header, up to its first token or its first stored byte. Refuses what zlib refuses,
 * in zlib's words. */
int pp_deflate_block_read(struct pp_deflate_block *block, struct pp_bit_reader *reader,
                          struct pp_err *err);

/* Makes it a dynamic block whose code suits the counts. */
void pp_deflate_block_fit(struct pp_deflate_block *block, const struct pp_symbol_counts *counts);

/* Has each symbol that is needed a code? */
bool pp_deflate_block_suffices(const struct pp_deflate_block *block,
                               const struct pp_symbol_counts *counts);

#endif
