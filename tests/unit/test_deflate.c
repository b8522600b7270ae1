/* The deflate codec: damage, encoding afresh, use. Oracle: zlib, whose verdict it shares. */
#include "../tools/deflate_streams.h"

/* Damage */

/* What zlib says: its words, or NULL when the stream is sound. */
static const char *zlib_verdict(const uint8_t *stream, size_t len, struct pp_buffer *text) {
    z_stream z = {.next_in = (z_const Bytef *)stream, .avail_in = (uInt)len};
    const char *words;
    int rc;

    assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
    do {
        assert_int_equal(pp_buffer_reserve(text, 65536, &err), 0);
        z.next_out = text->data + text->len;
        z.avail_out = 65536;
        rc = inflate(&z, Z_NO_FLUSH);
        text->len += 65536 - z.avail_out;
    } while (rc == Z_OK && (z.avail_in > 0 || z.avail_out == 0));
    words = z.msg != NULL ? z.msg : "truncated: unexpected end of file";
    if (rc == Z_STREAM_END)
        words = z.avail_in > 0 ? "trailing garbage" : NULL;
    inflateEnd(&z);
    return words;
}

/* Both ways of reading judge as zlib does. */
static void check_verdict(const uint8_t *stream, size_t len, bool same_words) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    const char *words = zlib_verdict(stream, len, &text);

    for (int decode_only = 0; decode_only < 2; decode_only++) {
        struct recode_run run = recode_run_whole(&pp_codec_deflate);
        int rc;

        run.decode_only = decode_only != 0;
        rc = recode_run(&run, stream, len, &err);
        if (words == NULL) {
            assert_int_equal(rc, 0);
            assert_same(&run.was, &text);
        } else {
            assert_int_equal(rc, -PP_ERR_DAMAGED);
            if (same_words)
                assert_string_equal(err.text, words);
        }
        recode_run_done(&run);
    }
}

static void make_small_stream(struct pp_buffer *stream) {
    static const struct zlib_way best = {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    sample_words(&text, 3000, 30, 19);
    zlib_encode(&text, &best, stream);
}

static void test_every_truncation(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

    (void)state;
    make_small_stream(&stream);
    for (size_t len = 0; len <= stream.len; len++)
        check_verdict(stream.data, len, true);
}

static void test_trailing_garbage(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

    (void)state;
    make_small_stream(&stream);
    sample_append(&stream, "", 1);
    check_verdict(stream.data, stream.len, true);
}

static void test_every_byte_damaged(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    uint32_t seed = 23;

    (void)state;
    make_small_stream(&stream);
    for (size_t i = 0; i < stream.len; i++) {
        uint8_t byte = stream.data[i];

        for (int times = 0; times < 4; times++) {
            stream.data[i] = (uint8_t)sample_random(&seed);
            check_verdict(stream.data, stream.len, false);
        }
        stream.data[i] = byte;
    }
}

/* Each is refused, in zlib's words. */
static void test_bad_streams(void **state) {
    static const struct {
        const char *words;
        uint32_t bits[8]; /* value, count, … */
    } bads[] = {
        {"invalid block type", {1 | 3 << 1, 3}},
        {"invalid stored block lengths", {1, 8, 0x12345678, 32}},
        {"too many length or distance symbols", {1 | 2 << 1, 3, 30, 5, 0, 5, 15, 4}},
        {"too many length or distance symbols", {1 | 2 << 1, 3, 0, 5, 30, 5, 15, 4}},
        {"invalid code lengths set", {1 | 2 << 1, 3, 0, 14, 1 | 1 << 3 | 1 << 6 | 1 << 9, 12}},
        {"invalid code lengths set", {1 | 2 << 1, 3, 0, 14, 2 | 2 << 3, 12}},
        {"invalid code lengths set", {1 | 2 << 1, 3, 0, 14, 1, 12}},
        /* 16 first; precode 16 and 17 of one bit each */
        {"invalid bit length repeat", {1 | 2 << 1, 3, 0, 14, 1 | 1 << 3, 12, 0, 1}},
        /* precode 17 and 18 of one bit each: nothing but zeros */
        {"invalid code -- missing end-of-block",
         {1 | 2 << 1, 3, 0, 14, 1 << 3 | 1 << 6, 12, 0x1ff | 0x6d << 9, 16}},
        /* a match first */
        {"invalid distance too far back", {1 | 1 << 1, 3, 0x40, 7, 0, 5, 0, 7}},
    };
    static const unsigned fixed_bads[][2] = {{286, 0}, {287, 0}, {257, 30}, {257, 31}};

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(bads); i++) {
        struct bit_text bits = {PP_BUFFER_INIT, 0};
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

        for (size_t k = 0; k < 8; k += 2)
            put_bits(&bits, bads[i].bits[k], bads[i].bits[k + 1]);
        for (int k = 0; k < 40; k++)
            put_bits(&bits, 0, 8);
        assert_string_equal(zlib_verdict(bits.bytes.data, bits.bytes.len, &text), bads[i].words);
        check_verdict(bits.bytes.data, bits.bytes.len, true);
        pp_buffer_done(&bits.bytes);
    }
    for (size_t i = 0; i < PP_ARRAY_LEN(fixed_bads); i++) {
        struct bit_text bits = {PP_BUFFER_INIT, 0};
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
        struct recode_run run = recode_run_whole(&pp_codec_deflate);

        put_bits(&bits, 1 | 1 << 1, 3);
        put_fixed(&bits, 'a');
        put_fixed(&bits, fixed_bads[i][0]);
        put_code(&bits, fixed_bads[i][1], 5);
        for (int k = 0; k < 40; k++)
            put_bits(&bits, 0, 8);
        /* libdeflate takes these symbols for something, and stumbles later. */
        check_verdict(bits.bytes.data, bits.bytes.len, false);
        assert_int_equal(recode_run(&run, bits.bytes.data, bits.bytes.len, &err), -PP_ERR_DAMAGED);
        assert_string_equal(err.text, zlib_verdict(bits.bytes.data, bits.bytes.len, &text));
        recode_run_done(&run);
        pp_buffer_done(&bits.bytes);
    }
}

/* Encoding afresh */

static void check_afresh(size_t len) {
    static const struct zlib_way best = {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    sample_words(&text, len, 50, 31);
    zlib_encode(&text, &best, &stream);
    sample_append(&text, "and more", 8);
    run.len_kept = false;
    run.write_len = 50000;
    run.patched = &text;
    run_well(&run, &stream);
    assert_gives(&run.out, &text);
    assert_in_range(run.out.len, 1, stream.len + stream.len / 10 + 100);
    recode_run_done(&run);
}

static void test_afresh(void **state) {
    (void)state;
    check_afresh(0);
    check_afresh(100000);
    check_afresh(3000000);
}

static void test_decode_only_large(void **state) {
    static const struct zlib_way fast = {1, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    run.decode_only = true;
    sample_words(&text, 5000000, 50, 37); /* too long a text for one piece */
    sample_noise(&text, 8000000, 41);     /* and too long a stream */
    zlib_encode(&text, &fast, &stream);
    run_well(&run, &stream);
    assert_same(&run.was, &text);
    recode_run_done(&run);
}

static void test_misuse(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    make_small_stream(&stream);
    sample_words(&text, 20000, 30, 19);
    run.patched = &text;
    assert_int_equal(recode_run(&run, stream.data, stream.len, &err), -PP_ERR_USAGE);
    text.len = 100;
    assert_int_equal(recode_run(&run, stream.data, stream.len, &err), -PP_ERR_USAGE);
    recode_run_done(&run);
}

static void test_budget(void **state) {
    struct pp_budget budget;
    struct pp_codec_env env = {.budget = &budget};
    struct slow_source source = {{&slow_source_ops}, NULL, 0, 0, false};
    struct pp_recode *recode = NULL;

    (void)state;
    pp_budget_init(&budget, 1 << 20);
    assert_int_equal(pp_codec_deflate.open(&env, &source.source, NULL, &recode, &err),
                     -PP_ERR_LIMIT);
    pp_budget_done(&budget);
}

static void test_never_bids(void **state) {
    (void)state;
    assert_false(pp_codec_deflate.bid((const uint8_t *)"\x4b\x04\x00", 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_trailing_garbage),
        cmocka_unit_test(test_every_byte_damaged),
        cmocka_unit_test(test_bad_streams),
        cmocka_unit_test(test_afresh),
        cmocka_unit_test(test_decode_only_large),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_never_bids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
