/* Tokens of deflate (RFC 1951, 3.2.5): a literal byte, or a match: a length and a distance back. */
#ifndef PP_STREAM_DEFLATE_TOKEN_H
#define PP_STREAM_DEFLATE_TOKEN_H

#include <stdint.h>

#define PP_MATCH_MIN 3
#define PP_MATCH_MAX 258
#define PP_DISTANCE_MAX 32768

#define PP_LITLEN_COUNT 286
#define PP_LITLEN_END 256
#define PP_LITLEN_MATCH 257 /* the first symbol that is a length */
#define PP_DIST_COUNT 30

/* Bits 0 to 15: the distance, 0 for a literal. From bit 16 on: the length or the literal. */
typedef uint32_t pp_token;

/* Length 258 has a symbol of its own, but can be said as 227 + 31 too. Kept as it was. */
#define PP_TOKEN_ODD_258 ((pp_token)1 << 25)

static inline pp_token pp_token_literal(uint8_t byte) {
    return (pp_token)byte << 16;
}

static inline pp_token pp_token_match(unsigned len, unsigned distance) {
    return (pp_token)len << 16 | distance;
}

static inline unsigned pp_token_distance(pp_token token) {
    return token & 0xffff;
}

/* Meaning the literal when the distance is 0. */
static inline unsigned pp_token_value(pp_token token) {
    return token >> 16 & 0x1ff;
}

/* Bytes of text that the token stands for. */
static inline unsigned pp_token_len(pp_token token) {
    return pp_token_distance(token) != 0 ? pp_token_value(token) : 1;
}

/* A symbol and the bits that follow its code. */
struct pp_deflate_symbol {
    uint16_t symbol;
    uint8_t extra_len;
    uint16_t extra;
};

static inline struct pp_deflate_symbol pp_length_symbol(unsigned len) {
    unsigned value = len - PP_MATCH_MIN;
    unsigned extra_len;

    if (value < 8)
        return (struct pp_deflate_symbol){.symbol = (uint16_t)(PP_LITLEN_MATCH + value)};
    if (len == PP_MATCH_MAX)
        return (struct pp_deflate_symbol){.symbol = PP_LITLEN_COUNT - 1};
    extra_len = 29 - (unsigned)__builtin_clz(value);
    return (struct pp_deflate_symbol){
        .symbol = (uint16_t)(PP_LITLEN_MATCH + 4 * extra_len + (value >> extra_len)),
        .extra_len = (uint8_t)extra_len,
        .extra = (uint16_t)(value & ((1u << extra_len) - 1)),
    };
}

static inline struct pp_deflate_symbol pp_token_length_symbol(pp_token token) {
    if ((token & PP_TOKEN_ODD_258) != 0)
        return (struct pp_deflate_symbol){
            .symbol = PP_LITLEN_COUNT - 2, .extra_len = 5, .extra = 31};
    return pp_length_symbol(pp_token_value(token));
}

static inline struct pp_deflate_symbol pp_distance_symbol(unsigned distance) {
    unsigned value = distance - 1;
    unsigned extra_len;

    if (value < 4)
        return (struct pp_deflate_symbol){.symbol = (uint16_t)value};
    extra_len = 30 - (unsigned)__builtin_clz(value);
    return (struct pp_deflate_symbol){
        .symbol = (uint16_t)(2 * extra_len + (value >> extra_len)),
        .extra_len = (uint8_t)extra_len,
        .extra = (uint16_t)(value & ((1u << extra_len) - 1)),
    };
}

#endif
