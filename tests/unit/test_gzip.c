/* The gzip codec. Oracle: zlib, which makes and reads the members; headers are put together here,
 * by RFC 1952. */
#include "../tools/deflate_streams.h"

#include "base/bytes.h"

/* Making and reading members. */

enum { FTEXT = 1, FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16 };

static const char plain_header[] = "\x1f\x8b\x08\0\0\0\0\0\x02\x03";
#define PLAIN_HEADER_LEN 10
#define TRAILER_LEN 8

/* The header alone. `extra` is a whole extra field's data. */
static void append_header(struct pp_buffer *file, unsigned flags, const void *extra,
                          size_t extra_len) {
    size_t start = file->len;
    uint8_t number[2];

    sample_append(file, "\x1f\x8b\x08", 3);
    sample_fill(file, (char)flags, 1);
    sample_append(file, "\x12\x34\x56\x78\x02\x07", 6);
    if ((flags & FEXTRA) != 0) {
        pp_le16_put(number, (uint16_t)extra_len);
        sample_append(file, number, 2);
        sample_append(file, extra, extra_len);
    }
    if ((flags & FNAME) != 0)
        sample_append(file, "na\xefve.txt", 9 + 1);
    if ((flags & FCOMMENT) != 0)
        sample_append(file, "no\ncomment", 10 + 1);
    if ((flags & FHCRC) != 0) {
        pp_le16_put(number, (uint16_t)crc32(0, file->data + start, (uInt)(file->len - start)));
        sample_append(file, number, 2);
    }
}

/* Deflated text and the trailer. */
static void append_body(struct pp_buffer *file, const void *text, size_t len) {
    z_stream z = {.next_in = (z_const Bytef *)text, .avail_in = (uInt)len};
    uint8_t trailer[TRAILER_LEN];

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY),
                     Z_OK);
    assert_int_equal(pp_buffer_reserve(file, 2 * len + 1000, &err), 0);
    z.next_out = file->data + file->len;
    z.avail_out = (uInt)(2 * len + 1000);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    file->len += z.total_out;
    deflateEnd(&z);
    pp_le32_put(trailer, (uint32_t)crc32(0, text, (uInt)len));
    pp_le32_put(trailer + 4, (uint32_t)len);
    sample_append(file, trailer, sizeof(trailer));
}

static void append_member(struct pp_buffer *file, const void *text, size_t len) {
    sample_append(file, plain_header, PLAIN_HEADER_LEN);
    append_body(file, text, len);
}

/* Decodes one member at `at`, appends its text and gives where it ends. zlib checks everything. */
static size_t decode_member(const struct pp_buffer *file, size_t at, struct pp_buffer *text) {
    z_stream z = {.next_in = file->data + at, .avail_in = (uInt)(file->len - at)};
    int rc;

    assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    do {
        assert_int_equal(pp_buffer_reserve(text, 65536, &err), 0);
        z.next_out = text->data + text->len;
        z.avail_out = 65536;
        rc = inflate(&z, Z_NO_FLUSH);
        text->len += 65536 - z.avail_out;
    } while (rc == Z_OK);
    assert_int_equal(rc, Z_STREAM_END);
    at = file->len - z.avail_in;
    inflateEnd(&z);
    return at;
}

/* Does it fail in this way, whether it is to be written or only read? */
static void assert_fails(const struct pp_buffer *file, enum pp_err_kind kind, const char *words) {
    for (int decode_only = 0; decode_only < 2; decode_only++) {
        struct recode_run run = recode_run_whole(&pp_codec_gzip);

        run.decode_only = decode_only != 0;
        assert_int_equal(recode_run(&run, file->data, file->len, &err), -(int)kind);
        assert_non_null(strstr(err.text, words));
        recode_run_done(&run);
    }
}

/* Tests */

static void test_headers_are_kept(void **state) {
    static const char extra[] = "ab\x03\0xyzcd\0\0";
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;

    (void)state;
    sample_words(&text, 5000, 20, 3);
    sample_append(&patched, text.data, text.len);
    assert_true(sample_patch(&patched) > 0);
    for (unsigned flags = 0; flags < 32; flags++) {
        PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer decoded = PP_BUFFER_INIT;
        struct recode_run run = recode_run_whole(&pp_codec_gzip);
        size_t header_len;

        append_header(&file, flags, extra, sizeof(extra) - 1);
        header_len = file.len;
        append_body(&file, text.data, text.len);
        run_well(&run, &file);
        assert_same(&run.out, &file);
        run.patched = &patched;
        run_well(&run, &file);
        assert_same(&run.was, &text);
        assert_memory_equal(run.out.data, file.data, header_len);
        assert_int_equal(decode_member(&run.out, 0, &decoded), run.out.len);
        assert_same(&decoded, &patched);
        recode_run_done(&run);
    }
}

/* Members of many lengths, empty ones and zero bytes at the end. */
static void make_members(struct pp_buffer *text, struct pp_buffer *file, size_t *ends,
                         size_t count) {
    sample_words(text, 40000, 25, 9);
    for (size_t i = 0; i < count; i++) {
        size_t start = i > 0 ? ends[i - 1] : 0;

        ends[i] = i + 1 < count ? start + i * i * 30 : text->len;
        append_member(file, text->data + start, ends[i] - start);
    }
    append_member(file, "", 0);
    sample_fill(file, 0, 10000);
}

static void check_members(const struct pp_buffer *file, const struct pp_buffer *text,
                          const size_t *ends, size_t count) {
    PP_AUTO_BUFFER struct pp_buffer decoded = PP_BUFFER_INIT;
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        at = decode_member(file, at, &decoded);
        assert_int_equal(decoded.len, ends[i]);
    }
    at = decode_member(file, at, &decoded);
    assert_same(&decoded, text);
    assert_int_equal(file->len - at, 10000);
    for (; at < file->len; at++)
        assert_int_equal(file->data[at], 0);
}

static void test_members_at_any_cut(void **state) {
    static const size_t lens[] = {1, SAMPLE_PLACEHOLDER_LEN - 1, SAMPLE_PLACEHOLDER_LEN, 65536};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer first = PP_BUFFER_INIT;
    size_t ends[12];

    (void)state;
    make_members(&text, &file, ends, PP_ARRAY_LEN(ends));
    check_members(&file, &text, ends, PP_ARRAY_LEN(ends));
    for (size_t i = 0; i < PP_ARRAY_LEN(lens); i++) {
        for (size_t k = 0; k < PP_ARRAY_LEN(lens); k++) {
            PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
            struct recode_run run = {.codec = &pp_codec_gzip,
                                     .source_len = lens[(i + k) % PP_ARRAY_LEN(lens)],
                                     .read_len = lens[i],
                                     .write_len = lens[k],
                                     .lag = k % 2 == 0 ? SAMPLE_PLACEHOLDER_LEN - 1 : 3000,
                                     .len_kept = true};

            run_well(&run, &file);
            assert_same(&run.was, &text);
            assert_same(&run.out, &file);
            sample_append(&patched, text.data, text.len);
            assert_true(sample_patch(&patched) > 0);
            run.patched = &patched;
            run_well(&run, &file);
            check_members(&run.out, &patched, ends, PP_ARRAY_LEN(ends));
            if (first.len == 0)
                sample_append(&first, run.out.data, run.out.len);
            assert_same(&run.out, &first);
            run.decode_only = true;
            run_well(&run, &file);
            assert_same(&run.was, &text);
            recode_run_done(&run);
        }
    }
}

static void test_every_truncation(void **state) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    size_t first_len;
    size_t whole_len;

    (void)state;
    sample_words(&text, 700, 5, 13);
    append_header(&file, FHCRC | FEXTRA | FNAME | FCOMMENT, "zz\x02\0__", 6);
    append_body(&file, text.data, text.len);
    first_len = file.len;
    append_member(&file, text.data, text.len);
    whole_len = file.len;
    for (file.len = 0; file.len < whole_len; file.len++) {
        if (file.len == first_len + 1) /* half a magic number */
            assert_fails(&file, PP_ERR_DAMAGED, "trailing garbage");
        else if (file.len != first_len)
            assert_fails(&file, PP_ERR_DAMAGED, "truncated");
    }
}

static void check_tail(const void *tail, size_t tail_len, enum pp_err_kind kind,
                       const char *words) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;

    append_member(&file, "some text", 9);
    sample_append(&file, tail, tail_len);
    assert_fails(&file, kind, words);
}

static void test_what_follows(void **state) {
    PP_AUTO_BUFFER struct pp_buffer zeros_member = PP_BUFFER_INIT;

    (void)state;
    check_tail("x", 1, PP_ERR_DAMAGED, "trailing garbage");
    check_tail("\0\0\0x", 4, PP_ERR_DAMAGED, "trailing garbage");
    check_tail("\x1f\x8b\x07\0\0\0\0\0\0\0", 10, PP_ERR_UNSUPPORTED, "method 7");
    sample_fill(&zeros_member, 0, 1); /* tools do not agree on what this is */
    append_member(&zeros_member, "some text", 9);
    check_tail(zeros_member.data, zeros_member.len, PP_ERR_DAMAGED, "trailing garbage");
}

static void check_changed_byte(size_t from_end, const char *words) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;

    append_member(&file, "some text", 9);
    file.data[file.len - from_end] ^= 0x40;
    assert_fails(&file, PP_ERR_DAMAGED, words);
}

static void test_checks(void **state) {
    (void)state;
    for (size_t i = 1; i <= 4; i++) {
        check_changed_byte(i, "incorrect length check");
        check_changed_byte(4 + i, "incorrect data check");
    }
}

static void test_bad_headers(void **state) {
    static const uint8_t reserved[] = {0x20, 0x40, 0x80};
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;

    (void)state;
    append_header(&file, FHCRC | FNAME, NULL, 0);
    append_body(&file, "some text", 9);
    file.data[5] ^= 1;
    assert_fails(&file, PP_ERR_DAMAGED, "header crc mismatch");

    file.len = 0;
    append_member(&file, "some text", 9);
    for (size_t i = 0; i < sizeof(reserved); i++) {
        file.data[3] = reserved[i];
        assert_fails(&file, PP_ERR_UNSUPPORTED, "unknown header flags set");
    }
    file.data[3] = 0;
    file.data[2] = 7;
    assert_fails(&file, PP_ERR_UNSUPPORTED, "unknown compression method 7");
    file.data[1] = 0x8c;
    assert_fails(&file, PP_ERR_DAMAGED, "not in gzip format");
}

static void test_endless_name(void **state) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;

    (void)state;
    sample_append(&file, "\x1f\x8b\x08\x08\0\0\0\0\0\0", 10);
    sample_fill(&file, 'n', 1 << 20);
    assert_fails(&file, PP_ERR_LIMIT, "header");
}

static void check_extra(const void *extra, size_t extra_len, const char *words) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_gzip);
    int rc;

    append_header(&file, FEXTRA, extra, extra_len);
    append_body(&file, "some text", 9);
    rc = recode_run(&run, file.data, file.len, &err);
    if (words != NULL) {
        assert_int_equal(rc, -PP_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.text, words));
    } else {
        assert_int_equal(rc, 0);
        assert_same(&run.out, &file);
    }
    run.decode_only = true;
    run_well(&run, &file);
    assert_int_equal(run.was.len, 9);
    recode_run_done(&run);
}

static void test_extra_fields(void **state) {
    (void)state;
    check_extra("RA\x06\0\x01\0\x10\0\0\0", 10, "dictzip");
    check_extra("BC\x02\0\x1b\0", 6, "BGZF");
    check_extra("xx\x01\0-BC\x02\0\x1b\0", 11, "BGZF");
    check_extra("", 0, NULL);
    check_extra("xx\x02\0BC", 6, NULL); /* inside another field */
    check_extra("xx\xff\xff-", 5, NULL);
    check_extra("BC", 2, NULL);
}

static void test_afresh(void **state) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer decoded = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_gzip);
    size_t header_len;

    (void)state;
    sample_words(&text, 50000, 25, 9);
    append_header(&file, FNAME | FHCRC, NULL, 0);
    header_len = file.len;
    append_body(&file, text.data, text.len);
    sample_append(&file, "\0\0\0", 3);
    sample_append(&text, "longer", 6);
    run.len_kept = false;
    run.patched = &text;
    run_well(&run, &file);
    assert_memory_equal(run.out.data, file.data, header_len);
    assert_int_equal(decode_member(&run.out, 0, &decoded), run.out.len - 3);
    assert_same(&decoded, &text);
    recode_run_done(&run);
}

/* XFL tells the level: 4 is the fastest, 2 the best. */
static size_t afresh_len(uint8_t xfl) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_gzip);
    size_t len;

    sample_words(&text, 200000, 25, 9);
    append_member(&file, text.data, text.len);
    file.data[8] = xfl;
    run.len_kept = false;
    run_well(&run, &file);
    len = run.out.len;
    recode_run_done(&run);
    return len;
}

static void test_level(void **state) {
    (void)state;
    assert_true(afresh_len(2) < afresh_len(0));
    assert_true(afresh_len(0) < afresh_len(4));
}

/* Members keep the length of their text, but for the last that has any. At any cut. */
static void test_members_whose_length_changes(void **state) {
    static const struct {
        const char *patched;
        const char *members[3];
    } cases[] = {
        {"onetwothree", {"one", "two", "three"}},
        {"onetwothree and more", {"one", "two", "three and more"}},
        {"onetwo", {"one", "two", ""}},
        {"onet", {"one", "t", ""}},
        {"", {"", "", ""}},
    };
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;

    (void)state;
    append_member(&file, "one", 3);
    append_member(&file, "two", 3);
    append_member(&file, "three", 5);
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++)
        for (size_t cut = 1; cut < 9; cut++) {
            PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
            struct recode_run run = recode_run_whole(&pp_codec_gzip);
            size_t at = 0;

            sample_append(&patched, cases[i].patched, strlen(cases[i].patched));
            run.len_kept = false;
            run.patched = &patched;
            run.read_len = cut;
            run.write_len = 1 + cut % 3;
            run.ahead = cut % 5;
            run_well(&run, &file);
            for (size_t k = 0; k < 3; k++) {
                PP_AUTO_BUFFER struct pp_buffer decoded = PP_BUFFER_INIT;

                at = decode_member(&run.out, at, &decoded);
                assert_int_equal(decoded.len, strlen(cases[i].members[k]));
                assert_memory_equal(decoded.data, cases[i].members[k], decoded.len);
            }
            assert_int_equal(at, run.out.len);
            recode_run_done(&run);
        }
}

/* A member whose text comes behind blocks that have none, as after a flush of nothing. */
static void append_late_member(struct pp_buffer *file, size_t block_count, const char *text) {
    sample_append(file, plain_header, PLAIN_HEADER_LEN);
    for (size_t i = 0; i < block_count; i++)
        sample_append(file, "\0\0\0\xff\xff", 5);
    append_body(file, text, strlen(text));
}

static int run_late_members(const struct pp_buffer *file, size_t read_len, size_t lag) {
    struct recode_run run = recode_run_whole(&pp_codec_gzip);
    int rc;

    run.read_len = read_len;
    run.lag = lag;
    rc = recode_run(&run, file->data, file->len, &err);
    if (rc == 0)
        assert_same(&run.out, file);
    recode_run_done(&run);
    return rc;
}

/* Such blocks are written when they are read: not before what stands in front of them. */
static void test_blocks_without_text_first(void **state) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;

    (void)state;
    append_late_member(&file, 1, "one");
    append_late_member(&file, 3, "two");
    append_late_member(&file, 2, "");
    append_late_member(&file, 1, "three");
    for (size_t read_len = 1; read_len < 12; read_len++)
        for (size_t lag = 0; lag < 12; lag++)
            assert_int_equal(run_late_members(&file, read_len, lag), 0);
    file.len = 0;
    append_member(&file, "one", 3);
    append_late_member(&file, 100000, "two");
    assert_int_equal(run_late_members(&file, 10, 0), 0);
    assert_int_equal(run_late_members(&file, 10, 1), -PP_ERR_LIMIT);
}

/* Members take memory until they are written. */
static void test_members_without_text(void **state) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;

    (void)state;
    append_member(&file, "one", 3);
    for (int i = 0; i < 5000; i++)
        append_member(&file, "", 0);
    append_member(&file, "two", 3);
    assert_int_equal(run_late_members(&file, 10, 0), 0);
    assert_int_equal(run_late_members(&file, 10, 1), -PP_ERR_LIMIT);
}

static void test_bid(void **state) {
    (void)state;
    assert_true(pp_codec_gzip.bid((const uint8_t *)plain_header, 10));
    assert_false(pp_codec_gzip.bid((const uint8_t *)plain_header, 2));
    assert_false(pp_codec_gzip.bid((const uint8_t *)"\x1f\x8b\x07", 3));
    assert_false(pp_codec_gzip.bid((const uint8_t *)"", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_are_kept),
        cmocka_unit_test(test_members_at_any_cut),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_endless_name),
        cmocka_unit_test(test_extra_fields),
        cmocka_unit_test(test_afresh),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_members_whose_length_changes),
        cmocka_unit_test(test_blocks_without_text_first),
        cmocka_unit_test(test_members_without_text),
        cmocka_unit_test(test_bid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
