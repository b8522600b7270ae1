#include "codec_checks.h"

#include <lzma.h>
#include <stdlib.h>

#define CODEC (&pp_codec_xz)

/* Gives all of `text` to the encoder; a block ends after every `block_len` bytes when not 0. */
static void put_encoded(struct pp_buffer *encoded, lzma_stream *stream,
                        const struct pp_buffer *text, size_t block_len) {
    struct pp_err err = PP_ERR_INIT;
    lzma_ret status = LZMA_OK;
    size_t at = 0;

    while (status != LZMA_STREAM_END) {
        size_t len = block_len == 0 || text->len - at < block_len ? text->len - at : block_len;
        lzma_action action = at + len == text->len ? LZMA_FINISH : LZMA_FULL_FLUSH;

        stream->next_in = len > 0 ? text->data + at : text->data;
        stream->avail_in = len;
        do {
            assert_int_equal(pp_buffer_reserve(encoded, 4096, &err), 0);
            stream->next_out = encoded->data + encoded->len;
            stream->avail_out = 4096;
            status = lzma_code(stream, action);
            encoded->len += 4096 - stream->avail_out;
        } while (status == LZMA_OK);
        assert_int_equal(status, LZMA_STREAM_END);
        if (action == LZMA_FULL_FLUSH)
            status = LZMA_OK;
        at += len;
    }
    lzma_end(stream);
}

static void put_stream(struct pp_buffer *encoded, const struct pp_buffer *text, uint32_t preset,
                       lzma_check check, size_t block_len) {
    lzma_stream stream = LZMA_STREAM_INIT;

    assert_int_equal(lzma_easy_encoder(&stream, preset, check), LZMA_OK);
    put_encoded(encoded, &stream, text, block_len);
}

static void put_threaded(struct pp_buffer *encoded, const struct pp_buffer *text, uint32_t preset,
                         size_t block_len) {
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_mt mt = {
        .threads = 1, .block_size = block_len, .preset = preset, .check = LZMA_CHECK_CRC32};

    assert_int_equal(lzma_stream_encoder_mt(&stream, &mt), LZMA_OK);
    put_encoded(encoded, &stream, text, 0);
}

static void put_filtered(struct pp_buffer *encoded, const struct pp_buffer *text,
                         const lzma_filter *filters) {
    lzma_stream stream = LZMA_STREAM_INIT;

    assert_int_equal(lzma_stream_encoder(&stream, filters, LZMA_CHECK_CRC64), LZMA_OK);
    put_encoded(encoded, &stream, text, 0);
}

/* The presets, which no header records; 7 to 9 differ from 6 in the dictionary alone. */
static void test_presets(void **state) {
    static const uint32_t presets[] = {
        0, 1, 2, 3, 4, 5, 6, 3 | LZMA_PRESET_EXTREME, 6 | LZMA_PRESET_EXTREME};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 60000);
    for (size_t i = 0; i < PP_ARRAY_LEN(presets); i++) {
        PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

        put_stream(&encoded, &text, presets[i], LZMA_CHECK_CRC64, 0);
        /* Each rewrite tries encoders, which are slow: one of the two that an identity has. */
        check_rewrite(CODEC, &encoded, &text, i % 2 == 0, &encoded);
    }
}

static void test_checks(void **state) {
    static const lzma_check checks[] = {LZMA_CHECK_NONE, LZMA_CHECK_CRC32, LZMA_CHECK_CRC64,
                                        LZMA_CHECK_SHA256};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 9000);
    for (size_t i = 0; i < PP_ARRAY_LEN(checks); i++) {
        PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

        put_stream(&encoded, &text, 1, checks[i], 0);
        check_identity(CODEC, &encoded, &text);
        check_patched(CODEC, &encoded, &text);
    }
}

/* Blocks keep their limits, whether their headers tell sizes or not. */
static void test_blocks(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer told = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 100000);
    put_stream(&encoded, &text, 0, LZMA_CHECK_CRC32, 30011);
    put_threaded(&told, &text, 0, 30011);
    assert_int_not_equal(encoded.len, told.len);
    check_identity(CODEC, &encoded, &text);
    check_identity(CODEC, &told, &text);
    check_patched(CODEC, &encoded, &text);
    check_patched(CODEC, &told, &text);
}

/* The filters, their options, and what the model's parameters are. */
static void test_filters(void **state) {
    lzma_options_lzma options;
    lzma_options_delta delta = {.type = LZMA_DELTA_TYPE_BYTE, .dist = 4};
    const lzma_filter chains[][4] = {
        {{LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}},
        {{LZMA_FILTER_DELTA, &delta}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}},
        {{LZMA_FILTER_ARM, NULL},
         {LZMA_FILTER_X86, NULL},
         {LZMA_FILTER_LZMA2, &options},
         {LZMA_VLI_UNKNOWN, NULL}},
    };
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 40000);
    assert_false(lzma_lzma_preset(&options, 6));
    options.dict_size = (uint32_t)3 << 19;
    options.lc = 1;
    options.lp = 2;
    options.pb = 0;
    for (size_t i = 0; i < PP_ARRAY_LEN(chains); i++) {
        PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

        put_filtered(&encoded, &text, chains[i]);
        check_identity(CODEC, &encoded, &text);
        check_patched(CODEC, &encoded, &text);
    }
}

/* Streams with different checks and dictionaries, an empty one, and padding between and after. */
static void test_streams(void **state) {
    static const uint8_t zeros[1024];
    PP_AUTO_BUFFER struct pp_buffer part = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer empty = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&part, 20000);
    put_stream(&encoded, &part, 6, LZMA_CHECK_CRC64, 0);
    sample_append(&encoded, zeros, 4);
    put_stream(&encoded, &empty, 6, LZMA_CHECK_SHA256, 0);
    put_threaded(&encoded, &part, 1, 7000);
    sample_append(&encoded, zeros, 1024);
    put_stream(&encoded, &part, 1, LZMA_CHECK_NONE, 0);
    sample_append(&encoded, zeros, 8);
    for (int i = 0; i < 3; i++)
        put(&text, &part);
    check_identity(CODEC, &encoded, &text);
    check_patched(CODEC, &encoded, &text);
}

/* Text longer than a trial, so that only its start is tried. */
static void test_long(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(CODEC);

    (void)state;
    put_text(&text, (size_t)5 << 20);
    put_stream(&encoded, &text, 2, LZMA_CHECK_CRC32, 0);
    run_to(&run, &encoded, PP_ERR_NONE);
    assert_same(&run.out, &encoded);
}

/* Runs with several threads, and with one: the same text and bytes, and the same error behind them.
 * Returns whether more memory was taken, for blocks side by side. */
static bool runs_alike(const struct recode_run *like, const struct pp_buffer *encoded) {
    PP_AUTO(recode_run_done) struct recode_run alone = *like;
    struct pp_err alone_err = PP_ERR_INIT;
    bool side_by_side = false;
    int alone_rc = recode_run(&alone, encoded->data, encoded->len, &alone_err);

    for (unsigned jobs = 2; jobs <= 5; jobs += 3) {
        PP_AUTO(recode_run_done) struct recode_run run = *like;
        struct pp_err err = PP_ERR_INIT;

        run.jobs = jobs;
        run.read_len = jobs == 2 ? 4099 : RECODE_RUN_WHOLE;
        run.source_len = jobs == 2 ? 0 : 1009;
        assert_int_equal(recode_run(&run, encoded->data, encoded->len, &err), alone_rc);
        assert_string_equal(err.text, alone_err.text);
        assert_same(&run.was, &alone.was);
        if (alone_rc == 0)
            assert_same(&run.out, &alone.out);
        side_by_side = side_by_side || run.memory_most > alone.memory_most;
    }
    return side_by_side;
}

static bool reads_alike(const struct pp_buffer *encoded, uint64_t memory_len, size_t broken_at) {
    struct recode_run run = recode_run_whole(CODEC);

    run.decode_only = true;
    run.memory_len = memory_len;
    run.broken_at = broken_at;
    return runs_alike(&run, encoded);
}

static bool writes_alike(const struct pp_buffer *encoded, const struct pp_buffer *patched,
                         bool len_kept) {
    struct recode_run run = recode_run_whole(CODEC);

    run.patched = patched;
    run.len_kept = len_kept;
    run.memory_len = (uint64_t)1 << 30;
    return runs_alike(&run, encoded);
}

enum { SIDE_BLOCK_LEN = 30011 };

/* Blocks that tell their sizes, between others, and one whose coder takes more than those before
 * it. */
static void put_mixed(struct pp_buffer *encoded, const struct pp_buffer *text) {
    lzma_options_lzma options;
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};

    put_threaded(encoded, text, 0, SIDE_BLOCK_LEN);
    put_threaded(encoded, text, 1, SIDE_BLOCK_LEN);
    assert_false(lzma_lzma_preset(&options, 0));
    options.dict_size = (uint32_t)24 << 20;
    put_filtered(encoded, text, filters);
    sample_append(encoded, "\0\0\0\0", 4);
    put_threaded(encoded, text, 0, SIDE_BLOCK_LEN);
}

static void test_read_side_by_side(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer untold = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 4 * SIDE_BLOCK_LEN + 100);
    put_stream(&untold, &text, 0, LZMA_CHECK_CRC32, SIDE_BLOCK_LEN);
    assert_false(reads_alike(&untold, 0, 0));
    put_threaded(&encoded, &text, 0, SIDE_BLOCK_LEN);
    assert_true(reads_alike(&encoded, 0, 0));
    put_mixed(&encoded, &text);
    assert_true(reads_alike(&encoded, 0, 0));
    /* Within the budget, whatever it is. */
    for (uint64_t memory_len = (uint64_t)1 << 20; memory_len < (uint64_t)60 << 20;
         memory_len += memory_len / 3)
        reads_alike(&encoded, memory_len, 0);
    /* The text before it is given first. */
    for (size_t at = 1; at < encoded.len; at += encoded.len / 12)
        reads_alike(&encoded, 0, at);
}

static void test_write_side_by_side(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer mixed = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 4 * SIDE_BLOCK_LEN + 100);
    put_threaded(&encoded, &text, 0, SIDE_BLOCK_LEN);
    assert_true(writes_alike(&encoded, &text, true));
    assert_true(writes_alike(&encoded, NULL, false));
    put(&patched, &text);
    sample_replace(&patched, SAMPLE_DEFAULT, SAMPLE_VALUE);
    assert_int_not_equal(patched.len, text.len);
    assert_true(writes_alike(&encoded, &patched, false));
    put_mixed(&mixed, &text);
    assert_true(writes_alike(&mixed, NULL, true));
    /* What is wrong with the input is told as without threads. */
    encoded.len -= encoded.len / 3;
    writes_alike(&encoded, NULL, true);
}

/* Blocks with a filter before LZMA2, that tell their sizes. */
static void put_filtered_blocks(struct pp_buffer *encoded, const struct pp_buffer *text,
                                uint32_t start_offset) {
    lzma_options_bcj bcj = {.start_offset = start_offset};
    lzma_options_lzma options;
    const lzma_filter filters[] = {
        {LZMA_FILTER_X86, &bcj}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_mt mt = {.threads = 1, .block_size = SIDE_BLOCK_LEN, .filters = filters};

    assert_false(lzma_lzma_preset(&options, 0));
    assert_int_equal(lzma_stream_encoder_mt(&stream, &mt), LZMA_OK);
    put_encoded(encoded, &stream, text, 0);
}

/* A block of ARM code that begins at an odd address, which no decoder takes: its header is made of
 * that of an x86 block. */
static void put_unaligned(struct pp_buffer *encoded, const struct pp_buffer *text) {
    size_t start = encoded->len;
    uint8_t *header;
    size_t len;
    uint32_t crc;

    put_filtered_blocks(encoded, text, 1);
    header = encoded->data + start + LZMA_STREAM_HEADER_SIZE;
    len = lzma_block_header_size_decode(header[0]);
    for (size_t i = 2; i < len; i++) {
        if (header[i] != LZMA_FILTER_X86)
            continue;
        header[i] = LZMA_FILTER_ARM;
        break;
    }
    crc = lzma_crc32(header, len - 4, 0);
    for (size_t i = 0; i < 4; i++)
        header[len - 4 + i] = (uint8_t)(crc >> 8 * i);
}

static void test_unaligned_side_by_side(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 2 * SIDE_BLOCK_LEN);
    put_unaligned(&encoded, &text);
    assert_fails(CODEC, &encoded, PP_ERR_UNSUPPORTED);
    reads_alike(&encoded, 0, 0);
    encoded.len = 0;
    put_threaded(&encoded, &text, 0, SIDE_BLOCK_LEN);
    put_unaligned(&encoded, &text);
    reads_alike(&encoded, 0, 0);
}

/* Blocks of one stream that tell their sizes, with dictionaries that grow. */
static void test_growing_side_by_side(void **state) {
    lzma_options_lzma options;
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_mt mt = {.threads = 1, .block_size = SIDE_BLOCK_LEN, .filters = filters};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    lzma_stream stream = LZMA_STREAM_INIT;

    (void)state;
    put_text(&text, 5 * SIDE_BLOCK_LEN);
    assert_false(lzma_lzma_preset(&options, 0));
    assert_int_equal(lzma_stream_encoder_mt(&stream, &mt), LZMA_OK);
    assert_int_equal(pp_buffer_reserve(&encoded, 2 * text.len, &(struct pp_err)PP_ERR_INIT), 0);
    stream.next_out = encoded.data;
    stream.avail_out = 2 * text.len;
    stream.next_in = text.data;
    for (int i = 1; i <= 5; i++) {
        stream.avail_in = SIDE_BLOCK_LEN;
        while (lzma_code(&stream, i < 5 ? LZMA_FULL_BARRIER : LZMA_FINISH) != LZMA_STREAM_END)
            ;
        options.dict_size <<= 1;
        if (i == 2 || i == 3)
            assert_int_equal(lzma_filters_update(&stream, filters), LZMA_OK);
    }
    encoded.len = 2 * text.len - stream.avail_out;
    lzma_end(&stream);
    assert_true(reads_alike(&encoded, 0, 0));
    assert_true(writes_alike(&encoded, NULL, true));
    assert_decodes(CODEC, &encoded, &text);
}

/* Where the second block begins. */
static size_t second_header(const struct pp_buffer *encoded) {
    const uint8_t *header = encoded->data + LZMA_STREAM_HEADER_SIZE;
    lzma_filter filters[LZMA_FILTERS_MAX + 1];
    lzma_block block = {.version = 1,
                        .header_size = lzma_block_header_size_decode(header[0]),
                        .check = LZMA_CHECK_CRC32,
                        .filters = filters};

    assert_int_equal(lzma_block_header_decode(&block, NULL, header), LZMA_OK);
    for (size_t i = 0; filters[i].id != LZMA_VLI_UNKNOWN; i++)
        free(filters[i].options);
    return LZMA_STREAM_HEADER_SIZE + (size_t)lzma_block_total_size(&block);
}

/* The text before the damage is given first; it is told in the same words. */
static void test_damaged_side_by_side(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    size_t step;

    (void)state;
    put_text(&text, 3 * SIDE_BLOCK_LEN + 100);
    put_threaded(&encoded, &text, 0, SIDE_BLOCK_LEN);
    step = encoded.len / 50;
    for (size_t len = 0; len < encoded.len; len += len < 40 || len + 80 > encoded.len ? 1 : step) {
        struct pp_buffer part = {.data = encoded.data, .len = len};

        reads_alike(&part, 0, 0);
    }
    for (size_t at = 0; at < encoded.len; at += at < 40 || at + 80 > encoded.len ? 1 : step) {
        encoded.data[at] ^= (uint8_t)(1 << at % 8);
        reads_alike(&encoded, 0, 0);
        encoded.data[at] ^= (uint8_t)(1 << at % 8);
    }
    for (size_t at = second_header(&encoded), end = at + 20; at < end; at++) {
        encoded.data[at] ^= 0x40;
        reads_alike(&encoded, 0, 0);
        encoded.data[at] ^= 0x40;
    }
    sample_append(&encoded, "trailing garbage", 16);
    assert_true(reads_alike(&encoded, 0, 0));
    /* In the only block. */
    encoded.len = 0;
    text.len = SIDE_BLOCK_LEN;
    put_threaded(&encoded, &text, 0, SIDE_BLOCK_LEN);
    encoded.data[encoded.len / 2] ^= 1;
    reads_alike(&encoded, 0, 0);
    encoded.len = 0;
    text.len = 3 * SIDE_BLOCK_LEN;
    put_filtered_blocks(&encoded, &text, 0);
    encoded.data[encoded.len / 3] ^= 1;
    reads_alike(&encoded, 0, 0);
}

static void test_damaged(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer padded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_stream(&encoded, &text, 0, LZMA_CHECK_CRC32, 400);
    check_truncated(CODEC, &encoded);
    check_flipped(CODEC, &encoded, &text);
    check_garbage(CODEC, &encoded);
    put(&padded, &encoded);
    for (int i = 1; i < 4; i++) {
        sample_append(&padded, "", 1);
        assert_fails(CODEC, &padded, PP_ERR_DAMAGED);
    }
}

/* A check that the format reserves, with a header that is otherwise right. */
static void test_unsupported(void **state) {
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;
    lzma_stream_flags flags = {.check = (lzma_check)2};
    uint8_t header[LZMA_STREAM_HEADER_SIZE];

    (void)state;
    assert_int_equal(lzma_stream_header_encode(&flags, header), LZMA_OK);
    sample_append(&encoded, header, sizeof(header));
    assert_fails(CODEC, &encoded, PP_ERR_UNSUPPORTED);
}

/* `xz -9` decodes in 65 MiB and encodes in 674 (xz(1), "-9"). */
static void test_budget(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer encoded = PP_BUFFER_INIT;

    (void)state;
    put_text(&text, 600);
    put_stream(&encoded, &text, 9, LZMA_CHECK_CRC64, 0);
    check_budget(CODEC, &encoded, (uint64_t)64 << 20, (uint64_t)670 << 20);
}

static void test_bid(void **state) {
    (void)state;
    assert_true(CODEC->bid((const uint8_t *)"\xfd"
                                            "7zXZ\0\0\0\0\0\0\0\0\0\0\0\0\0",
                           18));
    assert_false(CODEC->bid((const uint8_t *)"\xfd"
                                             "7zXZ",
                            5));
    assert_false(CODEC->bid((const uint8_t *)"7zXZ is not how it begins", 18));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_read_side_by_side),
        cmocka_unit_test(test_write_side_by_side),
        cmocka_unit_test(test_growing_side_by_side),
        cmocka_unit_test(test_damaged_side_by_side),
        cmocka_unit_test(test_unaligned_side_by_side),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_bid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
