/* What compressed files tell of their length, beside what was compressed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bootstrap/bootstrap_coded.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define TEXT_LEN ((size_t)300000)
#define ROOM (2 * TEXT_LEN)

struct bench {
    uint8_t text[TEXT_LEN];
    uint8_t coded[ROOM];
};

static int bench_setup(void **state) {
    struct bench *bench = malloc(sizeof(*bench));

    for (size_t i = 0; bench != NULL && i < TEXT_LEN; i++)
        bench->text[i] = (uint8_t)(i * i >> 7);
    *state = bench;
    return bench == NULL;
}

static int bench_teardown(void **state) {
    free(*state);
    return 0;
}

static uint64_t len_of(const struct bench *bench, size_t coded_len) {
    struct pp_blob blob = pp_blob_memory(bench->coded, coded_len);
    struct pp_err err = PP_ERR_INIT;
    uint64_t len = 1;

    assert_int_equal(pp_bootstrap_coded_len(&blob, &len, &err), 0);
    return len;
}

/* A stream of many blocks. */
static size_t put_xz(struct bench *bench, size_t at) {
    lzma_stream stream = LZMA_STREAM_INIT;

    assert_int_equal(lzma_easy_encoder(&stream, 1, LZMA_CHECK_CRC32), LZMA_OK);
    stream.next_out = bench->coded + at;
    stream.avail_out = ROOM - at;
    stream.next_in = bench->text;
    for (size_t done = 0; done < TEXT_LEN; done += TEXT_LEN / 10) {
        stream.avail_in = TEXT_LEN / 10;
        assert_int_equal(lzma_code(&stream, LZMA_FULL_FLUSH), LZMA_STREAM_END);
    }
    assert_int_equal(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
    lzma_end(&stream);
    return ROOM - stream.avail_out;
}

static void test_xz(void **state) {
    struct bench *bench = *state;
    size_t len = put_xz(bench, 0);

    assert_int_equal(len_of(bench, len), TEXT_LEN);
    /* Stream padding, and a second stream. */
    memset(bench->coded + len, 0, 8);
    len = put_xz(bench, len + 8);
    assert_int_equal(len_of(bench, len), 2 * TEXT_LEN);
    for (size_t cut = 1; cut < len; cut = cut * 3 / 2 + 1)
        assert_true(len_of(bench, len - cut) <= TEXT_LEN);
    bench->coded[len - 20] ^= 1;
    assert_int_equal(len_of(bench, len), 0);
}

static void test_zstd(void **state) {
    struct bench *bench = *state;
    size_t len = ZSTD_compress(bench->coded, ROOM, bench->text, TEXT_LEN, 1);

    assert_false(ZSTD_isError(len));
    assert_int_equal(len_of(bench, len), TEXT_LEN);
    assert_int_equal(len_of(bench, 17), 0);
}

static void test_gzip(void **state) {
    struct bench *bench = *state;
    z_stream stream = {.next_in = bench->text, .avail_in = TEXT_LEN};

    assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_out = bench->coded;
    stream.avail_out = ROOM;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(len_of(bench, stream.total_out), TEXT_LEN);
    deflateEnd(&stream);
}

static void test_others_tell_nothing(void **state) {
    struct bench *bench = *state;

    memcpy(bench->coded, "BZh91AY&SY and so on, and so on", 31);
    assert_int_equal(len_of(bench, 31), 0);
    assert_int_equal(len_of(bench, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_xz, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_zstd, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_gzip, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_others_tell_nothing, bench_setup, bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
