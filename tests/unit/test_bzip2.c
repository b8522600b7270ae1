#include "codec_checks.h"

#include <bzlib.h>

#define CODEC (&pp_codec_bzip2)

static void put_stream(struct pp_buffer *encoded, const struct pp_buffer *text, int level) {
    struct pp_err err = PP_ERR_INIT;
    unsigned len = (unsigned)(text->len + text->len / 100 + 600);

    assert_int_equal(pp_buffer_reserve(encoded, len, &err), 0);
    assert_int_equal(BZ2_bzBuffToBuffCompress((char *)encoded->data + encoded->len, &len,
                                              (char *)text->data, (unsigned)text->len, level, 0, 0),
                     BZ_OK);
    encoded->len += len;
}

static void test_one_stream(void **state) {
    (void)state;
    for (int level = 1; level <= 9; level += 4) {
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

        put_text(&text, 250000);
        put_stream(&encoded, &text, level);
        check_identity(CODEC, &encoded, &text);
        check_patched(CODEC, &encoded, &text);
    }
}

/* Streams of different levels, with empty ones between them, keep their levels and limits. */
static void test_streams(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    static const size_t lens[] = {0, 20000, 1, 0, 0, 90000};

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(lens); i++) {
        PP_AUTO_BUFFER struct pp_buffer part = PP_BUFFER_INIT;

        put_text(&part, lens[i]);
        put_stream(&encoded, &part, 1 + (int)i);
        put(&text, &part);
    }
    check_identity(CODEC, &encoded, &text);
    check_patched(CODEC, &encoded, &text);
}

static void test_damaged(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_stream(&encoded, &text, 1);
    check_truncated(CODEC, &encoded);
    check_flipped(CODEC, &encoded, &text);
    check_garbage(CODEC, &encoded);
}

static void test_budget(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_stream(&encoded, &text, 9);
    check_budget(CODEC, &encoded, 3600000, 7600000);
}

static void test_bid(void **state) {
    (void)state;
    assert_true(CODEC->bid((const uint8_t *)"BZh91AY&SYxxxxxxxx", 18));
    assert_true(CODEC->bid((const uint8_t *)"BZh1\x17rE8P\x90\0\0\0\0", 14));
    assert_false(CODEC->bid((const uint8_t *)"BZh0"
                                             "1AY&SYxxxxxxxx",
                            18));
    assert_false(CODEC->bid((const uint8_t *)"BZh9 is how it begins", 18));
    assert_false(CODEC->bid((const uint8_t *)"BZh9", 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_stream), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_damaged),    cmocka_unit_test(test_budget),
        cmocka_unit_test(test_bid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
