#include "format/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* SHA-256 of "abc", FIPS 180-2 appendix B.1; base64 of it by another program. */
#define ABC                                                                                        \
    {                                                                                              \
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,  \
            0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2,    \
            0x00, 0x15, 0xad                                                                       \
    }
#define ABC_HASH "sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"

static void test_is_record(void **state) {
    (void)state;
    assert_true(pp_wheel_is_record("a-1.dist-info/RECORD"));
    assert_false(pp_wheel_is_record("a-1.dist-info/RECORD.jws"));
    assert_false(pp_wheel_is_record("x/a-1.dist-info/RECORD"));
    assert_false(pp_wheel_is_record(".dist-info/RECORD"));
    assert_false(pp_wheel_is_record("a/RECORD"));
    assert_false(pp_wheel_is_record("RECORD"));
}

static void test_lines(void **state) {
    static const struct {
        const char *text;
        const char *wanted; /* NULL: an error */
        int rc;
    } rows[] = {
        {"", "", 0},
        {"x,sha256=aa,1\n", "x,sha256=aa,1\n", 0},
        {"a,sha256=aa,1\nx,sha256=bb,2\n", "a," ABC_HASH ",1234567\nx,sha256=bb,2\n", 1},
        {"x,sha256=bb,2\r\na,sha256=aa,1", "x,sha256=bb,2\r\na," ABC_HASH ",1234567", 1},
        {"a,sha256=aa,1\na,sha256=bb,2\n", "a," ABC_HASH ",1234567\na," ABC_HASH ",1234567\n", 2},
        {"a,,\n", "a,,\n", 0},
        {"a,,5\n", "a,,1234567\n", 1},
        {"a,sha256=aa,\n", "a," ABC_HASH ",\n", 1},
        {"a,sha256=aa,1,more,\"even\"\n", "a," ABC_HASH ",1234567,more,\"even\"\n", 1},
        {"\"a\",\"sha256=aa\",\"1\"\n", "\"a\",\"" ABC_HASH "\",\"1234567\"\n", 1},
        {"\"b,\"\"c\"\"\",sha256=aa,1\n", "\"b,\"\"c\"\"\"," ABC_HASH ",1234567\n", 1},
        {"\"d\ne\",sha256=aa,1\n", "\"d\ne\"," ABC_HASH ",1234567\n", 1},
        {"\n\na,sha256=aa,1\n\n", "\n\na," ABC_HASH ",1234567\n\n", 1},
        {"a\n", "a\n", 0},
        {"x,sha384=aa,1\n", "x,sha384=aa,1\n", 0},
        {"a,sha384=aa,1\n", NULL, -PP_ERR_UNSUPPORTED},
        {"\"a,sha256=aa,1\n", NULL, -PP_ERR_DAMAGED},
        {"\"a\"b,sha256=aa,1\n", NULL, -PP_ERR_DAMAGED},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(rows); i++) {
        struct pp_wheel_change changes[] = {
            {.name = "d\ne", .sha256 = ABC, .len = 1234567},
            {.name = "b,\"c\"", .sha256 = ABC, .len = 1234567},
            {.name = "a", .sha256 = ABC, .len = 1234567},
        };
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
        struct pp_err err = PP_ERR_INIT;
        int rc = pp_wheel_record_mend((const uint8_t *)rows[i].text, strlen(rows[i].text), changes,
                                      PP_ARRAY_LEN(changes), &out, &err);

        assert_int_equal(rc, rows[i].rc);
        if (rows[i].wanted == NULL)
            assert_int_equal(err.kind, -rc);
        else
            assert_string_equal(out.len > 0 ? (const char *)out.data : "", rows[i].wanted);
    }
}

/* Every cut of a table: no crash, and what is not changed stays. */
static void test_no_changes(void **state) {
    static const char text[] = "a,sha256=aa,1\r\n\"b\"\"\",sha256=bb,2\r\nc,,\r\n";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
        struct pp_err err = PP_ERR_INIT;
        int rc = pp_wheel_record_mend((const uint8_t *)text, len, NULL, 0, &out, &err);

        if (rc < 0) {
            assert_int_equal(rc, -PP_ERR_DAMAGED);
            continue;
        }
        assert_int_equal(out.len, len);
        if (len > 0)
            assert_memory_equal(out.data, text, len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_record),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_no_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
