#include "content/kind.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct pp_kind kind_of(const char *head, size_t len) {
    uint8_t data[PP_KIND_HEAD_LEN] = {0};

    memcpy(data, head, len);
    return pp_kind_of(data, len);
}

#define KIND(text) kind_of(text, sizeof(text) - 1)

static void check_plain(const char *head, size_t len) {
    struct pp_kind kind = kind_of(head, len);

    assert_null(kind.codec);
    assert_null(kind.container);
    assert_null(kind.left);
}

static void test_codecs(void **state) {
    (void)state;
    assert_ptr_equal(KIND("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0").codec,
                     &pp_codec_gzip);
    assert_ptr_equal(KIND("BZh91AY&SY\0\0\0\0\0\0\0\0").codec, &pp_codec_bzip2);
    assert_ptr_equal(KIND("\xfd"
                          "7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0!\x01\x16\0\0\0")
                         .codec,
                     &pp_codec_xz);
    assert_ptr_equal(KIND("\x28\xb5\x2f\xfd\x24\x01\x09\0\0x\0\0\0\0\0\0\0\0").codec,
                     &pp_codec_zstd);
    assert_ptr_equal(KIND("\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0\x3c\0\0\0\0\0").codec,
                     &pp_codec_lzma);
}

static void test_containers(void **state) {
    char tar[512] = {0};
    unsigned sum = 0;

    (void)state;
    memcpy(tar, "name", 4);
    memcpy(tar + 100, "0000644", 7);
    memcpy(tar + 124, "00000000000", 11);
    memset(tar + 148, ' ', 8);
    memcpy(tar + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(tar); i++)
        sum += (unsigned char)tar[i];
    for (int i = 0; i < 6; i++)
        tar[153 - i] = (char)('0' + (sum >> (3 * i) & 7));
    tar[154] = '\0';
    assert_ptr_equal(kind_of(tar, sizeof(tar)).container, &pp_container_tar);
    assert_ptr_equal(KIND("!<arch>\ndebian-binary   0           0     ").container,
                     &pp_container_ar);
    assert_ptr_equal(
        KIND("PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").container,
        &pp_container_zip);
    assert_ptr_equal(
        KIND("\xde\x12\x04\x95\0\0\0\0\0\0\0\0\x1c\0\0\0\x1c\0\0\0\0\0\0\0\x1c\0\0\0").container,
        &pp_container_mo);
}

static void test_formats_that_are_left(void **state) {
    static const struct {
        const char *head;
        size_t len;
        bool opaque;
    } left[] = {
#define LEFT(text, opaque) {text, sizeof(text) - 1, opaque}
        LEFT("SQLite format 3\0\x10\0\x01\x01", false),
        LEFT("\x04\x22\x4d\x18\x64\x40\xa7", true),
        LEFT("\x1f\x9d\x90", true),
        LEFT("LZIP\x01", true),
        LEFT("7z\xbc\xaf\x27\x1c\0\x04", true),
        LEFT("hsqs\x01", true),
        LEFT("%PDF-1.7\n", false),
        LEFT("FOR1\0\0\0\x08"
             "BEAM",
             false),
        LEFT("GVariant\0\0", false),
        LEFT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", false),
#undef LEFT
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(left); i++) {
        struct pp_kind kind = kind_of(left[i].head, left[i].len);

        assert_non_null(kind.left);
        assert_int_equal(kind.opaque, left[i].opaque);
        assert_null(kind.codec);
        assert_null(kind.container);
        /* One byte short it is none. */
        check_plain(left[i].head, 1);
    }
}

static void test_plain(void **state) {
    (void)state;
    check_plain("", 0);
    check_plain("\x1f", 1);
    check_plain("path = /usr\n", 12);
    check_plain("FORTRAN", 7);
    check_plain("#!/bin/sh\n", 10);
}

#define EXECUTABLE(text, mode, policy)                                                             \
    pp_kind_executable((const uint8_t *)(text), sizeof(text) - 1, mode, policy)

static void test_executables(void **state) {
    (void)state;
    assert_non_null(EXECUTABLE("\x7f"
                               "ELF\x02",
                               0644, PP_EXECUTABLES_SKIP));
    assert_non_null(EXECUTABLE("#!/bin/sh\n", 0644, PP_EXECUTABLES_SKIP));
    for (unsigned bit = 0100; bit > 0; bit >>= 3)
        assert_non_null(EXECUTABLE("text", 0644 | bit, PP_EXECUTABLES_SKIP));
    assert_non_null(EXECUTABLE("", 0755, PP_EXECUTABLES_SKIP));
    assert_null(EXECUTABLE("text", 06644, PP_EXECUTABLES_SKIP));
    assert_null(EXECUTABLE("#", 0644, PP_EXECUTABLES_SKIP));
    assert_null(EXECUTABLE(" #!/bin/sh", 0644, PP_EXECUTABLES_SKIP));
    assert_null(EXECUTABLE("\x7f"
                           "EL",
                           0644, PP_EXECUTABLES_SKIP));
}

static void test_policies(void **state) {
    (void)state;
    assert_null(EXECUTABLE("#!/bin/sh\n", 0755, PP_EXECUTABLES_SCRIPTS));
    assert_non_null(EXECUTABLE("\x7f"
                               "ELF",
                               0644, PP_EXECUTABLES_SCRIPTS));
    assert_null(EXECUTABLE("\x7f"
                           "ELF",
                           0755, PP_EXECUTABLES_ALL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codecs),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_formats_that_are_left),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_executables),
        cmocka_unit_test(test_policies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
