#include "base/beneath.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

static struct scratch root;

static int setup(void **state) {
    (void)state;
    scratch_init(&root);
    mkdirat(root.fd, "usr", 0755);
    mkdirat(root.fd, "usr/lib", 0755);
    mkdirat(root.fd, "etc", 0755);
    scratch_text(&root, "usr/lib/file", "in usr");
    scratch_text(&root, "etc/file", "in etc");
    symlinkat("usr/lib", root.fd, "lib");
    symlinkat("/usr", root.fd, "etc/absolute");
    symlinkat("../../../../usr", root.fd, "etc/up");
    symlinkat("loop", root.fd, "loop");
    symlinkat("file", root.fd, "etc/link");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_done(&root);
    return 0;
}

static void check_path(const char *path, enum pp_beneath mode, const char *want) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_beneath_find(root.fd, path, mode, &place, &err), 0);
    assert_string_equal((const char *)place.path.data, want);
}

static void check_refused(const char *path, enum pp_beneath mode) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_beneath_find(root.fd, path, mode, &place, &err), -PP_ERR_REFUSED);
    assert_true(err.text[0] != '\0');
    assert_int_equal(place.dir, -1);
}

static void test_paths_are_made_plain(void **state) {
    (void)state;
    for (int mode = PP_BENEATH_STRICT; mode <= PP_BENEATH_FOLLOW; mode++) {
        check_path("usr/lib/file", mode, "usr/lib/file");
        check_path("/usr//lib/./file", mode, "usr/lib/file");
        check_path("usr/lib/", mode, "usr/lib");
        check_path("usr/lib/.", mode, "usr/lib");
        check_path("usr", mode, "usr");
        check_path("", mode, "");
        check_path("/", mode, "");
        check_path("lib", mode, "lib");
        check_path("usr/missing", mode, "usr/missing");
    }
}

static void test_strict_refuses_symlinks_on_the_way(void **state) {
    (void)state;
    check_refused("lib/file", PP_BENEATH_STRICT);
    check_refused("etc/absolute/lib/file", PP_BENEATH_STRICT);
    check_refused("etc/../usr/lib/file", PP_BENEATH_STRICT);
    check_refused("usr/..", PP_BENEATH_STRICT);
}

static void test_follow_stays_inside(void **state) {
    (void)state;
    check_path("lib/file", PP_BENEATH_FOLLOW, "usr/lib/file");
    check_path("etc/absolute/lib/file", PP_BENEATH_FOLLOW, "usr/lib/file");
    check_path("etc/up/lib/file", PP_BENEATH_FOLLOW, "usr/lib/file");
    check_path("etc/../../../usr/lib/file", PP_BENEATH_FOLLOW, "usr/lib/file");
    check_refused("loop/file", PP_BENEATH_FOLLOW);
    check_refused("usr/..", PP_BENEATH_FOLLOW);
}

static void test_last_component_is_never_followed(void **state) {
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_true(pp_beneath_open(root.fd, "etc/link", PP_BENEATH_FOLLOW, O_RDONLY, &err) < 0);
    assert_int_equal(err.sys, ELOOP);
}

static void test_errors_say_what_is_missing(void **state) {
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_true(pp_beneath_open(root.fd, "none/file", PP_BENEATH_STRICT, O_RDONLY, &err) < 0);
    assert_int_equal(err.sys, ENOENT);
    assert_true(pp_beneath_open(root.fd, "etc/file/x", PP_BENEATH_STRICT, O_RDONLY, &err) < 0);
    assert_int_equal(err.sys, ENOTDIR);
    assert_true(pp_beneath_open(root.fd, "etc/none", PP_BENEATH_STRICT, O_RDONLY, &err) < 0);
    assert_int_equal(err.sys, ENOENT);
}

static void test_place_is_used_again(void **state) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err err = PP_ERR_INIT;
    int dir;

    (void)state;
    assert_int_equal(pp_beneath_find(root.fd, "etc/file", PP_BENEATH_STRICT, &place, &err), 0);
    dir = place.dir;
    assert_int_equal(pp_beneath_find(root.fd, "etc/link", PP_BENEATH_STRICT, &place, &err), 0);
    assert_int_equal(place.dir, dir);
    assert_string_equal(place.name, "link");
    assert_string_equal((const char *)place.path.data, "etc/link");
    assert_int_equal(pp_beneath_find(root.fd, "usr/lib/file", PP_BENEATH_STRICT, &place, &err), 0);
    assert_int_equal(faccessat(place.dir, "file", F_OK, 0), 0);
    assert_string_equal((const char *)place.path.data, "usr/lib/file");
    assert_int_equal(pp_beneath_find(root.fd, "etc", PP_BENEATH_STRICT, &place, &err), 0);
    assert_int_equal(faccessat(place.dir, "usr", F_OK, 0), 0);
    /* After a failure nothing of the old place is left. */
    assert_true(pp_beneath_find(root.fd, "none/etc", PP_BENEATH_STRICT, &place, &err) < 0);
    assert_int_equal(pp_beneath_find(root.fd, "etc", PP_BENEATH_STRICT, &place, &err), 0);
    assert_int_equal(faccessat(place.dir, "usr", F_OK, 0), 0);
}

static void test_place_behind_a_symlink_is_used_again(void **state) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(pp_beneath_find(root.fd, "lib/file", PP_BENEATH_FOLLOW, &place, &err), 0);
    /* It is not looked for again. */
    assert_int_equal(unlinkat(root.fd, "lib", 0), 0);
    assert_int_equal(pp_beneath_find(root.fd, "lib/other", PP_BENEATH_FOLLOW, &place, &err), 0);
    assert_string_equal((const char *)place.path.data, "usr/lib/other");
    assert_int_equal(faccessat(place.dir, "file", F_OK, 0), 0);
    assert_int_equal(symlinkat("usr/lib", root.fd, "lib"), 0);
    /* Whoever does not follow symlinks does not get there. */
    assert_int_equal(pp_beneath_find(root.fd, "usr/lib/file", PP_BENEATH_STRICT, &place, &err), 0);
    assert_int_equal(pp_beneath_find(root.fd, "lib/file", PP_BENEATH_STRICT, &place, &err),
                     -PP_ERR_REFUSED);
    /* Another way into the same folder. */
    assert_int_equal(
        pp_beneath_find(root.fd, "etc/absolute/lib/file", PP_BENEATH_FOLLOW, &place, &err), 0);
    assert_int_equal(pp_beneath_find(root.fd, "lib/file", PP_BENEATH_STRICT, &place, &err),
                     -PP_ERR_REFUSED);
    assert_int_equal(pp_beneath_find(root.fd, "lib/file", PP_BENEATH_FOLLOW, &place, &err), 0);
    assert_string_equal((const char *)place.path.data, "usr/lib/file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_made_plain),
        cmocka_unit_test(test_strict_refuses_symlinks_on_the_way),
        cmocka_unit_test(test_follow_stays_inside),
        cmocka_unit_test(test_last_component_is_never_followed),
        cmocka_unit_test(test_errors_say_what_is_missing),
        cmocka_unit_test(test_place_is_used_again),
        cmocka_unit_test(test_place_behind_a_symlink_is_used_again),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
