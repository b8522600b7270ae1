/* Addresses: their length is part of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "notify/address.h"

#include <string.h>

/* Bytes in front of sun_path, and of it; unix(7). */
#define FAMILY_LEN 2
#define PATH_LEN 108

static void test_forms(void **state) {
    static const struct {
        const char *text;
        enum pp_address_form form;
        const char *name;
        size_t len; /* of the whole address */
        char first; /* byte of sun_path */
    } cases[] = {
        {"@a", PP_ADDRESS_LINES, "a", FAMILY_LEN + 2, '\0'},
        {"@houston", PP_ADDRESS_LINES, "houston", FAMILY_LEN + 8, '\0'},
        {"@houston,pad", PP_ADDRESS_LINES, "houston", FAMILY_LEN + PATH_LEN, '\0'},
        {"@a,b", PP_ADDRESS_LINES, "a,b", FAMILY_LEN + 4, '\0'},
        {"@@a", PP_ADDRESS_LINES, "@a", FAMILY_LEN + 3, '\0'},
        {"sd:@a", PP_ADDRESS_SD, "a", FAMILY_LEN + 2, '\0'},
        {"sd:/run/n", PP_ADDRESS_SD, "/run/n", FAMILY_LEN + 7, '/'},
        {"zmq:@houston", PP_ADDRESS_ZMQ, "houston", FAMILY_LEN + 8, '\0'},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        struct pp_err err = PP_ERR_INIT;
        struct pp_address address;
        size_t at = cases[i].first == '\0' ? 1 : 0;
        size_t name_len = strlen(cases[i].name);

        assert_int_equal(pp_address_parse(&address, cases[i].text, &err), 0);
        assert_int_equal(address.form, cases[i].form);
        assert_string_equal(address.name, cases[i].name);
        assert_int_equal(address.sun.sun_family, AF_UNIX);
        assert_int_equal(address.sun_len, cases[i].len);
        assert_int_equal(address.sun.sun_path[0], cases[i].first);
        assert_memory_equal(address.sun.sun_path + at, cases[i].name, name_len);
        for (size_t j = at + name_len; j < PATH_LEN; j++)
            assert_int_equal(address.sun.sun_path[j], 0);
    }
}

static void test_length(void **state) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_address address;
    char text[PATH_LEN + 16];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[0] = '@';
    text[1 + 106] = '\0';
    assert_int_equal(pp_address_parse(&address, text, &err), 0);
    assert_int_equal(address.sun_len, FAMILY_LEN + 1 + 106);
    strcpy(text + 1 + 106, ",pad");
    assert_int_equal(pp_address_parse(&address, text, &err), 0);
    assert_int_equal(address.sun_len, FAMILY_LEN + PATH_LEN);
    text[1 + 106] = 'x';
    text[1 + 107] = '\0';
    assert_int_equal(pp_address_parse(&address, text, &err), -PP_ERR_ADDRESS);
    assert_int_equal(err.kind, PP_ERR_ADDRESS);
}

static void test_refused(void **state) {
    static const char *const cases[] = {
        "",        "@",         "@,pad", "houston", "/run/x", "sd:",        "sd:@",
        "sd:name", "sd:@a,pad", "zmq:",  "zmq:/x",  "zmq:@",  "zmq:@a,pad", "vsock:1:2"};

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        struct pp_err err = PP_ERR_INIT;
        struct pp_address address;

        if (pp_address_parse(&address, cases[i], &err) >= 0)
            fail_msg("taken: %s", cases[i]);
        assert_int_equal(err.kind, PP_ERR_ADDRESS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
