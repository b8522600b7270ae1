#include "codec_checks.h"

#include <lzma.h>

#define CODEC (&pp_codec_lzma)
#define HEADER_LEN 13

static void put_stream(struct pp_buffer *encoded, const struct pp_buffer *text,
                       const lzma_options_lzma *options) {
    lzma_stream stream = LZMA_STREAM_INIT;
    struct pp_err err = PP_ERR_INIT;
    size_t room = text->len + 1000;

    assert_int_equal(lzma_alone_encoder(&stream, options), LZMA_OK);
    assert_int_equal(pp_buffer_reserve(encoded, room, &err), 0);
    stream.next_in = text->data;
    stream.avail_in = text->len;
    stream.next_out = encoded->data + encoded->len;
    stream.avail_out = room;
    assert_int_equal(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
    encoded->len += room - stream.avail_out;
    lzma_end(&stream);
}

static void put_preset(struct pp_buffer *encoded, const struct pp_buffer *text, uint32_t preset) {
    lzma_options_lzma options;

    assert_false(lzma_lzma_preset(&options, preset));
    put_stream(encoded, text, &options);
}

static void test_presets(void **state) {
    static const uint32_t presets[] = {0, 3, 6, 6 | LZMA_PRESET_EXTREME};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 60000);
    for (size_t i = 0; i < PP_ARRAY_LEN(presets); i++) {
        PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

        put_preset(&encoded, &text, presets[i]);
        check_identity(CODEC, &encoded, &text);
        check_patched(CODEC, &encoded, &text);
    }
}

static void test_properties(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    lzma_options_lzma options;

    (void)state;
    put_text(&text, 30000);
    assert_false(lzma_lzma_preset(&options, 1));
    options.lc = 0;
    options.lp = 3;
    options.pb = 4;
    options.dict_size = (uint32_t)3 << 16;
    put_stream(&encoded, &text, &options);
    check_identity(CODEC, &encoded, &text);
    check_patched(CODEC, &encoded, &text);
}

static void test_empty(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_preset(&encoded, &text, 6);
    check_identity(CODEC, &encoded, &text);
}

/* A header that tells the length: decoded, never written. */
static void test_known_length(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(CODEC);

    (void)state;
    put_text(&text, 600);
    put_preset(&encoded, &text, 1);
    memset(encoded.data + 5, 0, 8);
    encoded.data[5] = 600 & 0xff;
    encoded.data[6] = 600 >> 8;
    assert_true(CODEC->bid(encoded.data, encoded.len));
    assert_decodes(CODEC, &encoded, &text);
    run_to(&run, &encoded, PP_ERR_UNSUPPORTED);
    assert_int_equal(run.out.len, 0);
}

/* The format has no check, so a flipped bit is not always seen; it must only do no harm. */
static void test_damaged(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_preset(&encoded, &text, 0);
    check_truncated(CODEC, &encoded);
    check_garbage(CODEC, &encoded);
}

static void test_budget(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_preset(&encoded, &text, 9);
    check_budget(CODEC, &encoded, (uint64_t)64 << 20, (uint64_t)670 << 20);
}

static void test_bid(void **state) {
    static const struct {
        size_t at;
        uint8_t value;
    } spoilt[] = {
        {0, 225},        /* properties past the last that there are */
        {0, 0},          /* sound, but what plain files start with (.kotlin_metadata) */
        {1, 1},          /* no power of two */
        {3, 0},          /* dictionary of 0 bytes */
        {12, 0},         /* length of 2^56 and more */
        {HEADER_LEN, 1}, /* first byte of the range coder */
    };
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_preset(&encoded, &text, 6);
    assert_true(CODEC->bid(encoded.data, encoded.len));
    assert_false(CODEC->bid(encoded.data, HEADER_LEN + 4));
    for (size_t i = 0; i < PP_ARRAY_LEN(spoilt); i++) {
        uint8_t was = encoded.data[spoilt[i].at];

        assert_int_not_equal(was, spoilt[i].value);
        encoded.data[spoilt[i].at] = spoilt[i].value;
        assert_false(CODEC->bid(encoded.data, encoded.len));
        encoded.data[spoilt[i].at] = was;
    }
    assert_false(CODEC->bid((const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18));
    assert_false(CODEC->bid((const uint8_t *)"]text in a bracket", 18));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets), cmocka_unit_test(test_properties),
        cmocka_unit_test(test_empty),   cmocka_unit_test(test_known_length),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_budget),
        cmocka_unit_test(test_bid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
