#include "stream/token_reader.h"

#include <string.h>

/* An entry: bits 0 to 3 the length of the code, 4 to 7 the number of extra bits, 8 and 9 the kind,
 * from 16 on the literal, or the length or distance that the extra bits are added to. */
enum entry_kind {
    ENTRY_LITERAL = 0,
    ENTRY_BASE = 1 << 8,
    ENTRY_END = 2 << 8,
    ENTRY_INVALID = 3 << 8, /* symbols that the fixed code has, but nobody may use */
};

#define ENTRY_KIND(entry) ((entry)&0x300u)
#define ENTRY_EXTRA_LEN(entry) ((entry) >> 4 & 15)
#define ENTRY_VALUE(entry) ((entry) >> 16)

static pp_huffman_entry entry_make(unsigned kind, unsigned extra_len, unsigned value) {
    return value << 16 | kind | extra_len << 4;
}

void pp_token_reader_init(struct pp_token_reader *reader) {
    for (unsigned i = 0; i < PP_LITLEN_END; i++)
        reader->litlen_entries[i] = entry_make(ENTRY_LITERAL, 0, i);
    reader->litlen_entries[PP_LITLEN_END] = entry_make(ENTRY_END, 0, 0);
    for (unsigned i = PP_LITLEN_COUNT; i < PP_HUFFMAN_SYMBOL_MAX; i++)
        reader->litlen_entries[i] = entry_make(ENTRY_INVALID, 0, 0);
    /* The inverse of pp_length_symbol() and pp_distance_symbol(): downwards, so that each symbol
     * is left with the least of its values. */
    for (unsigned len = PP_MATCH_MAX; len >= PP_MATCH_MIN; len--) {
        struct pp_deflate_symbol symbol = pp_length_symbol(len);

        reader->litlen_entries[symbol.symbol] = entry_make(ENTRY_BASE, symbol.extra_len, len);
    }
    for (unsigned distance = 1; distance <= PP_DISTANCE_MAX;) {
        struct pp_deflate_symbol symbol = pp_distance_symbol(distance);

        reader->dist_entries[symbol.symbol] = entry_make(ENTRY_BASE, symbol.extra_len, distance);
        distance += 1u << symbol.extra_len;
    }
    for (unsigned i = PP_DIST_COUNT; i < 32; i++)
        reader->dist_entries[i] = entry_make(ENTRY_INVALID, 0, 0);
}

int pp_token_reader_start(struct pp_token_reader *reader, const struct pp_deflate_block *block,
                          struct pp_err *err) {
    if (!pp_huffman_decoder_build(&reader->litlen, block->litlen_lens, PP_HUFFMAN_SYMBOL_MAX,
                                  reader->litlen_entries))
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid literal/lengths set");
    if (!pp_huffman_decoder_build(&reader->dist, block->dist_lens, 32, reader->dist_entries))
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid distances set");
    return 0;
}

/* Copies past the end of the match: the text has room for that. */
static void copy_match(uint8_t *to, unsigned len, unsigned distance) {
    const uint8_t *from = to - distance;
    const uint8_t *end = to + len;

    if (distance >= 8) {
        for (; to < end; to += 8, from += 8)
            memcpy(to, from, 8);
    } else if (distance == 1) {
        memset(to, *from, len);
    } else {
        while (to < end)
            *to++ = *from++;
    }
}

/* The reader's bits as locals that the compiler can keep in registers. */
struct bits {
    uint64_t bits;
    unsigned count;
    const uint8_t *at;
    const uint8_t *end;  /* of what the source has given */
    const uint8_t *stop; /* a refill may start before it */
};

static struct bits bits_load(const struct pp_bit_reader *in) {
    return (struct bits){
        .bits = in->bits,
        .count = in->bit_count,
        .at = in->data + in->at,
        .end = in->data + in->end,
        .stop = in->eof ? in->data + in->end + PP_BIT_READER_SLACK - 7 : in->data + in->end - 7,
    };
}

static void bits_store(const struct bits *bits, struct pp_bit_reader *in) {
    in->bits = bits->bits;
    in->bit_count = bits->count;
    in->at = (size_t)(bits->at - in->data);
}

static inline void bits_refill(struct bits *bits) {
    uint64_t word;

    memcpy(&word, bits->at, sizeof(word));
    bits->bits |= le64toh(word) << bits->count;
    bits->at += (63 - bits->count) / 8;
    bits->count |= 56;
}

static inline void bits_drop(struct bits *bits, unsigned count) {
    bits->bits >>= count;
    bits->count -= count;
}

/* Takes the code of an entry and the extra bits behind it. */
static inline unsigned take_value(struct bits *bits, pp_huffman_entry entry) {
    unsigned value = ENTRY_VALUE(entry);

    bits_drop(bits, PP_HUFFMAN_ENTRY_LEN(entry));
    value += (unsigned)bits->bits & ((1u << ENTRY_EXTRA_LEN(entry)) - 1);
    bits_drop(bits, ENTRY_EXTRA_LEN(entry));
    return value;
}

enum run_end {
    RUN_STOPPED = 0, /* at one of the stops */
    RUN_BLOCK_END = 1,
    RUN_NO_INPUT, /* the reader must be filled */
    RUN_NO_CODE,
    RUN_NO_DISTANCE,
    RUN_TOO_FAR,
};

/* A code and its extra bits have at most 15 + 5 + 15 + 13 bits: one refill serves a token. */
static enum run_end take_tokens(const struct pp_token_reader *reader, struct bits *bits,
                                struct pp_token_run *run) {
    while (run->text < run->text_stop && run->tokens < run->tokens_stop) {
        pp_huffman_entry entry;
        pp_huffman_entry dist_entry;
        unsigned distance;
        unsigned len;

        if (bits->at >= bits->stop)
            return RUN_NO_INPUT;
        bits_refill(bits);
        entry = pp_huffman_decode(&reader->litlen, bits->bits);
        if (ENTRY_KIND(entry) == ENTRY_LITERAL && entry != 0) {
            bits_drop(bits, PP_HUFFMAN_ENTRY_LEN(entry));
            *run->tokens++ = pp_token_literal((uint8_t)ENTRY_VALUE(entry));
            *run->text++ = (uint8_t)ENTRY_VALUE(entry);
            continue;
        }
        if (ENTRY_KIND(entry) == ENTRY_END) {
            bits_drop(bits, PP_HUFFMAN_ENTRY_LEN(entry));
            return RUN_BLOCK_END;
        }
        if (ENTRY_KIND(entry) != ENTRY_BASE)
            return RUN_NO_CODE;
        len = take_value(bits, entry);
        dist_entry = pp_huffman_decode(&reader->dist, bits->bits);
        if (ENTRY_KIND(dist_entry) != ENTRY_BASE)
            return RUN_NO_DISTANCE;
        distance = take_value(bits, dist_entry);
        if (distance > (size_t)(run->text - run->text_start))
            return RUN_TOO_FAR;
        *run->tokens++ =
            pp_token_match(len, distance) |
            (len == PP_MATCH_MAX && ENTRY_EXTRA_LEN(entry) != 0 ? PP_TOKEN_ODD_258 : 0);
        copy_match(run->text, len, distance);
        run->text += len;
    }
    return RUN_STOPPED;
}

int pp_token_reader_run(const struct pp_token_reader *reader, struct pp_bit_reader *in,
                        struct pp_token_run *run, struct pp_err *err) {
    struct pp_token_run to = *run;
    enum run_end end;

    do {
        struct bits bits;
        int rc = pp_bit_reader_fill(in, sizeof(uint64_t), err);

        if (rc < 0)
            return rc;
        bits = bits_load(in);
        end = take_tokens(reader, &bits, &to);
        bits_store(&bits, in);
        /* All that was taken from behind the end of the source was zeros. */
        if (pp_bit_reader_overrun(in))
            return pp_bit_reader_truncated(err);
    } while (end == RUN_NO_INPUT);
    *run = to;
    if (end == RUN_NO_CODE)
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid literal/length code");
    if (end == RUN_NO_DISTANCE)
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid distance code");
    if (end == RUN_TOO_FAR)
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid distance too far back");
    return end;
}
