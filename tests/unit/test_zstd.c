#include "codec_checks.h"

#include <zstd.h>

#define CODEC (&pp_codec_zstd)

struct frame {
    int level;
    int window_log; /* 0: as the level has it */
    bool size_told;
    bool checksum;
    int workers;
};

static void put_frame(struct pp_buffer *encoded, const struct pp_buffer *text,
                      const struct frame *frame) {
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_inBuffer in = {.src = text->data, .size = text->len};
    struct pp_err err = PP_ERR_INIT;
    size_t left;
    bool ended;

    assert_non_null(context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, frame->level);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, frame->window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, frame->checksum);
    ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, frame->workers);
    if (frame->size_told)
        ZSTD_CCtx_setPledgedSrcSize(context, text->len);
    do {
        bool end = frame->size_told || in.pos == in.size;
        ZSTD_outBuffer out = {.size = 4096};

        assert_int_equal(pp_buffer_reserve(encoded, out.size, &err), 0);
        out.dst = encoded->data + encoded->len;
        left = ZSTD_compressStream2(context, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        assert_false(ZSTD_isError(left));
        encoded->len += out.pos;
        ended = end && left == 0;
    } while (!ended);
    ZSTD_freeCCtx(context);
}

static void put_skippable(struct pp_buffer *encoded, uint8_t variant, uint16_t len) {
    uint8_t head[] = {(uint8_t)(0x50 + variant), 0x2a, 0x4d, 0x18, (uint8_t)len,
                      (uint8_t)(len >> 8),       0,    0};

    sample_append(encoded, head, sizeof(head));
    for (unsigned i = 0; i < len; i++)
        sample_append(encoded, &head[i % 4], 1);
}

static void test_frames(void **state) {
    static const struct frame frames[] = {
        {.level = 3, .size_told = true, .checksum = true},
        {.level = 3, .checksum = true},
        {.level = 1, .size_told = true},
        {.level = 6, .window_log = 18},
        {.level = 9, .size_told = true, .checksum = true},
        {.level = 19, .checksum = true, .window_log = 16},
        {.level = 19, .size_told = true, .window_log = 12},
        {.level = 3, .window_log = 17},
    };
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 140000);
    for (size_t i = 0; i < PP_ARRAY_LEN(frames); i++) {
        PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

        put_frame(&encoded, &text, &frames[i]);
        check_identity(CODEC, &encoded, &text);
        /* Encoders are slow: a length that changes with every other frame. */
        if (i % 2 == 0)
            check_patched(CODEC, &encoded, &text);
    }
}

/* Frames that one worker made in several jobs, and in one. */
static void test_worker(void **state) {
    static const struct frame frames[] = {
        {.level = 3, .window_log = 18, .workers = 1},
        {.level = 1, .size_told = true, .workers = 1},
    };
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, (size_t)4 << 20);
    for (size_t i = 0; i < PP_ARRAY_LEN(frames); i++) {
        PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
        PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(CODEC);

        put_frame(&encoded, &text, &frames[i]);
        run_to(&run, &encoded, PP_ERR_NONE);
        assert_same(&run.out, &encoded);
    }
}

/* Frames with different parameters, empty ones, skippable ones first, between and last. */
static void test_rows(void **state) {
    static const struct frame small = {.level = 3, .size_told = true, .checksum = true};
    static const struct frame plain = {.level = 3, .window_log = 11, .workers = 1};
    PP_AUTO_BUFFER struct pp_buffer part = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer empty = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&part, 5000);
    put_skippable(&encoded, 0, 4);
    put_frame(&encoded, &part, &small);
    put_frame(&encoded, &empty, &small);
    put_frame(&encoded, &empty, &plain);
    put_skippable(&encoded, 15, 5000);
    put_skippable(&encoded, 1, 0);
    put_frame(&encoded, &part, &plain);
    put_frame(&encoded, &part, &small);
    put_skippable(&encoded, 7, 0);
    for (int i = 0; i < 3; i++)
        put(&text, &part);
    check_identity(CODEC, &encoded, &text);
    check_patched(CODEC, &encoded, &text);
}

static void test_damaged(void **state) {
    static const struct frame frame = {.level = 3, .size_told = true, .checksum = true};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer skippable = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_frame(&encoded, &text, &frame);
    check_truncated(CODEC, &encoded);
    check_flipped(CODEC, &encoded, &text);
    check_garbage(CODEC, &encoded);
    put_skippable(&skippable, 3, 20);
    check_truncated(CODEC, &skippable);
}

static void test_dictionary(void **state) {
    /* Magic number, a descriptor with a dictionary of one byte, its id, a window, a last block. */
    static uint8_t encoded[] = {0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x50, 0x2a, 1, 0, 0};
    struct pp_buffer buffer = {.data = encoded, .len = sizeof(encoded)};

    (void)state;
    assert_fails(CODEC, &buffer, PP_ERR_UNSUPPORTED);
}

/* A window of 256 MiB is over the limit, however little the text is. */
static void test_window(void **state) {
    static const struct frame frame = {.level = 1, .window_log = 28};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_frame(&encoded, &text, &frame);
    assert_fails(CODEC, &encoded, PP_ERR_LIMIT);
}

/* The decoder takes its window; the encoder of level 19 much more than that. */
static void test_budget(void **state) {
    static const struct frame frame = {.level = 3, .window_log = 24};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_frame(&encoded, &text, &frame);
    check_budget(CODEC, &encoded, (uint64_t)16 << 20, (uint64_t)80 << 20);
}

static void test_bid(void **state) {
    static const uint8_t skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 4,    0,    0,    0, 1,
                                        2,    3,    4,    0x28, 0xb5, 0x2f, 0xfd, 0, 0};
    uint8_t other[sizeof(skippable)];

    (void)state;
    assert_true(CODEC->bid(skippable + 12, 6));
    assert_true(CODEC->bid(skippable, sizeof(skippable)));
    /* What follows a skippable frame is of another format. */
    memcpy(other, skippable, sizeof(other));
    other[12] = 0x04;
    assert_false(CODEC->bid(other, sizeof(other)));
    assert_false(CODEC->bid((const uint8_t *)"no frame of any kind", 18));
    assert_false(CODEC->bid(skippable, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),     cmocka_unit_test(test_worker),
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_dictionary), cmocka_unit_test(test_window),
        cmocka_unit_test(test_budget),     cmocka_unit_test(test_bid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
