#include "values/envfile.h"

#include "base/cleanup.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check(const char *text, const char *key, const char *want) {
    PP_AUTO_ENVFILE struct pp_envfile file;
    struct pp_err err = PP_ERR_INIT;
    char copy[200];
    const char *value;

    snprintf(copy, sizeof(copy), "%s", text);
    assert_int_equal(pp_envfile_parse(&file, copy, &err), 0);
    value = pp_envfile_get(&file, key);
    if (want == NULL) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_string_equal(value, want);
}

static void check_refused(const char *text, const char *words) {
    PP_AUTO_ENVFILE struct pp_envfile file;
    struct pp_err err = PP_ERR_INIT;
    char copy[200];

    snprintf(copy, sizeof(copy), "%s", text);
    assert_int_equal(pp_envfile_parse(&file, copy, &err), -PP_ERR_REFUSED);
    assert_int_equal(file.count, 0);
    if (strstr(err.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.text);
}

static void test_assignments(void **state) {
    (void)state;
    check("A=/x\nB=/y\n", "B", "/y");
    check("A=/x", "A", "/x");
    check("A=/x\r\nB=/y\r\n", "A", "/x");
    check("  A = /x y \t\n", "A", "/x y");
    check("A=x=y", "A", "x=y");
    check("A=", "A", "");
    check("A=/x", "a", NULL);
    check("", "A", NULL);
}

static void test_last_one_counts(void **state) {
    (void)state;
    check("A=/x\nA=/y\n", "A", "/y");
}

static void test_comments(void **state) {
    (void)state;
    check("# A=/x\n ; A=/y\n\n   \n", "A", NULL);
    check("A=/x # no comment\n", "A", "/x # no comment");
}

static void test_quotes(void **state) {
    (void)state;
    check("A=\"/x y \"\n", "A", "/x y ");
    check("A='/x\"'\n", "A", "/x\"");
    check("A=\"\"", "A", "");
    check("A=/x\"y\"", "A", "/x\"y\"");
}

static void test_refused(void **state) {
    (void)state;
    check_refused("A=/x\nB\n", "line 2: 'B' is not KEY=VALUE");
    check_refused("=/x\n", "line 1");
    check_refused("\n\nA=\"/x\n", "line 3: the quote of 'A' is not closed");
    check_refused("A='", "line 1: the quote of 'A' is not closed");
}

static void test_files(void **state) {
    struct scratch root;
    struct pp_envfile file;
    struct pp_err err = PP_ERR_INIT;
    char path[128];

    (void)state;
    scratch_init(&root);
    snprintf(path, sizeof(path), "%s/env", root.path);
    assert_int_equal(pp_envfile_load(&file, path, &err), -PP_ERR_SYSTEM);
    assert_non_null(strstr(err.text, path));
    scratch_text(&root, "env", "");
    assert_int_equal(pp_envfile_load(&file, path, &err), 0);
    assert_int_equal(file.count, 0);
    scratch_text(&root, "env", "A=/x\n");
    assert_int_equal(pp_envfile_load(&file, path, &err), 0);
    assert_string_equal(pp_envfile_get(&file, "A"), "/x");
    pp_envfile_done(&file);
    scratch_write(&root, "env", "A=/x\0y\n", 7);
    assert_int_equal(pp_envfile_load(&file, path, &err), -PP_ERR_REFUSED);
    assert_non_null(strstr(err.text, "NUL"));
    assert_int_equal(truncate(path, (1 << 20) + 1), 0);
    assert_true(pp_envfile_load(&file, path, &err) < 0);
    scratch_done(&root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignments), cmocka_unit_test(test_last_one_counts),
        cmocka_unit_test(test_comments),    cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
