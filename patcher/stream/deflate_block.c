#include "stream/deflate_block.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <string.h>

#define PRECODE_COUNT 19
#define PRECODE_LEN_MAX 7

/* The precode's symbols beside the lengths 0 to 15. */
enum {
    REPEAT_LAST = 16,      /* 3 to 6 times, 2 bits */
    REPEAT_ZERO = 17,      /* 3 to 10 times, 3 bits */
    REPEAT_ZERO_LONG = 18, /* 11 to 138 times, 7 bits */
};

static const struct {
    uint8_t extra_len;
    uint8_t min;
} repeats[] = {{2, 3}, {3, 3}, {7, 11}};

/* The order in which the lengths of the precode stand. */
static const uint8_t precode_order[PRECODE_COUNT] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};

static void header_put(struct pp_deflate_block *block, unsigned value, unsigned count) {
    for (unsigned i = 0; i < count; i++, block->header_bits++)
        block->header[block->header_bits / 8] |=
            (uint8_t)((value >> i & 1) << (block->header_bits % 8));
}

/* Takes up to 16 bits. */
static int take(struct pp_bit_reader *reader, unsigned count, unsigned *value, struct pp_err *err) {
    int rc = pp_bit_reader_refill(reader, err);

    if (rc < 0)
        return rc;
    *value = (unsigned)reader->bits & ((1u << count) - 1);
    pp_bit_reader_drop(reader, count);
    return pp_bit_reader_overrun(reader) ? pp_bit_reader_truncated(err) : 0;
}

/* The same, and keeps them in the header. */
static int take_header(struct pp_deflate_block *block, struct pp_bit_reader *reader, unsigned count,
                       unsigned *value, struct pp_err *err) {
    int rc = take(reader, count, value, err);

    if (rc == 0)
        header_put(block, *value, count);
    return rc;
}

static int read_stored(struct pp_deflate_block *block, struct pp_bit_reader *reader,
                       struct pp_err *err) {
    uint8_t lens[4];
    int rc;

    block->stored_pad = (uint8_t)pp_bit_reader_align(reader);
    rc = pp_bit_reader_bytes(reader, lens, sizeof(lens), err);
    if (rc < 0)
        return rc;
    block->stored_len = pp_le16(lens);
    if ((pp_le16(lens) ^ pp_le16(lens + 2)) != 0xffff)
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid stored block lengths");
    return 0;
}

static void make_fixed(struct pp_deflate_block *block) {
    memset(block->litlen_lens, 8, 144);
    memset(block->litlen_lens + 144, 9, 256 - 144);
    memset(block->litlen_lens + 256, 7, 280 - 256);
    memset(block->litlen_lens + 280, 8, PP_HUFFMAN_SYMBOL_MAX - 280);
    memset(block->dist_lens, 5, sizeof(block->dist_lens));
}

static int read_precode(struct pp_deflate_block *block, struct pp_bit_reader *reader,
                        unsigned count, struct pp_huffman_decoder *precode, struct pp_err *err) {
    pp_huffman_entry entries[PRECODE_COUNT];
    uint8_t lens[PRECODE_COUNT] = {0};
    unsigned used = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned len;
        int rc = take_header(block, reader, 3, &len, err);

        if (rc < 0)
            return rc;
        lens[precode_order[i]] = (uint8_t)len;
        used += len;
    }
    for (unsigned i = 0; i < PRECODE_COUNT; i++)
        entries[i] = i << 4;
    /* zlib takes no precode of one symbol. */
    if (used < 2 || !pp_huffman_decoder_build(precode, lens, PRECODE_COUNT, entries))
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid code lengths set");
    return 0;
}

static int read_lens(struct pp_deflate_block *block, struct pp_bit_reader *reader,
                     const struct pp_huffman_decoder *precode, uint8_t *lens, unsigned len_count,
                     struct pp_err *err) {
    unsigned at = 0;

    while (at < len_count) {
        pp_huffman_entry entry;
        unsigned symbol;
        unsigned value;
        unsigned times;
        int rc = pp_bit_reader_refill(reader, err);

        if (rc < 0)
            return rc;
        entry = pp_huffman_decode(precode, reader->bits);
        rc = take_header(block, reader, PP_HUFFMAN_ENTRY_LEN(entry), &value, err);
        if (rc < 0)
            return rc;
        symbol = entry >> 4;
        if (symbol < REPEAT_LAST) {
            lens[at++] = (uint8_t)symbol;
            continue;
        }
        rc = take_header(block, reader, repeats[symbol - REPEAT_LAST].extra_len, &times, err);
        if (rc < 0)
            return rc;
        times += repeats[symbol - REPEAT_LAST].min;
        if (times > len_count - at || (symbol == REPEAT_LAST && at == 0))
            return pp_err_set(err, PP_ERR_DAMAGED, "invalid bit length repeat");
        memset(lens + at, symbol == REPEAT_LAST ? lens[at - 1] : 0, times);
        at += times;
    }
    return 0;
}

static int read_dynamic(struct pp_deflate_block *block, struct pp_bit_reader *reader,
                        struct pp_err *err) {
    uint8_t lens[PP_LITLEN_COUNT + PP_DIST_COUNT];
    struct pp_huffman_decoder precode;
    unsigned counts;
    unsigned litlen_count;
    unsigned dist_count;
    int rc = take_header(block, reader, 14, &counts, err);

    if (rc < 0)
        return rc;
    litlen_count = PP_LITLEN_MATCH + (counts & 31);
    dist_count = 1 + (counts >> 5 & 31);
    if (litlen_count > PP_LITLEN_COUNT || dist_count > PP_DIST_COUNT)
        return pp_err_set(err, PP_ERR_DAMAGED, "too many length or distance symbols");
    rc = read_precode(block, reader, 4 + (counts >> 10), &precode, err);
    if (rc == 0)
        rc = read_lens(block, reader, &precode, lens, litlen_count + dist_count, err);
    if (rc < 0)
        return rc;
    if (lens[PP_LITLEN_END] == 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid code -- missing end-of-block");
    memcpy(block->litlen_lens, lens, litlen_count);
    memcpy(block->dist_lens, lens + litlen_count, dist_count);
    return 0;
}

int pp_deflate_block_read(struct pp_deflate_block *block, struct pp_bit_reader *reader,
                          struct pp_err *err) {
    unsigned bits;
    int rc = take(reader, 3, &bits, err);

    if (rc < 0)
        return rc;
    *block = (struct pp_deflate_block){.final = (bits & 1) != 0, .kind = bits >> 1};
    if (block->kind == PP_BLOCK_STORED)
        return read_stored(block, reader, err);
    if (block->kind == PP_BLOCK_DYNAMIC)
        return read_dynamic(block, reader, err);
    if (block->kind != PP_BLOCK_FIXED)
        return pp_err_set(err, PP_ERR_DAMAGED, "invalid block type");
    make_fixed(block);
    return 0;
}

/* A run of code lengths as one precode symbol after another. Gives their number. */
struct precode_item {
    uint8_t symbol;
    uint8_t extra;
};

static size_t pack_lens(const uint8_t *lens, size_t len_count, struct precode_item *items) {
    size_t item_count = 0;

    for (size_t at = 0; at < len_count;) {
        unsigned symbol = lens[at];
        size_t run = 1;
        size_t take_max;

        while (at + run < len_count && lens[at + run] == symbol)
            run++;
        if (symbol != 0) { /* the length itself, then its repetitions */
            items[item_count++] = (struct precode_item){.symbol = (uint8_t)symbol};
            at++;
            run--;
        }
        while (run >= 3) {
            unsigned repeat = symbol != 0 ? REPEAT_LAST : run < 11 ? REPEAT_ZERO : REPEAT_ZERO_LONG;
            unsigned min = repeats[repeat - REPEAT_LAST].min;

            take_max = min + (1u << repeats[repeat - REPEAT_LAST].extra_len) - 1;
            if (take_max > run)
                take_max = run;
            items[item_count++] = (struct precode_item){.symbol = (uint8_t)repeat,
                                                        .extra = (uint8_t)(take_max - min)};
            at += take_max;
            run -= take_max;
        }
        for (; run > 0; run--, at++)
            items[item_count++] = (struct precode_item){.symbol = (uint8_t)symbol};
    }
    return item_count;
}

/* Symbols up to the last that has a code, `min` at least. */
static unsigned used_count(const uint8_t *lens, unsigned count, unsigned min) {
    while (count > min && lens[count - 1] == 0)
        count--;
    return count;
}

static void describe_code(struct pp_deflate_block *block) {
    unsigned litlen_count = used_count(block->litlen_lens, PP_LITLEN_COUNT, PP_LITLEN_MATCH);
    unsigned dist_count = used_count(block->dist_lens, PP_DIST_COUNT, 1);
    uint8_t lens[PP_LITLEN_COUNT + PP_DIST_COUNT];
    struct precode_item items[PP_ARRAY_LEN(lens)];
    uint32_t counts[PRECODE_COUNT] = {0};
    uint8_t precode_lens[PRECODE_COUNT];
    struct pp_huffman_encoder precode;
    unsigned order_count = PRECODE_COUNT;
    size_t item_count;

    memcpy(lens, block->litlen_lens, litlen_count);
    memcpy(lens + litlen_count, block->dist_lens, dist_count);
    item_count = pack_lens(lens, litlen_count + dist_count, items);
    for (size_t i = 0; i < item_count; i++)
        counts[items[i].symbol]++;
    pp_huffman_fit(counts, PRECODE_COUNT, PRECODE_LEN_MAX, precode_lens);
    pp_huffman_encoder_build(&precode, precode_lens, PRECODE_COUNT);
    while (order_count > 4 && precode_lens[precode_order[order_count - 1]] == 0)
        order_count--;
    header_put(block, litlen_count - PP_LITLEN_MATCH, 5);
    header_put(block, dist_count - 1, 5);
    header_put(block, order_count - 4, 4);
    for (unsigned i = 0; i < order_count; i++)
        header_put(block, precode_lens[precode_order[i]], 3);
    for (size_t i = 0; i < item_count; i++) {
        unsigned symbol = items[i].symbol;

        header_put(block, precode.codes[symbol], precode.lens[symbol]);
        if (symbol >= REPEAT_LAST)
            header_put(block, items[i].extra, repeats[symbol - REPEAT_LAST].extra_len);
    }
}

void pp_deflate_block_fit(struct pp_deflate_block *block, const struct pp_symbol_counts *counts) {
    *block = (struct pp_deflate_block){.kind = PP_BLOCK_DYNAMIC, .final = block->final};
    pp_huffman_fit(counts->litlen, PP_LITLEN_COUNT, PP_HUFFMAN_LEN_MAX, block->litlen_lens);
    pp_huffman_fit(counts->dist, PP_DIST_COUNT, PP_HUFFMAN_LEN_MAX, block->dist_lens);
    describe_code(block);
}

bool pp_deflate_block_suffices(const struct pp_deflate_block *block,
                               const struct pp_symbol_counts *counts) {
    for (size_t i = 0; i < PP_LITLEN_COUNT; i++)
        if (counts->litlen[i] > 0 && block->litlen_lens[i] == 0)
            return false;
    for (size_t i = 0; i < PP_DIST_COUNT; i++)
        if (counts->dist[i] > 0 && block->dist_lens[i] == 0)
            return false;
    return true;
}
