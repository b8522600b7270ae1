/* tar, block by block: forms of numbers and checksums that today's writers do not use, and the
 * calls that the visitor gets. Real archives are in tests/cli/test_tar.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../tools/walker.h"

#include "format/tar_header.h"
#include "format/tar_pax.h"

#define OLD "/old/prefix/////"
#define NEW "/new/pre/fix////"

static const size_t steps[] = {1, 7, 509, 512, 4096, (size_t)1 << 20};

struct archive {
    struct pp_buffer data;
};

static uint8_t *add_block(struct archive *archive, const void *data, size_t len) {
    static const uint8_t zeros[512];
    struct pp_err err = PP_ERR_INIT;
    size_t at = archive->data.len;

    if (len > 0)
        assert_int_equal(pp_buffer_append(&archive->data, data, len, &err), 0);
    assert_int_equal(pp_buffer_append(&archive->data, zeros, -len & 511, &err), 0);
    return archive->data.data + at;
}

/* How a writer prints a checksum: digits, and what follows them. */
struct form {
    int width;
    bool zeros;
    char tail[4];
    size_t tail_len;
};

static const struct form usual = {6, true, "\0 ", 2};

static void seal(uint8_t *block, struct form form, bool by_sign) {
    char text[16];
    int sum = 0;
    int len;

    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += by_sign ? (int)(signed char)block[i] : (int)block[i];
    if (form.zeros)
        len = snprintf(text, sizeof(text), "%0*o", form.width, (unsigned)sum);
    else
        len = snprintf(text, sizeof(text), "%*o", form.width, (unsigned)sum);
    memset(block + 148, 0, 8);
    memcpy(block + 148, text, (size_t)len);
    memcpy(block + 148 + len, form.tail, form.tail_len);
}

static uint8_t *add_header(struct archive *archive, const char *name, char type, const char *size) {
    uint8_t block[512] = {0};

    memcpy(block, name, strlen(name));
    memcpy(block + 100, "0000644", 7);
    memcpy(block + 124, size, strlen(size));
    block[156] = (uint8_t)type;
    seal(block, usual, false);
    return add_block(archive, block, sizeof(block));
}

static void add_end(struct archive *archive) {
    uint8_t zeros[1024] = {0};

    add_block(archive, zeros, sizeof(zeros));
}

/* Rewrites the archive at all steps. The output is the same each time. */
static int rewrite(const struct archive *archive, struct pp_buffer *out, struct pp_err *err) {
    int rc = 0;

    for (size_t i = 0; i < PP_ARRAY_LEN(steps); i++) {
        PP_AUTO_BUFFER struct pp_buffer again = PP_BUFFER_INIT;
        struct walker walker = walker_of(OLD, NEW);

        rc = walker_run(&walker, &pp_container_tar, archive->data.data, archive->data.len, steps[i],
                        &again, err);
        pp_buffer_done(&walker.log);
        if (rc < 0)
            continue;
        if (i > 0) {
            assert_int_equal(again.len, out->len);
            assert_memory_equal(again.data, out->data, again.len);
        }
        out->len = 0;
        pp_buffer_append(out, again.data, again.len, err);
    }
    return rc;
}

/* What the visitor is called with, without a sink. */
static void assert_calls(const struct archive *archive, const char *calls) {
    for (size_t i = 0; i < PP_ARRAY_LEN(steps); i++) {
        struct walker walker = walker_of(NULL, NULL);
        struct pp_err err = PP_ERR_INIT;

        assert_int_equal(walker_run(&walker, &pp_container_tar, archive->data.data,
                                    archive->data.len, steps[i], NULL, &err),
                         0);
        assert_string_equal((const char *)walker.log.data, calls);
        pp_buffer_done(&walker.log);
    }
}

static void test_numbers(void **state) {
    static const struct {
        const char *was;
        uint64_t number;
        uint64_t next;
        const char *becomes; /* NULL: does not fit */
    } cases[] = {
        {"00000001750\0", 1000, 512, "00000001000\0"},
        {"00000001750 ", 1000, 0, "00000000000 "},
        {"       1750 ", 1000, 8, "         10 "},
        {"000000001750", 1000, 1001, "000000001751"},
        {"1750 \0\0\0\0\0\0\0", 1000, 4096, "10000 \0\0\0\0\0\0"},
        {"1750\0\0\0\0\0\0\0\0", 1000, 7, "0007\0\0\0\0\0\0\0\0"},
        {"\0\0\0\0\0\0\0\0\0\0\0\0", 0, 8, "00000000010\0"},
        {"            ", 0, 8, "         10 "},
        {"\0\0seven-to-3", 0, 8, "00000000010\0"},
        {"77777777777\0", 077777777777, 0100000000000, NULL},
        {"\x80\0\0\0\0\0\0\0\0\0\x03\xe8", 1000, 0x0102030405060708,
         "\x80\0\0\0\1\2\3\4\5\6\7\x08"},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        uint8_t field[12];
        uint64_t number = 99;

        memcpy(field, cases[i].was, sizeof(field));
        assert_true(pp_tar_number(field, sizeof(field), &number));
        assert_int_equal(number, cases[i].number);
        assert_int_equal(pp_tar_number_put(field, sizeof(field), cases[i].next),
                         cases[i].becomes != NULL);
        if (cases[i].becomes == NULL)
            continue;
        assert_memory_equal(field, cases[i].becomes, sizeof(field));
        assert_true(pp_tar_number(field, sizeof(field), &number));
        assert_int_equal(number, cases[i].next);
    }
}

static void test_numbers_refused(void **state) {
    static const char *const fields[] = {
        "00000000009\0",
        "abc\0\0\0\0\0\0\0\0\0",
        "-0000000001\0",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", /* negative */
        "\x80\0\0\1\0\0\0\0\0\0\0\0",                       /* 2^64 */
    };
    uint64_t number;

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(fields); i++)
        assert_false(pp_tar_number((const uint8_t *)fields[i], 12, &number));
}

static void test_checksum_keeps_its_form(void **state) {
    static const struct form forms[] = {
        {6, true, "\0 ", 2}, {6, true, " \0", 2}, {6, false, "\0 ", 2}, {7, false, "", 0},
        {7, true, "", 0},    {8, true, "", 0},    {1, false, "", 0},    {1, false, " ", 1}};

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(forms); i++)
        for (int by_sign = 0; by_sign < 2; by_sign++) {
            uint8_t was[512] = "na\xefve-name";
            uint8_t now[512];
            uint8_t want[512];

            seal(was, forms[i], by_sign);
            assert_true(pp_tar_sound(was));
            memcpy(now, was, 512);
            now[3] = 'w'; /* the sum keeps its number of digits */
            memcpy(want, now, 512);
            seal(want, forms[i], by_sign);
            pp_tar_checksum_mend(now, was);
            assert_memory_equal(now, want, 512);
            assert_true(pp_tar_sound(now));
            now[4] ^= 1;
            assert_false(pp_tar_sound(now));
        }
}

static void test_bid(void **state) {
    struct archive archive = {PP_BUFFER_INIT};
    uint8_t zeros[512] = {0};

    (void)state;
    add_header(&archive, "v7", '\0', "00000000000");
    assert_true(pp_container_tar.bid(archive.data.data, 512));
    assert_false(pp_container_tar.bid(archive.data.data, 511));
    assert_false(pp_container_tar.bid(zeros, 512));
    archive.data.data[0] = 'V';
    assert_false(pp_container_tar.bid(archive.data.data, 512));
    pp_buffer_done(&archive.data);
}

static void test_calls(void **state) {
    struct archive archive = {PP_BUFFER_INIT};
    uint8_t *block;

    (void)state;
    add_header(&archive, "file", '0', "00000001001");
    add_block(&archive, (uint8_t[513]){1}, 513);
    block = add_header(&archive, "link", '2', "00000000000");
    memcpy(block + 157, "target", 6);
    seal(block, usual, false);
    add_header(&archive, "folder/", '\0', "00000000000");
    /* The size of a folder or a hard link is not that of data. */
    add_header(&archive, "folder", '5', "00000001000");
    add_header(&archive, "hard", '1', "00000001000");
    add_header(&archive, "unknown", '~', "00000000003");
    add_block(&archive, "abc", 3);
    add_header(&archive, "contiguous", '7', "00000000003");
    add_block(&archive, "abc", 3);
    add_header(&archive, "././@LongLink", 'L', "00000000004");
    add_block(&archive, "long", 5);
    add_header(&archive, "lon", '0', "00000000000");
    assert_calls(&archive, "text 0 644 0 file\n"
                           "content 0 644 513 file\n"
                           "text 1 644 1536 link\n"
                           "text 1 644 1693 link\n"
                           "text 2 644 2048 folder/\n"
                           "text 2 644 2560 folder\n"
                           "text 2 644 3072 hard\n"
                           "text 2 644 3584 unknown\n"
                           "text 0 644 4608 contiguous\n"
                           "content 0 644 3 contiguous\n"
                           "text 0 644 5632 long\n"
                           "text 0 644 6144 long\n"
                           "text 0 644 6656 long\n"
                           "content 0 644 0 long\n");
    pp_buffer_done(&archive.data);
}

static void test_base256_is_resized_in_kind(void **state) {
    struct archive archive = {PP_BUFFER_INIT};
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    uint8_t *block = add_header(&archive, "a.grow", '0', "");

    (void)state;
    memcpy(block + 124, "\x80\0\0\0\0\0\0\0\0\0\0\x05", 12);
    seal(block, (struct form){7, false, "", 0}, false);
    add_block(&archive, "hello", 5);
    add_header(&archive, "last", '0', "00000000020");
    add_block(&archive, OLD, 16);
    add_end(&archive);
    assert_int_equal(rewrite(&archive, &out, &err), 0);
    assert_int_equal(out.len, archive.data.len + 512);
    assert_memory_equal(out.data + 124, "\x80\0\0\0\0\0\0\0\0\0\x03\xed", 12);
    assert_true(pp_tar_sound(out.data));
    assert_memory_equal(out.data + 512, "hello+++", 8);
    assert_memory_equal(out.data + 512 + 1024, archive.data.data + 1024, 512);
    assert_memory_equal(out.data + 2048, NEW, 16);
    pp_buffer_done(&archive.data);
}

/* star: times behind a shorter prefix. */
static void test_xstar_prefix(void **state) {
    struct archive archive = {PP_BUFFER_INIT};
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    uint8_t *block = add_header(&archive, "fix/////x", '0', "00000000000");

    (void)state;
    memcpy(block + 257, "ustar\00000", 8);
    memcpy(block + 345, "d/old/pre", 9);
    memcpy(block + 476, "00000000001 00000000002 ", 24);
    memcpy(block + 508, "tar", 4);
    seal(block, usual, false);
    assert_calls(&archive, "text 0 644 345 d/old/pre/fix/////x\n"
                           "content 0 644 0 d/old/pre/fix/////x\n");
    assert_int_equal(rewrite(&archive, &out, &err), 0);
    assert_memory_equal(out.data, archive.data.data, 512);
    pp_buffer_done(&archive.data);
}

/* The placeholder lies over the slash that parts a name, which goes elsewhere. */
static void test_name_is_parted_elsewhere(void **state) {
    struct archive archive = {PP_BUFFER_INIT};
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    uint8_t name[PP_TAR_FULL_NAME_LEN];
    uint8_t *block = add_header(&archive, "prefix/////file", '0', "00000000000");
    size_t at;

    (void)state;
    memcpy(block + 257, "ustar\00000", 8);
    memcpy(block + 345, "d/old", 5);
    seal(block, usual, false);
    assert_int_equal(rewrite(&archive, &out, &err), 0);
    assert_true(pp_tar_sound(out.data));
    assert_int_equal(pp_tar_name(out.data, name, &at), 21);
    assert_memory_equal(name, "d" NEW "file", 21);
    pp_buffer_done(&archive.data);
}

static void test_name_cannot_be_parted(void **state) {
    uint8_t block[512] = {0};
    uint8_t name[PP_TAR_FULL_NAME_LEN];
    size_t at;

    (void)state;
    memcpy(block + 257, "ustar\00000", 8);
    memset(block + 345, 'p', 100);
    memset(block, 'n', 100);
    assert_int_equal(pp_tar_name(block, name, &at), 201);
    assert_true(pp_tar_name_put(block, name, 201));
    name[100] = 'x';
    assert_false(pp_tar_name_put(block, name, 201));
    name[99] = '/'; /* the name part would have 101 bytes */
    assert_false(pp_tar_name_put(block, name, 201));
    name[101] = '/';
    assert_true(pp_tar_name_put(block, name, 201));
}

static void assert_fails(const struct archive *archive, enum pp_err_kind kind) {
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(rewrite(archive, &out, &err), -(int)kind);
    assert_int_equal(err.kind, kind);
}

static void test_unsound(void **state) {
    static const struct {
        char type;
        const char *size;
        const char *data;
        enum pp_err_kind kind;
    } cases[] = {
        {'0', "00000000009", "", PP_ERR_DAMAGED},
        {'0', "90000000000", "", PP_ERR_DAMAGED},
        {'L', "00000000004", "name", PP_ERR_DAMAGED}, /* and no member */
        {'L', "77777777777", "", PP_ERR_LIMIT},
        {'x', "00000000010", "9 path=x\n", PP_ERR_DAMAGED},
        {'x', "00000000011", "9 path=xx", PP_ERR_DAMAGED},
        {'x', "00000000011", "9 pathxx\n", PP_ERR_DAMAGED},
        {'x', "00000000011", "0 path=x\n", PP_ERR_DAMAGED},
        {'x', "00000000011", "x path=x\n", PP_ERR_DAMAGED},
        {'x', "00000000011", "9 size=x\n", PP_ERR_DAMAGED},
        {'g', "00000000011", "9 size=1\n", PP_ERR_UNSUPPORTED},
        {'S', "00000000000", "", PP_ERR_UNSUPPORTED}, /* not GNU's */
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        struct archive archive = {PP_BUFFER_INIT};

        add_header(&archive, "name", cases[i].type, cases[i].size);
        add_block(&archive, cases[i].data, strlen(cases[i].data));
        add_end(&archive);
        assert_fails(&archive, cases[i].kind);
        pp_buffer_done(&archive.data);
    }
}

static void test_zeros_alone(void **state) {
    struct archive archive = {PP_BUFFER_INIT};

    (void)state;
    add_end(&archive);
    assert_fails(&archive, PP_ERR_DAMAGED);
    pp_buffer_done(&archive.data);
}

static void add_pax(struct archive *archive, const char *records) {
    char size[12];

    snprintf(size, sizeof(size), "%011o", (unsigned)strlen(records));
    add_header(archive, "pax", 'x', size);
    add_block(archive, records, strlen(records));
}

static void test_sparse_maps_unsound(void **state) {
    static const char *const maps[] = {"",   "1\n0\n",     "1\n0\nx\n", "99999999999999999999\n",
                                       "\n", "400\n0\n5\n"};

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(maps); i++) {
        struct archive archive = {PP_BUFFER_INIT};

        add_pax(&archive, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n");
        add_header(&archive, "sparse", '0', "00000001005");
        add_block(&archive, maps[i], strlen(maps[i]));
        add_block(&archive, "hello", 5);
        add_block(&archive, "", 0);
        add_end(&archive);
        assert_fails(&archive, PP_ERR_DAMAGED);
        pp_buffer_done(&archive.data);
    }
}

/* A record that gives the field back, and one that is not the last. */
static void test_pax_size_that_counts(void **state) {
    struct archive archive = {PP_BUFFER_INIT};
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    add_pax(&archive, "9 size=7\n8 size=\n");
    add_header(&archive, "a.grow", '0', "00000000005");
    add_block(&archive, "hello", 5);
    add_pax(&archive, "9 size=7\n9 size=3\n17 comment=stays\n");
    add_header(&archive, "b.grow", '0', "00000000000");
    add_block(&archive, "abc", 3);
    assert_int_equal(rewrite(&archive, &out, &err), 0);
    assert_memory_equal(out.data + 1024 + 124, "00000001755\0", 12);
    assert_memory_equal(out.data + 512, archive.data.data + 512, 512);
    assert_memory_equal(out.data + 2560 + 512, "9 size=7\n13 size=1003\n17 comment=stays\n", 40);
    assert_memory_equal(out.data + 2560 + 124, "00000000047\0", 12);
    assert_memory_equal(out.data + 3584 + 124, "00000000000\0", 12);
    pp_buffer_done(&archive.data);
}

static void test_pax_size_is_printed(void **state) {
    char text[PP_PAX_SIZE_MAX];

    (void)state;
    assert_int_equal(pp_pax_size_print(text, 1), 9);
    assert_string_equal(text, "9 size=1\n");
    assert_int_equal(pp_pax_size_print(text, 12), 11);
    assert_string_equal(text, "11 size=12\n");
    assert_int_equal(pp_pax_size_print(text, UINT64_MAX), 29);
    assert_string_equal(text, "29 size=18446744073709551615\n");
}

/* A visitor that breaks its word. */
static int short_content(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                         struct pp_sink *out, struct pp_err *err) {
    (void)visitor;
    (void)member;
    (void)in;
    return out == NULL ? 0 : pp_sink_write(out, "few", 3, err);
}

static void test_content_that_is_not_read(void **state) {
    struct archive archive = {PP_BUFFER_INIT};
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct walker walker = walker_of(NULL, NULL);
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    walker.visitor.content = short_content;
    add_header(&archive, "a", '0', "00000001000");
    add_block(&archive, (uint8_t[512]){1}, 512);
    add_header(&archive, "b.grow", '0', "00000001000");
    add_block(&archive, (uint8_t[512]){1}, 512);
    /* What is left is skipped, but a length that has to stay must stay. */
    assert_int_equal(
        walker_run(&walker, &pp_container_tar, archive.data.data, 2048, 100, NULL, &err), 0);
    assert_int_equal(
        walker_run(&walker, &pp_container_tar, archive.data.data, 1024, 100, &out, &err),
        -PP_ERR_UNSUPPORTED);
    out.len = 0;
    assert_int_equal(
        walker_run(&walker, &pp_container_tar, archive.data.data + 1024, 1024, 100, &out, &err), 0);
    assert_int_equal(out.len, 1024);
    assert_memory_equal(out.data + 512, "few\0", 4);
    pp_buffer_done(&walker.log);
    pp_buffer_done(&archive.data);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_refused),
        cmocka_unit_test(test_checksum_keeps_its_form),
        cmocka_unit_test(test_bid),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_base256_is_resized_in_kind),
        cmocka_unit_test(test_xstar_prefix),
        cmocka_unit_test(test_name_is_parted_elsewhere),
        cmocka_unit_test(test_name_cannot_be_parted),
        cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_zeros_alone),
        cmocka_unit_test(test_sparse_maps_unsound),
        cmocka_unit_test(test_pax_size_that_counts),
        cmocka_unit_test(test_pax_size_is_printed),
        cmocka_unit_test(test_content_that_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
