#include "stream/huffman.h"

#include <stdlib.h>
#include <string.h>

#define LEN_MAX PP_HUFFMAN_LEN_MAX
#define FAST_LEN (1u << PP_HUFFMAN_FAST_BITS)

static void count_lens(const uint8_t *lens, size_t symbol_count, uint16_t counts[LEN_MAX + 1]) {
    memset(counts, 0, (LEN_MAX + 1) * sizeof(*counts));
    for (size_t i = 0; i < symbol_count; i++)
        counts[lens[i]]++;
    counts[0] = 0;
}

static bool counts_sound(const uint16_t counts[LEN_MAX + 1]) {
    int left = 1; /* codes of this length that are still free */
    unsigned used = 0;

    for (unsigned len = 1; len <= LEN_MAX; len++) {
        left = left * 2 - counts[len];
        used += counts[len];
        if (left < 0)
            return false;
    }
    return left == 0 || used == 0 || (used == 1 && counts[1] == 1);
}

static uint16_t reverse(unsigned code, unsigned len) {
    unsigned reversed = 0;

    for (unsigned i = 0; i < len; i++)
        reversed |= ((code >> i) & 1) << (len - 1 - i);
    return (uint16_t)reversed;
}

/* The first code of each length. */
static void first_codes(const uint16_t counts[LEN_MAX + 1], uint16_t next[LEN_MAX + 1]) {
    unsigned code = 0;

    for (unsigned len = 1; len <= LEN_MAX; len++) {
        code = (code + counts[len - 1]) << 1;
        next[len] = (uint16_t)code;
    }
}

bool pp_huffman_decoder_build(struct pp_huffman_decoder *decoder, const uint8_t *lens,
                              size_t symbol_count, const pp_huffman_entry *entries) {
    uint16_t next[LEN_MAX + 1];
    uint16_t rank[LEN_MAX + 1];

    count_lens(lens, symbol_count, decoder->len_counts);
    if (!counts_sound(decoder->len_counts))
        return false;
    first_codes(decoder->len_counts, next);
    rank[0] = 0;
    for (unsigned len = 1; len <= LEN_MAX; len++)
        rank[len] = (uint16_t)(rank[len - 1] + decoder->len_counts[len - 1]);
    memset(decoder->fast, 0, sizeof(decoder->fast));
    for (size_t i = 0; i < symbol_count; i++) {
        unsigned len = lens[i];

        if (len == 0)
            continue;
        decoder->sorted[rank[len]++] = entries[i] | len;
        if (len <= PP_HUFFMAN_FAST_BITS)
            for (unsigned at = reverse(next[len], len); at < FAST_LEN; at += 1u << len)
                decoder->fast[at] = entries[i] | len;
        next[len]++;
    }
    return true;
}

pp_huffman_entry pp_huffman_decode_long(const struct pp_huffman_decoder *decoder, uint64_t bits) {
    unsigned code = 0;  /* the bits so far */
    unsigned first = 0; /* the first code of this length */
    unsigned rank = 0;  /* and its place among all */

    for (unsigned len = 1; len <= LEN_MAX; len++) {
        unsigned count = decoder->len_counts[len];

        code |= (unsigned)bits & 1;
        bits >>= 1;
        if (code < first + count)
            return decoder->sorted[rank + code - first];
        rank += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    return 0;
}

void pp_huffman_encoder_build(struct pp_huffman_encoder *encoder, const uint8_t *lens,
                              size_t symbol_count) {
    uint16_t counts[LEN_MAX + 1];
    uint16_t next[LEN_MAX + 1];

    count_lens(lens, symbol_count, counts);
    first_codes(counts, next);
    memset(encoder->lens, 0, sizeof(encoder->lens));
    for (size_t i = 0; i < symbol_count; i++) {
        encoder->lens[i] = lens[i];
        if (lens[i] > 0)
            encoder->codes[i] = reverse(next[lens[i]]++, lens[i]);
    }
}

/* A symbol and how often it occurs, in one number that sorts by the latter. */
#define SYMBOL_BITS 9
#define WEIGHT(pair) ((pair) >> SYMBOL_BITS)
#define SYMBOL(pair) ((pair) & ((1u << SYMBOL_BITS) - 1))

static int by_weight(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static size_t sort_symbols(const uint32_t *counts, size_t symbol_count, uint32_t *pairs) {
    size_t used = 0;

    for (size_t i = 0; i < symbol_count; i++)
        if (counts[i] > 0)
            pairs[used++] = counts[i] << SYMBOL_BITS | (uint32_t)i;
    for (size_t i = 0; used < 2; i++)
        if (counts[i] == 0)
            pairs[used++] = 1u << SYMBOL_BITS | (uint32_t)i;
    qsort(pairs, used, sizeof(*pairs), by_weight);
    return used;
}

/* Huffman's algorithm over sorted weights: leaves and inner nodes are two queues, each in order.
 * Counts how many leaves lie how deep. */
static void count_depths(const uint32_t *pairs, size_t used, unsigned len_max,
                         uint16_t depth_counts[LEN_MAX + 1]) {
    uint32_t weights[PP_HUFFMAN_SYMBOL_MAX]; /* of the inner nodes */
    uint16_t leaf_parents[PP_HUFFMAN_SYMBOL_MAX];
    uint16_t parents[PP_HUFFMAN_SYMBOL_MAX];
    uint16_t depths[PP_HUFFMAN_SYMBOL_MAX];
    size_t leaf = 0;
    size_t node = 0;

    for (size_t made = 0; made < used - 1; made++) {
        weights[made] = 0;
        for (int child = 0; child < 2; child++) {
            bool take_leaf = leaf < used && (node == made || WEIGHT(pairs[leaf]) <= weights[node]);

            weights[made] += take_leaf ? WEIGHT(pairs[leaf]) : weights[node];
            if (take_leaf)
                leaf_parents[leaf++] = (uint16_t)made;
            else
                parents[node++] = (uint16_t)made;
        }
    }
    depths[used - 2] = 0;
    for (size_t i = used - 2; i-- > 0;)
        depths[i] = (uint16_t)(depths[parents[i]] + 1);
    memset(depth_counts, 0, (LEN_MAX + 1) * sizeof(*depth_counts));
    for (size_t i = 0; i < used; i++) {
        unsigned depth = depths[leaf_parents[i]] + 1u;

        depth_counts[depth < len_max ? depth : len_max]++;
    }
}

/* Leaves that were too deep now overfill the last level: a leaf from above goes down one level and
 * takes one of them as its sibling, until all fit. */
static void mend_depths(uint16_t depth_counts[LEN_MAX + 1], unsigned len_max) {
    uint32_t taken = 0;

    for (unsigned len = 1; len <= len_max; len++)
        taken += (uint32_t)depth_counts[len] << (len_max - len);
    for (; taken > 1u << len_max; taken--) {
        unsigned len = len_max - 1;

        while (depth_counts[len] == 0)
            len--;
        depth_counts[len]--;
        depth_counts[len + 1] += 2;
        depth_counts[len_max]--;
    }
}

void pp_huffman_fit(const uint32_t *counts, size_t symbol_count, unsigned len_max, uint8_t *lens) {
    uint32_t pairs[PP_HUFFMAN_SYMBOL_MAX];
    uint16_t depth_counts[LEN_MAX + 1];
    size_t used = sort_symbols(counts, symbol_count, pairs);
    size_t at = 0;

    count_depths(pairs, used, len_max, depth_counts);
    mend_depths(depth_counts, len_max);
    memset(lens, 0, symbol_count);
    for (unsigned len = len_max; len >= 1; len--)
        for (unsigned i = 0; i < depth_counts[len]; i++)
            lens[SYMBOL(pairs[at++])] = (uint8_t)len;
}
