/* Huffman codes as deflate has them (RFC 1951, 3.2.2): canonical, up to 15 bits, first bit lowest.
 */
#ifndef PP_STREAM_HUFFMAN_H
#define PP_STREAM_HUFFMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_HUFFMAN_LEN_MAX 15
#define PP_HUFFMAN_SYMBOL_MAX 288
#define PP_HUFFMAN_FAST_BITS 10

/* What a symbol stands for. The code's length is in the low four bits, the rest is the user's. */
typedef uint32_t pp_huffman_entry;

#define PP_HUFFMAN_ENTRY_LEN(entry) ((entry)&15u)

struct pp_huffman_decoder {
    pp_huffman_entry fast[1 << PP_HUFFMAN_FAST_BITS]; /* 0: a longer code, or none */
    pp_huffman_entry sorted[PP_HUFFMAN_SYMBOL_MAX];   /* by code */
    uint16_t len_counts[PP_HUFFMAN_LEN_MAX + 1];
};

struct pp_huffman_encoder {
    uint16_t codes[PP_HUFFMAN_SYMBOL_MAX];
    uint8_t lens[PP_HUFFMAN_SYMBOL_MAX]; /* 0: the symbol has no code */
};

/* Over-subscribed codes are refused, and incomplete ones but for those that zlib takes: no code at
 * all or one code of one bit. `entries` gives each symbol's entry with its low four bits zero. */
bool pp_huffman_decoder_build(struct pp_huffman_decoder *decoder, const uint8_t *lens,
                              size_t symbol_count, const pp_huffman_entry *entries);

/* The entry of a code longer than PP_HUFFMAN_FAST_BITS at the low end of `bits`; 0: no such code.
 */
pp_huffman_entry pp_huffman_decode_long(const struct pp_huffman_decoder *decoder, uint64_t bits);

static inline pp_huffman_entry pp_huffman_decode(const struct pp_huffman_decoder *decoder,
                                                 uint64_t bits) {
    pp_huffman_entry entry = decoder->fast[bits & ((1 << PP_HUFFMAN_FAST_BITS) - 1)];

    return entry != 0 ? entry : pp_huffman_decode_long(decoder, bits);
}

void pp_huffman_encoder_build(struct pp_huffman_encoder *encoder, const uint8_t *lens,
                              size_t symbol_count);

/* Code lengths up to `len_max` for symbols that occur so often (less than 2^22 times). Two symbols
 * at least get a code, so that the code is complete. */
void pp_huffman_fit(const uint32_t *counts, size_t symbol_count, unsigned len_max, uint8_t *lens);

#endif
