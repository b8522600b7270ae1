#include "stream/token_mender.h"

#include <string.h>

/* Bytes that the index looks at. */
#define KEY_LEN 4

/* What a symbol without a code is taken to cost: it makes the block get a new code. */
#define NO_CODE_COST 20

void pp_token_mender_init(struct pp_token_mender *mender) {
    memset(mender, 0, sizeof(*mender));
}

static uint32_t *place_of(struct pp_token_mender *mender, const uint8_t *text) {
    uint32_t key;

    memcpy(&key, text, KEY_LEN);
    return &mender->places[key * 2654435761u >> (32 - PP_MENDER_HASH_BITS)];
}

/* Goes on to `at`; what lies more than 32 KiB before it is out of reach. */
static void index_to(struct pp_token_mender *mender, const struct pp_mend *mend, size_t at) {
    size_t from = at > PP_DISTANCE_MAX ? at - PP_DISTANCE_MAX : 0;

    if (mender->indexed > mend->base + from)
        from = (size_t)(mender->indexed - mend->base);
    for (; from < at && from + KEY_LEN <= mend->end; from++)
        *place_of(mender, mend->text + from) = (uint32_t)(mend->base + from);
    mender->indexed = mend->base + from;
}

/* Bytes at `at`, up to `end`, that also stand `distance` before it. */
static size_t match_len(const struct pp_mend *mend, size_t at, size_t end, size_t distance) {
    const uint8_t *text = mend->text + at;
    size_t len_max = end - at < PP_MATCH_MAX ? end - at : PP_MATCH_MAX;
    size_t len = 0;

    if (distance == 0 || distance > PP_DISTANCE_MAX || distance > at)
        return 0;
    while (len < len_max && text[len] == *(text + len - distance))
        len++;
    return len;
}

static bool token_holds(const struct pp_mend *mend, size_t at, pp_token token) {
    unsigned distance = pp_token_distance(token);
    const uint8_t *text = mend->text + at;

    /* Neither it nor what it copies was changed. */
    if (at + pp_token_len(token) <= mend->change_start || at >= mend->change_end + distance)
        return true;
    if (distance == 0)
        return *text == pp_token_value(token);
    return memcmp(text, text - distance, pp_token_value(token)) == 0;
}

static unsigned symbol_cost(const uint8_t *lens, unsigned symbol) {
    return lens[symbol] > 0 ? lens[symbol] : NO_CODE_COST;
}

/* Bits saved by a match instead of literals; nothing when it is too short. */
static int match_gain(const struct pp_mend *mend, size_t at, size_t len, size_t distance) {
    struct pp_deflate_symbol len_symbol;
    struct pp_deflate_symbol distance_symbol;
    int gain = 0;

    if (len < PP_MATCH_MIN)
        return 0;
    len_symbol = pp_length_symbol((unsigned)len);
    distance_symbol = pp_distance_symbol((unsigned)distance);
    for (size_t i = 0; i < len; i++)
        gain += (int)symbol_cost(mend->block->litlen_lens, mend->text[at + i]);
    gain -= (int)symbol_cost(mend->block->litlen_lens, len_symbol.symbol) + len_symbol.extra_len;
    gain -= (int)symbol_cost(mend->block->dist_lens, distance_symbol.symbol);
    return gain - distance_symbol.extra_len;
}

/* The best of a few tokens for the text at `at`, no longer than up to `end`. */
static pp_token best_token(struct pp_token_mender *mender, const struct pp_mend *mend, size_t at,
                           size_t end, const size_t *hints, size_t hint_count) {
    pp_token best = pp_token_literal(mend->text[at]);
    int best_gain = 0;

    for (size_t i = 0; i <= hint_count; i++) {
        size_t distance = 0;
        size_t len;
        int gain;

        if (i < hint_count)
            distance = hints[i];
        else if (end - at >= KEY_LEN)
            distance = (uint32_t)(mend->base + at) - *place_of(mender, mend->text + at);
        len = match_len(mend, at, end, distance);
        gain = match_gain(mend, at, len, distance);
        if (gain > best_gain) {
            best = pp_token_match((unsigned)len, (unsigned)distance);
            best_gain = gain;
        }
    }
    return best;
}

static bool has_code(const struct pp_deflate_block *block, pp_token token) {
    unsigned distance = pp_token_distance(token);

    if (distance == 0)
        return block->litlen_lens[pp_token_value(token)] > 0;
    return block->litlen_lens[pp_token_length_symbol(token).symbol] > 0 &&
           block->dist_lens[pp_distance_symbol(distance).symbol] > 0;
}

/* Tells the text from `at` to `end` anew; `tokens` is what stood there. */
static void mend_gap(struct pp_token_mender *mender, struct pp_mend *mend, size_t at, size_t end,
                     const pp_token *tokens) {
    size_t hints[] = {0, 0, 1}; /* of the broken token, of the match before, of a run */
    size_t token_end = at + pp_token_len(*tokens);

    while (at < end) {
        pp_token token;

        while (token_end <= at)
            token_end += pp_token_len(*++tokens);
        hints[0] = pp_token_distance(*tokens);
        index_to(mender, mend, at);
        token = best_token(mender, mend, at, end, hints, sizeof(hints) / sizeof(*hints));
        if (pp_token_distance(token) != 0)
            hints[1] = pp_token_distance(token);
        mend->mended[mend->mended_count++] = token;
        mend->fits = mend->fits && has_code(mend->block, token);
        at += pp_token_len(token);
    }
}

void pp_token_mender_run(struct pp_token_mender *mender, struct pp_mend *mend) {
    const pp_token *gap_token = NULL;
    size_t gap = 0;
    const pp_token *token = mend->tokens;

    mend->mended_count = 0;
    mend->fits = true;
    for (size_t at = mend->start; at < mend->end; at += pp_token_len(*token++)) {
        if (token_holds(mend, at, *token)) {
            if (gap_token != NULL)
                mend_gap(mender, mend, gap, at, gap_token);
            gap_token = NULL;
            mend->mended[mend->mended_count++] = *token;
        } else if (gap_token == NULL) {
            gap_token = token;
            gap = at;
        }
    }
    if (gap_token != NULL)
        mend_gap(mender, mend, gap, mend->end, gap_token);
}
