/* bootstrap/bootstrap_archive.h: names out of an archive. What archives hold is tested with tar and
 * zip.
 */
#include "bootstrap/bootstrap_archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check_path(const char *name, const char *wanted) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_bootstrap_clean_path(name, &path, &err), 0);
    assert_string_equal((const char *)path.data, wanted);
    assert_int_equal(path.len, strlen(wanted));
}

static void check_refused(const char *name, enum pp_err_kind kind) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_bootstrap_clean_path(name, &path, &err), -(int)kind);
    assert_int_equal(err.kind, kind);
}

static void test_paths_are_made_plain(void **state) {
    (void)state;
    check_path("a", "a");
    check_path("./a/b", "a/b");
    check_path("a//b/./c/", "a/b/c");
    check_path(".", "");
    check_path("./", "");
    check_path("", "");
    check_path("..a/b..", "..a/b..");
    check_path("...", "...");
    check_path("a b\n/c", "a b\n/c");
}

static void test_paths_that_lead_out_are_refused(void **state) {
    (void)state;
    check_refused(NULL, PP_ERR_REFUSED);
    check_refused("/", PP_ERR_REFUSED);
    check_refused("/a", PP_ERR_REFUSED);
    check_refused("..", PP_ERR_REFUSED);
    check_refused("../a", PP_ERR_REFUSED);
    check_refused("a/..", PP_ERR_REFUSED);
    check_refused("a/../b", PP_ERR_REFUSED);
    check_refused("./..", PP_ERR_REFUSED);
}

static void test_depth_is_limited(void **state) {
    char name[2 * (PP_BOOTSTRAP_DEPTH_MAX + 1) + 1] = "";

    (void)state;
    for (int i = 0; i < PP_BOOTSTRAP_DEPTH_MAX; i++)
        memcpy(name + 2 * i, "d/", 3);
    name[2 * PP_BOOTSTRAP_DEPTH_MAX - 1] = '\0';
    check_path(name, name);
    memcpy(name + 2 * PP_BOOTSTRAP_DEPTH_MAX - 1, "/d", 3);
    check_refused(name, PP_ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_made_plain),
        cmocka_unit_test(test_paths_that_lead_out_are_refused),
        cmocka_unit_test(test_depth_is_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
