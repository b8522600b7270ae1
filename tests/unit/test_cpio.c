/* cpio: the visitor's calls, sizes and padding. Real archives are in tests/cli/test_cpio.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../tools/walker.h"

#define OLD "/old/prefix/////"
#define NEW "/new/pre/fix////"

static const size_t steps[] = {1, 7, 113, (size_t)1 << 20};

/* One member. `mode` has the type in it. */
static void add(struct pp_buffer *archive, const char *name, unsigned mode, const char *content) {
    static const uint8_t zeros[4];
    struct pp_err err = PP_ERR_INIT;
    size_t len = strlen(content);

    assert_int_equal(pp_buffer_printf(archive, &err,
                                      "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
                                      0xabc, mode, 0, 0, 1, 0, (unsigned)len, 0, 0, 0, 0,
                                      (unsigned)strlen(name) + 1, 0),
                     0);
    pp_buffer_append(archive, name, strlen(name) + 1, &err);
    pp_buffer_append(archive, zeros, -archive->len & 3, &err);
    pp_buffer_append(archive, content, len, &err);
    pp_buffer_append(archive, zeros, -archive->len & 3, &err);
}

static int rewrite(const struct pp_buffer *archive, struct pp_buffer *out, size_t step) {
    struct walker walker = walker_of(OLD, NEW);
    struct pp_err err = PP_ERR_INIT;
    int rc = walker_run(&walker, &pp_container_cpio, archive->data, archive->len, step, out, &err);

    pp_buffer_done(&walker.log);
    return rc;
}

static void assert_rewritten(const struct pp_buffer *archive, const struct pp_buffer *want) {
    for (size_t i = 0; i < PP_ARRAY_LEN(steps); i++) {
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;

        assert_int_equal(rewrite(archive, &out, steps[i]), 0);
        assert_int_equal(out.len, want->len);
        assert_memory_equal(out.data, want->data, want->len);
    }
}

static void test_calls(void **state) {
    PP_AUTO_BUFFER struct pp_buffer archive = PP_BUFFER_INIT;
    struct walker walker = walker_of(NULL, NULL);
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    add(&archive, "file", 0100640, "hello");
    add(&archive, "link", 0120777, "target");
    add(&archive, "folder", 0040755, "");
    add(&archive, "TRAILER!!!", 0, "");
    assert_int_equal(
        walker_run(&walker, &pp_container_cpio, archive.data, archive.len, 1, NULL, &err), 0);
    assert_string_equal((const char *)walker.log.data, "text 0 640 110 file\n"
                                                       "content 0 640 5 file\n"
                                                       "text 1 777 234 link\n"
                                                       "text 1 777 240 link\n"
                                                       "text 2 755 358 folder\n"
                                                       "text 2 0 478 TRAILER!!!\n");
    pp_buffer_done(&walker.log);
}

static void test_patched_and_resized(void **state) {
    PP_AUTO_BUFFER struct pp_buffer archive = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer want = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    for (int round = 0; round < 2; round++) {
        add(&archive, "x" OLD, 0100644, "see " OLD);
        add(&archive, "link", 0120777, OLD "/bin");
        add(&archive, "a.shrink", 0100644, "hello");
        add(&archive, "b.shrink", 0100644, "hell");
        add(&archive, "c.kept", 0100644, OLD);
        add(&archive, "TRAILER!!!", 0, "");
        add(&want, "x" NEW, 0100644, "see " NEW);
        add(&want, "link", 0120777, NEW "/bin");
        add(&want, "a.shrink", 0100644, "hel");
        add(&want, "b.shrink", 0100644, "hel");
        add(&want, "c.kept", 0100644, OLD);
        add(&want, "TRAILER!!!", 0, "");
        /* Between archives, and after the last; the number of zeros is anything there. */
        pp_buffer_append(&archive, (uint8_t[512]){0}, round == 0 ? 512 : 43, &err);
        pp_buffer_append(&want, (uint8_t[512]){0}, round == 0 ? 512 : 43, &err);
    }
    assert_rewritten(&archive, &want);
}

static void test_unsound(void **state) {
    static const struct {
        size_t at;
        char byte;
        enum pp_err_kind kind;
    } cases[] = {
        {0, '1', PP_ERR_DAMAGED},   {5, '2', PP_ERR_UNSUPPORTED}, {14, 'g', PP_ERR_DAMAGED},
        {54, 'f', PP_ERR_DAMAGED},  {61, '6', PP_ERR_DAMAGED},    {94, '-', PP_ERR_DAMAGED},
        {94, 'f', PP_ERR_LIMIT},    {101, '0', PP_ERR_DAMAGED},   {101, '4', PP_ERR_DAMAGED},
        {116, 'x', PP_ERR_DAMAGED},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++)
        for (size_t j = 0; j < PP_ARRAY_LEN(steps); j++) {
            PP_AUTO_BUFFER struct pp_buffer archive = PP_BUFFER_INIT;
            PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;

            add(&archive, "file", 0100644, "");
            add(&archive, "next", 0100644, "");
            add(&archive, "TRAILER!!!", 0, "");
            archive.data[cases[i].at] = (uint8_t)cases[i].byte;
            assert_int_equal(rewrite(&archive, &out, steps[j]), -(int)cases[i].kind);
        }
}

static void test_what_follows(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        enum pp_err_kind kind;
    } cases[] = {
        {"\0\0\0\0", 4, PP_ERR_NONE},         {"\0", 1, PP_ERR_NONE},
        {"\0\0\0\0x", 5, PP_ERR_UNSUPPORTED}, {"\x1f\x8b\x08\x00", 4, PP_ERR_UNSUPPORTED},
        {"0707", 4, PP_ERR_DAMAGED},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        PP_AUTO_BUFFER struct pp_buffer archive = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
        struct pp_err err = PP_ERR_INIT;

        add(&archive, "TRAILER!!!", 0, "");
        pp_buffer_append(&archive, cases[i].bytes, cases[i].len, &err);
        assert_int_equal(rewrite(&archive, &out, 3), -(int)cases[i].kind);
    }
}

static void test_bid(void **state) {
    (void)state;
    assert_true(pp_container_cpio.bid((const uint8_t *)"070701", 6));
    assert_true(pp_container_cpio.bid((const uint8_t *)"070702", 6));
    assert_false(pp_container_cpio.bid((const uint8_t *)"070707", 6));
    assert_false(pp_container_cpio.bid((const uint8_t *)"070701", 5));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),   cmocka_unit_test(test_patched_and_resized),
        cmocka_unit_test(test_unsound), cmocka_unit_test(test_what_follows),
        cmocka_unit_test(test_bid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
