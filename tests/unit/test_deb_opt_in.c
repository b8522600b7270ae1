#include "deb/deb_opt_in.h"

#include "deb/deb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct pp_buffer buffer_of(const char *text) {
    struct pp_buffer buffer = PP_BUFFER_INIT;
    struct pp_err err;

    assert_int_equal(pp_buffer_append(&buffer, text, strlen(text), &err), 0);
    return buffer;
}

static void test_field(void **state) {
    static const struct {
        const char *control;
        const char *value; /* NULL: there is none */
    } rows[] = {
        {"Package: a\nDynamic-Variables: yes\n", "yes"},
        {"dynamic-variables:yes \t\n", "yes"},
        {"Dynamic-Variables: yes", "yes"},
        {"Dynamic-Variables:\n", ""},
        {"Description: x\n Dynamic-Variables: yes\n", NULL},
        {"X-Dynamic-Variables: yes\n", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        PP_AUTO_BUFFER struct pp_buffer control = buffer_of(rows[i].control);
        PP_AUTO_BUFFER struct pp_buffer value = PP_BUFFER_INIT;
        struct pp_err err;

        assert_int_equal(pp_deb_field(&control, "Dynamic-Variables", &value, &err),
                         rows[i].value != NULL);
        if (rows[i].value != NULL)
            assert_string_equal((const char *)value.data, rows[i].value);
    }
}

static void test_control(void **state) {
    static const struct {
        const char *control;
        const char *wanted;
    } rows[] = {
        {"Package: a\nDynamic-Variables: yes\nVersion: 1\n", "Package: a\nVersion: 1\n"},
        {"Depends: pathpatch\nVersion: 1\n", "Version: 1\n"},
        {"Depends: a,\n pathpatch (>= 0.1),\n b (= 1)\n", "Depends: a, b (= 1)\n"},
        {"Pre-Depends: pathpatch:any, a\n", "Pre-Depends: a\n"},
        {"Depends: a, pathpatch", "Depends: a\n"},
        /* Of what has no patcher in it not a blank changes. */
        {"Depends:  a ,b|c\n", "Depends:  a ,b|c\n"},
        {"Depends: pathpatch-tools, pathpatch | other\n",
         "Depends: pathpatch-tools, pathpatch | other\n"},
        {"Suggests: pathpatch\n", "Suggests: pathpatch\n"},
        {"Depends: a,  \n\n\npathpatch\n", "Depends: a,  \n\n\npathpatch\n"},
        {"", ""},
        {"Description: x\n Depends: pathpatch\n", "Description: x\n Depends: pathpatch\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        PP_AUTO_BUFFER struct pp_buffer control = buffer_of(rows[i].control);
        struct pp_err err;

        assert_int_equal(pp_deb_opt_out_control(&control, &err), 1);
        assert_int_equal(control.len, strlen(rows[i].wanted));
        assert_memory_equal(control.data, rows[i].wanted, control.len);
    }
}

static void test_triggers(void **state) {
    static const struct {
        const char *triggers;
        const char *wanted; /* NULL: the file goes */
        int rc;
    } rows[] = {
        {"activate-noawait pathpatch\n", NULL, PP_DEB_CONTROL_DROPPED},
        {"# ours\n\nactivate-await\tpathpatch", NULL, PP_DEB_CONTROL_DROPPED},
        {"interest /x\nactivate pathpatch\n", "interest /x\n", PP_DEB_CONTROL_CHANGED},
        {"activate pathpatch-other\n", "activate pathpatch-other\n", PP_DEB_CONTROL_KEPT},
        {"interest-await pathpatch\n", "interest-await pathpatch\n", PP_DEB_CONTROL_KEPT},
        {"activate", "activate", PP_DEB_CONTROL_KEPT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        PP_AUTO_BUFFER struct pp_buffer triggers = buffer_of(rows[i].triggers);
        struct pp_err err;

        assert_int_equal(pp_deb_opt_out_triggers(&triggers, &err), rows[i].rc);
        if (rows[i].wanted != NULL) {
            assert_int_equal(triggers.len, strlen(rows[i].wanted));
            assert_memory_equal(triggers.data, rows[i].wanted, triggers.len);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_triggers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
