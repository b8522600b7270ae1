/* ar: the visitor's calls, and headers as other writers make them. Real archives are in
 * tests/cli/test_ar.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../tools/walker.h"

#define OLD "/old/prefix/////"
#define NEW "/new/pre/fix////"
#define MAGIC "!<arch>\n"
/* Name, then 32 bytes of owner and mode that stay, then the size. */
#define HEADER(name, size) name "1700000000  0     0     100644  " size "`\n"

static const size_t steps[] = {1, 7, 61, (size_t)1 << 20};

static void assert_rewritten(const char *data, size_t len, const char *want, size_t want_len) {
    for (size_t i = 0; i < PP_ARRAY_LEN(steps); i++) {
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
        struct walker walker = walker_of(OLD, NEW);
        struct pp_err err = PP_ERR_INIT;

        assert_int_equal(walker_run(&walker, &pp_container_ar, data, len, steps[i], &out, &err), 0);
        assert_int_equal(out.len, want_len);
        assert_memory_equal(out.data, want, want_len);
        pp_buffer_done(&walker.log);
    }
}

static void assert_fails(const char *data, size_t len, bool with_sink, enum pp_err_kind kind) {
    for (size_t i = 0; i < PP_ARRAY_LEN(steps); i++) {
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
        struct walker walker = walker_of(NULL, NULL);
        struct pp_err err = PP_ERR_INIT;

        assert_int_equal(walker_run(&walker, &pp_container_ar, data, len, steps[i],
                                    with_sink ? &out : NULL, &err),
                         -(int)kind);
        pp_buffer_done(&walker.log);
    }
}

#define ASSERT_REWRITTEN(data, want)                                                               \
    assert_rewritten(data, sizeof(data) - 1, want, sizeof(want) - 1)
#define ASSERT_FAILS(data, with_sink, kind) assert_fails(data, sizeof(data) - 1, with_sink, kind)

static void test_calls(void **state) {
    static const char data[] = MAGIC HEADER("/               ", "4         ") "\0\0\0\0" HEADER(
        "//              ",
        "18     "
        "   ") "a name of length/\n" HEADER("/0              ",
                                            "3         ") "abc\n" HEADER("#1/4            ",
                                                                         "6         ") "bsd\0x"
                                                                                       "y" HEADER(
                                                                                           "short/ "
                                                                                           "       "
                                                                                           "  ",
                                                                                           "0      "
                                                                                           "   ");
    struct walker walker = walker_of(NULL, NULL);
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(walker_run(&walker, &pp_container_ar, data, sizeof(data) - 1, 1, NULL, &err),
                     0);
    assert_string_equal((const char *)walker.log.data, "text 2 644 132 //\n"
                                                       "content 0 644 3 a name of length\n"
                                                       "text 0 644 274 bsd\n"
                                                       "content 0 644 2 bsd\n"
                                                       "text 0 644 280 short\n"
                                                       "content 0 644 0 short\n");
    pp_buffer_done(&walker.log);
}

static void test_bid(void **state) {
    (void)state;
    assert_true(pp_container_ar.bid((const uint8_t *)MAGIC, 8));
    assert_true(pp_container_ar.bid((const uint8_t *)"!<thin>\n", 8));
    assert_false(pp_container_ar.bid((const uint8_t *)MAGIC, 7));
    assert_false(pp_container_ar.bid((const uint8_t *)"!<arch>/", 8));
}

static void test_sizes_and_padding(void **state) {
    (void)state;
    /* Odd becomes odd, odd becomes even, the pad at the end is made. */
    ASSERT_REWRITTEN(MAGIC HEADER("a.shrink/       ", "5         ") "hello\n" HEADER(
                         "b.shrink/       ", "4         ") "word",
                     MAGIC HEADER("a.shrink/       ", "3         ") "hel\n" HEADER(
                         "b.shrink/       ", "3         ") "wor\n");
    ASSERT_REWRITTEN(MAGIC HEADER("#1/8            ", "11        ") "x.shrink"
                                                                    "abc\n",
                     MAGIC HEADER("#1/8            ", "11        ") "x.shrink"
                                                                    "abc\n");
    ASSERT_REWRITTEN(MAGIC HEADER("#1/8            ", "13        ") "x.shrink"
                                                                    "abcde\n",
                     MAGIC HEADER("#1/8            ", "11        ") "x.shrink"
                                                                    "abc\n");
}

static void test_texts_and_content(void **state) {
    (void)state;
    ASSERT_REWRITTEN(MAGIC HEADER("//              ", "18        ") OLD
                     "/\n" HEADER("/0              ", "17        ") OLD "!\n",
                     MAGIC HEADER("//              ", "18        ") NEW
                     "/\n" HEADER("/0              ", "17        ") NEW "!\n");
}

static void test_unsound(void **state) {
    (void)state;
    ASSERT_FAILS("", false, PP_ERR_DAMAGED);
    ASSERT_FAILS("!<thin>\n", false, PP_ERR_UNSUPPORTED);
    ASSERT_FAILS(MAGIC "short", false, PP_ERR_DAMAGED);
    ASSERT_FAILS(MAGIC HEADER("a/              ", "5         ") "hell", true, PP_ERR_DAMAGED);
    ASSERT_FAILS(MAGIC HEADER("a/              ", "5         ") "hell", false, PP_ERR_DAMAGED);
    ASSERT_FAILS(MAGIC HEADER("a/              ", "x         ") "hell", false, PP_ERR_DAMAGED);
    ASSERT_FAILS(MAGIC HEADER("a/              ", "-1        ") "hell", false, PP_ERR_DAMAGED);
    ASSERT_FAILS(MAGIC HEADER("/7              ", "0         "), false, PP_ERR_DAMAGED);
    ASSERT_FAILS(MAGIC HEADER("#1/9            ", "8         ") "12345678", false, PP_ERR_DAMAGED);
    ASSERT_FAILS(MAGIC HEADER("#1/9999999999   ", "9999999999") "12345678", false, PP_ERR_LIMIT);
    ASSERT_FAILS(MAGIC HEADER("//              ", "9999999999") "12345678", false, PP_ERR_LIMIT);
}

static void test_signed_package(void **state) {
    static const char data[] = MAGIC HEADER("debian-binary   ", "4         ") "2.0\n" HEADER(
        "_gpgorigin      ", "2         ") "xy";

    (void)state;
    ASSERT_FAILS(data, false, PP_ERR_NONE);
    ASSERT_FAILS(data, true, PP_ERR_UNSUPPORTED);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_bid),
        cmocka_unit_test(test_sizes_and_padding),
        cmocka_unit_test(test_texts_and_content),
        cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_signed_package),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
