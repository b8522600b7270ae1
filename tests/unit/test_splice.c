/* The splice, by way of the deflate codec: without a change the same bits, with one the patched
 * text and hardly a byte more. Oracles: zlib and libdeflate, which make the streams, and zlib reads
 * them; bits put together by hand where no encoder makes them. */
#include "../tools/deflate_streams.h"

/* Checks on one stream. */

static const size_t lens[] = {1, SAMPLE_PLACEHOLDER_LEN - 1, SAMPLE_PLACEHOLDER_LEN, 65536};

/* Nothing changes: the same bits. Any cut: the same text. */
static void check_identity(const struct pp_buffer *stream, const struct pp_buffer *text,
                           size_t read_len, size_t lag) {
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    run.read_len = read_len;
    run.lag = lag;
    run_well(&run, stream);
    assert_same(&run.was, text);
    assert_same(&run.out, stream);
    recode_run_done(&run);
}

/* Another text of the same length. Gives the length of the result. */
static size_t check_patched(const struct pp_buffer *stream, const struct pp_buffer *patched) {
    struct recode_run run = recode_run_whole(&pp_codec_deflate);
    size_t len;

    run.patched = patched;
    run_well(&run, stream);
    assert_gives(&run.out, patched);
    len = run.out.len;
    recode_run_done(&run);
    return len;
}

static void copy_text(struct pp_buffer *copy, const struct pp_buffer *text) {
    sample_append(copy, text->data, text->len);
}

/* Identity, the sample's patch, and heavy damage to the text. */
static void check_stream(const struct pp_buffer *stream, const struct pp_buffer *text) {
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
    uint32_t seed = 1;

    check_identity(stream, text, RECODE_RUN_WHOLE, 0);
    if (text->len == 0)
        return;
    copy_text(&patched, text);
    sample_patch(&patched);
    check_patched(stream, &patched);
    for (size_t at = 0; at < patched.len; at += 1 + sample_random(&seed) % 3000)
        patched.data[at] = (uint8_t)sample_random(&seed);
    check_patched(stream, &patched);
    sample_random(&seed);
    patched.len = 0;
    sample_noise(&patched, text->len, seed);
    check_patched(stream, &patched);
}

/* Tests */

static void make_texts(struct pp_buffer texts[4]) {
    for (int i = 0; i < 4; i++)
        texts[i] = (struct pp_buffer)PP_BUFFER_INIT;
    sample_words(&texts[1], 120000, 60, 7);
    sample_noise(&texts[2], 70000, 3);
    sample_fill(&texts[3], 'a', 130000);
}

static void drop_texts(struct pp_buffer texts[4]) {
    for (int i = 0; i < 4; i++)
        pp_buffer_done(&texts[i]);
}

static void test_zlib_streams(void **state) {
    static const struct zlib_way ways[] = {{0, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {1, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {2, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {3, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {4, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {5, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {7, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {8, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {9, 9, 1, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {9, 15, 9, Z_FILTERED, Z_NO_FLUSH},
                                           {6, 15, 8, Z_HUFFMAN_ONLY, Z_NO_FLUSH},
                                           {6, 15, 8, Z_RLE, Z_NO_FLUSH},
                                           {6, 15, 8, Z_FIXED, Z_NO_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_SYNC_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_PARTIAL_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_FULL_FLUSH}};
    struct pp_buffer texts[4];

    (void)state;
    make_texts(texts);
    for (int i = 0; i < 4; i++) {
        for (size_t way = 0; way < PP_ARRAY_LEN(ways); way++) {
            PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

            zlib_encode(&texts[i], &ways[way], &stream);
            check_stream(&stream, &texts[i]);
        }
    }
    drop_texts(texts);
}

static void test_libdeflate_streams(void **state) {
    struct pp_buffer texts[4];

    (void)state;
    make_texts(texts);
    for (int i = 0; i < 4; i++) {
        for (int level = 0; level <= 12; level++) {
            PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

            libdeflate_encode(&texts[i], level, &stream);
            check_stream(&stream, &texts[i]);
        }
    }
    drop_texts(texts);
}

static void test_any_cut_gives_the_same(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
    struct recode_run whole = recode_run_whole(&pp_codec_deflate);

    (void)state;
    sample_words(&text, 90000, 40, 5);
    libdeflate_encode(&text, 6, &stream);
    copy_text(&patched, &text);
    assert_true(sample_patch(&patched) > 10);
    whole.patched = &patched;
    run_well(&whole, &stream);
    for (size_t i = 0; i < PP_ARRAY_LEN(lens); i++) {
        for (size_t k = 0; k < PP_ARRAY_LEN(lens); k++) {
            struct recode_run run = {.codec = &pp_codec_deflate,
                                     .source_len = lens[(i + k) % PP_ARRAY_LEN(lens)],
                                     .read_len = lens[i],
                                     .write_len = lens[k],
                                     .lag = SAMPLE_PLACEHOLDER_LEN - 1,
                                     .len_kept = true,
                                     .patched = &patched};

            run_well(&run, &stream);
            assert_same(&run.was, &text);
            assert_same(&run.out, &whole.out);
            recode_run_done(&run);
            check_identity(&stream, &text, lens[i], lens[k]);
        }
    }
    recode_run_done(&whole);
}

/* Hardly more than the best encoder makes of the patched text, in a text full of near misses. */
static void test_size_stays(void **state) {
    static const struct zlib_way best = {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer afresh = PP_BUFFER_INIT;

    (void)state;
    sample_words(&text, 1000000, 200, 11);
    zlib_encode(&text, &best, &stream);
    copy_text(&patched, &text);
    assert_true(sample_patch(&patched) > 200);
    zlib_encode(&patched, &best, &afresh);
    assert_in_range(check_patched(&stream, &patched), 1, afresh.len + afresh.len / 200);
}

static unsigned first_block_kind(const struct pp_buffer *stream) {
    return stream->data[0] >> 1 & 3;
}

static void test_stored_stays_stored(void **state) {
    static const struct zlib_way stored = {0, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;

    (void)state;
    sample_words(&text, 200000, 100, 2);
    zlib_encode(&text, &stored, &stream);
    copy_text(&patched, &text);
    sample_patch(&patched);
    assert_int_equal(first_block_kind(&stream), 0);
    assert_int_equal(check_patched(&stream, &patched), stream.len);
}

static void test_fixed_stays_fixed(void **state) {
    static const struct zlib_way fixed = {6, 15, 8, Z_FIXED, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    sample_words(&text, 20000, 100, 2);
    zlib_encode(&text, &fixed, &stream);
    sample_patch(&text);
    run.patched = &text;
    run_well(&run, &stream);
    assert_int_equal(first_block_kind(&stream), 1);
    assert_int_equal(first_block_kind(&run.out), 1);
    recode_run_done(&run);
}

/* Length 258 said as 227 + 31, and as 258; bits behind the end that are not zero. */
static void test_odd_bits_are_kept(void **state) {
    struct bit_text bits = {PP_BUFFER_INIT, 0};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    put_bits(&bits, 0, 3); /* stored, with bits in front of its length */
    put_bits(&bits, 0x15, 5);
    put_bits(&bits, 0xfffd0002, 32);
    put_bits(&bits, 'x' | 'y' << 8, 16);
    put_bits(&bits, 1 | 1 << 1, 3); /* fixed, the last */
    put_fixed(&bits, 'a');
    put_fixed(&bits, 284);
    put_bits(&bits, 31, 5);
    put_code(&bits, 0, 5);
    put_fixed(&bits, 285);
    put_code(&bits, 0, 5);
    put_fixed(&bits, 256);
    assert_int_not_equal(bits.count % 8, 0);
    bits.bytes.data[bits.bytes.len - 1] |= 0x80;

    sample_append(&text, "xy", 2);
    sample_fill(&text, 'a', 1 + 258 + 258);
    assert_gives(&bits.bytes, &text);
    check_identity(&bits.bytes, &text, RECODE_RUN_WHOLE, 0);
    text.data[300] = '0';
    run.patched = &text;
    run_well(&run, &bits.bytes);
    assert_gives(&run.out, &text);
    recode_run_done(&run);
    pp_buffer_done(&bits.bytes);
}

/* Matches as far back as can be, in many blocks: the window must never be short by a byte. */
static void test_farthest_matches(void **state) {
    struct bit_text bits = {PP_BUFFER_INIT, 0};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    (void)state;
    sample_noise(&text, 32768, 17);
    put_bits(&bits, 1 << 1, 3);
    for (size_t i = 0; i < text.len; i++)
        put_fixed(&bits, text.data[i]);
    for (int i = 0; i < 3000; i++) {
        if (i % 60 == 0) {
            put_fixed(&bits, 256);
            put_bits(&bits, 1 << 1, 3);
        }
        put_fixed(&bits, 285);
        put_code(&bits, 29, 5); /* 24577 and more */
        put_bits(&bits, 32768 - 24577, 13);
        assert_int_equal(pp_buffer_reserve(&text, 258, &err), 0);
        sample_append(&text, text.data + text.len - 32768, 258);
    }
    put_fixed(&bits, 256);
    put_bits(&bits, 1 | 1 << 1, 3);
    put_fixed(&bits, 256);
    assert_gives(&bits.bytes, &text);
    check_identity(&bits.bytes, &text, 1, 0); /* so that all is settled at each block's end */
    check_stream(&bits.bytes, &text);
    pp_buffer_done(&bits.bytes);
}

/* One last block of many segments whose code has few symbols. */
static void make_long_block(struct pp_buffer *text, struct pp_buffer *stream) {
    static const struct zlib_way best = {9, 15, 9, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};

    for (int i = 0; i < 1500000; i++)
        sample_append(text, "ab", 1 + (i % 300 == 0));
    zlib_encode(text, &best, stream);
    assert_int_equal(stream->data[0] & 7, 5);
}

static void test_long_block(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;

    (void)state;
    make_long_block(&text, &stream);
    check_identity(&stream, &text, 10000, 88);
    copy_text(&patched, &text);
    patched.data[1400000] = 'z'; /* only late */
    check_patched(&stream, &patched);
    patched.data[900000] = 'y'; /* in two segments, with whole ones between and behind */
    patched.data[400000] = 'x';
    patched.data[0] = 'w';
    check_patched(&stream, &patched);
}

/* A last block whose code has 'a' (0), 'b' (10) and its end (11) alone, up to its first token. */
static void put_meagre_block(struct bit_text *bits) {
    /* of the precode: 18 (0), 2 (10), 0 (110), 1 (111), by their places in its order */
    static const uint8_t precode_lens[18] = {[2] = 1, [3] = 3, [15] = 2, [17] = 3};

    put_bits(bits, 1 | 2 << 1, 3);
    put_bits(bits, 0, 5);  /* 257 literals and lengths */
    put_bits(bits, 0, 5);  /* 1 distance */
    put_bits(bits, 14, 4); /* 18 precode lengths */
    for (size_t i = 0; i < PP_ARRAY_LEN(precode_lens); i++)
        put_bits(bits, precode_lens[i], 3);
    put_code(bits, 0, 1); /* 97 zeros */
    put_bits(bits, 97 - 11, 7);
    put_code(bits, 7, 3);
    put_code(bits, 2, 2);
    put_code(bits, 0, 1); /* 157 zeros */
    put_bits(bits, 138 - 11, 7);
    put_code(bits, 0, 1);
    put_bits(bits, 19 - 11, 7);
    put_code(bits, 2, 2);
    put_code(bits, 6, 3); /* no distance */
}

/* More than 1 MiB of one block: what was written of it cannot be held back any longer. */
static void test_block_given_for_good(void **state) {
    struct bit_text bits = {PP_BUFFER_INIT, 0};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);
    const size_t len = (size_t)9 << 20;

    (void)state;
    sample_fill(&text, 'a', len);
    put_meagre_block(&bits);
    for (size_t i = 0; i < len; i++)
        put_bits(&bits, 0, 1);
    put_code(&bits, 3, 2);
    check_identity(&bits.bytes, &text, RECODE_RUN_WHOLE, 0);
    text.data[len - 2] = 'b';
    check_patched(&bits.bytes, &text);
    text.data[len / 2] = 'c';
    check_patched(&bits.bytes, &text);
    text.data[len / 2] = 'a';
    text.data[len - 1] = 'c';
    run.patched = &text;
    assert_int_equal(recode_run(&run, bits.bytes.data, bits.bytes.len, &err), -PP_ERR_UNSUPPORTED);
    recode_run_done(&run);
    pp_buffer_done(&bits.bytes);
}

static void test_blocks_without_text(void **state) {
    struct bit_text bits = {PP_BUFFER_INIT, 0};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    sample_append(&text, "a", 1);
    for (int i = 0; i < 100000; i++) {
        put_bits(&bits, 1 << 1, 3);
        if (i == 50000)
            put_fixed(&bits, 'a');
        put_fixed(&bits, 256);
    }
    put_bits(&bits, 1 | 1 << 1, 3);
    put_fixed(&bits, 256);
    check_identity(&bits.bytes, &text, RECODE_RUN_WHOLE, 0);
    run.lag = 1; /* now they pile up behind the unwritten text */
    assert_int_equal(recode_run(&run, bits.bytes.data, bits.bytes.len, &err), -PP_ERR_LIMIT);
    recode_run_done(&run);
    pp_buffer_done(&bits.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zlib_streams),
        cmocka_unit_test(test_libdeflate_streams),
        cmocka_unit_test(test_any_cut_gives_the_same),
        cmocka_unit_test(test_size_stays),
        cmocka_unit_test(test_stored_stays_stored),
        cmocka_unit_test(test_fixed_stays_fixed),
        cmocka_unit_test(test_odd_bits_are_kept),
        cmocka_unit_test(test_farthest_matches),
        cmocka_unit_test(test_long_block),
        cmocka_unit_test(test_block_given_for_good),
        cmocka_unit_test(test_blocks_without_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
