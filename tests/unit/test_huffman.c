/* Huffman codes: what is made is complete and within its limit, and comes back. */
#include "stream/huffman.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void make_entries(pp_huffman_entry entries[PP_HUFFMAN_SYMBOL_MAX]) {
    for (unsigned i = 0; i < PP_HUFFMAN_SYMBOL_MAX; i++)
        entries[i] = i << 4;
}

/* Every code is decoded as the symbol that it stands for, whatever follows. */
static void check_round_trip(const uint8_t *lens, size_t symbol_count) {
    static struct pp_huffman_decoder decoder;
    struct pp_huffman_encoder encoder;
    pp_huffman_entry entries[PP_HUFFMAN_SYMBOL_MAX];

    make_entries(entries);
    pp_huffman_encoder_build(&encoder, lens, symbol_count);
    assert_true(pp_huffman_decoder_build(&decoder, lens, symbol_count, entries));
    for (size_t i = 0; i < symbol_count; i++) {
        if (lens[i] == 0)
            continue;
        for (int rest = 0; rest < 2; rest++) {
            uint64_t bits = encoder.codes[i] | (rest != 0 ? UINT64_MAX << lens[i] : 0);
            pp_huffman_entry entry = pp_huffman_decode(&decoder, bits);

            assert_int_equal(PP_HUFFMAN_ENTRY_LEN(entry), lens[i]);
            assert_int_equal(entry >> 4, i);
        }
    }
}

static void check_fit(const uint32_t *counts, size_t symbol_count, unsigned len_max) {
    uint8_t lens[PP_HUFFMAN_SYMBOL_MAX];
    uint32_t taken = 0; /* of 2^len_max: all, when the code is complete */

    pp_huffman_fit(counts, symbol_count, len_max, lens);
    for (size_t i = 0; i < symbol_count; i++) {
        assert_in_range(lens[i], counts[i] > 0 ? 1 : 0, len_max);
        if (lens[i] > 0)
            taken += 1u << (len_max - lens[i]);
        for (size_t k = 0; k < symbol_count; k++)
            assert_true(counts[i] <= counts[k] || counts[k] == 0 || lens[i] <= lens[k]);
    }
    assert_int_equal(taken, 1u << len_max);
    check_round_trip(lens, symbol_count);
}

/* The worst case for the depth: each count is the sum of the two before it. */
static void test_limit(void **state) {
    uint32_t counts[PP_HUFFMAN_SYMBOL_MAX] = {1, 1};

    (void)state;
    for (size_t i = 2; i < 30; i++)
        counts[i] = counts[i - 1] + counts[i - 2];
    check_fit(counts, 30, 15);
    check_fit(counts, 30, 7);
    check_fit(counts, 19, 7);
    check_fit(counts, 16, 15);
}

static void test_few_symbols(void **state) {
    uint32_t counts[PP_HUFFMAN_SYMBOL_MAX] = {0};

    (void)state;
    check_fit(counts, 30, 15);
    counts[29] = 7;
    check_fit(counts, 30, 15);
    counts[0] = 1;
    check_fit(counts, 30, 15);
}

static void test_all_symbols(void **state) {
    uint32_t counts[PP_HUFFMAN_SYMBOL_MAX];

    (void)state;
    for (unsigned i = 0; i < 286; i++)
        counts[i] = 1;
    check_fit(counts, 286, 15);
    for (unsigned i = 0; i < 286; i++)
        counts[i] = 1 + i * i * i % 60000;
    check_fit(counts, 286, 15);
}

/* No code can be shorter: A 5, B 2, C 1, D 1 take 1, 2, 3 and 3 bits. */
static void test_best(void **state) {
    static const uint32_t counts[] = {2, 5, 1, 1};
    static const uint8_t best[] = {2, 1, 3, 3};
    uint8_t lens[4];

    (void)state;
    pp_huffman_fit(counts, 4, 15, lens);
    assert_memory_equal(lens, best, sizeof(best));
}

static bool builds(const uint8_t *lens, size_t symbol_count) {
    static struct pp_huffman_decoder decoder;
    pp_huffman_entry entries[PP_HUFFMAN_SYMBOL_MAX];

    make_entries(entries);
    return pp_huffman_decoder_build(&decoder, lens, symbol_count, entries);
}

static void test_unsound_codes(void **state) {
    (void)state;
    assert_true(builds((const uint8_t[]){1, 1}, 2));
    assert_false(builds((const uint8_t[]){1, 1, 1}, 3));  /* too many */
    assert_false(builds((const uint8_t[]){1, 1, 15}, 3)); /* too many by a hair */
    assert_false(builds((const uint8_t[]){1, 2}, 2));     /* too few */
    assert_false(builds((const uint8_t[]){2}, 1));
    assert_true(builds((const uint8_t[]){0, 1}, 2)); /* the two that zlib takes */
    assert_true(builds((const uint8_t[]){0, 0}, 2));
}

static void test_unused_code(void **state) {
    static struct pp_huffman_decoder decoder;
    pp_huffman_entry entries[PP_HUFFMAN_SYMBOL_MAX];

    (void)state;
    make_entries(entries);
    assert_true(pp_huffman_decoder_build(&decoder, (const uint8_t[]){0, 1}, 2, entries));
    assert_int_equal(pp_huffman_decode(&decoder, 0) >> 4, 1);
    assert_int_equal(pp_huffman_decode(&decoder, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),         cmocka_unit_test(test_few_symbols),
        cmocka_unit_test(test_all_symbols),   cmocka_unit_test(test_best),
        cmocka_unit_test(test_unsound_codes), cmocka_unit_test(test_unused_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
