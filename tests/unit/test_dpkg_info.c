#include "dpkg/dpkg_info.h"

#include "base/cleanup.h"
#include "scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch root;

static const struct pp_dpkg_package app = {.name = "app", .arch = "all", .key = (char *)"app:all"};
static const struct pp_dpkg_package library = {
    .name = "lib", .arch = "arm64", .key = (char *)"lib:arm64", .multi_arch_same = true};

static int setup(void **state) {
    (void)state;
    scratch_init(&root);
    if (mkdirat(root.fd, "info", 0755) < 0)
        abort();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_done(&root);
    return 0;
}

static struct pp_dpkg_info open_info(void) {
    struct pp_dpkg_info info;
    struct pp_err err = PP_ERR_INIT;

    if (pp_dpkg_info_open(&info, root.path, &err) < 0)
        fail_msg("%s", err.text);
    return info;
}

static void test_diversions(void **state) {
    PP_AUTO_DPKG_INFO struct pp_dpkg_info info = PP_DPKG_INFO_INIT;
    static const char shell[] = "/bin/sh";

    (void)state;
    scratch_text(&root, "diversions",
                 "/bin/sh\n/bin/sh.distrib\ndash\n/etc/x y\n/etc/x y.mine\n:\n/usr/half\n");
    info = open_info();
    assert_int_equal(info.diversion_count, 2);
    assert_string_equal(pp_dpkg_info_divert(&info, &app, shell), "/bin/sh.distrib");
    /* Not for the package that diverts. */
    assert_ptr_equal(pp_dpkg_info_divert(&info, &(struct pp_dpkg_package){.name = "dash"}, shell),
                     shell);
    /* A local diversion is for all packages. */
    assert_string_equal(pp_dpkg_info_divert(&info, &app, "/etc/x y"), "/etc/x y.mine");
    assert_string_equal(pp_dpkg_info_divert(&info, &app, "/bin/sh.distrib"), "/bin/sh.distrib");
    assert_string_equal(pp_dpkg_info_divert(&info, &app, "/usr/half"), "/usr/half");
}

static void test_no_diversions(void **state) {
    PP_AUTO_DPKG_INFO struct pp_dpkg_info info = open_info();

    (void)state;
    assert_int_equal(info.diversion_count, 0);
    pp_dpkg_info_done(&info);
    scratch_text(&root, "diversions", "");
    info = open_info();
    assert_int_equal(info.diversion_count, 0);
}

static void test_reading(void **state) {
    PP_AUTO_DPKG_INFO struct pp_dpkg_info info = open_info();
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct stat want;
    struct stat st;

    (void)state;
    scratch_text(&root, "info/app.list", "/.\n/etc\n");
    scratch_text(&root, "info/lib:arm64.list", "/lib\n");
    scratch_text(&root, "info/lib.list", "wrong\n");
    scratch_age(&root, "info/app.list");
    assert_int_equal(pp_dpkg_info_read(&info, &app, "list", &text, &st, &err), 1);
    assert_string_equal((char *)text.data, "/.\n/etc\n");
    want = scratch_stat(&root, "info/app.list");
    assert_int_equal(st.st_ino, want.st_ino);
    assert_int_equal(st.st_mtim.tv_nsec, want.st_mtim.tv_nsec);
    text.len = 0;
    assert_int_equal(pp_dpkg_info_read(&info, &library, "list", &text, &st, &err), 1);
    assert_string_equal((char *)text.data, "/lib\n");
    assert_int_equal(pp_dpkg_info_read(&info, &app, "md5sums", &text, &st, &err), 0);
    assert_int_equal(pp_dpkg_info_stat(&info, &app, "list", &st, &err), 1);
    assert_int_equal(st.st_size, 8);
    assert_int_equal(pp_dpkg_info_stat(&info, &app, "md5sums", &st, &err), 0);
}

static void test_replacing(void **state) {
    PP_AUTO_DPKG_INFO struct pp_dpkg_info info = open_info();
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    ino_t before;

    (void)state;
    assert_int_equal(pp_buffer_printf(&text, &err, "new\n"), 0);
    scratch_text(&root, "info/app.md5sums", "old and longer\n");
    /* A temporary of a run that was killed is in nobody's way. */
    scratch_text(&root, "info/pathpatch-tmp", "left behind");
    assert_int_equal(fchmodat(root.fd, "info/app.md5sums", 0604, 0), 0);
    before = scratch_stat(&root, "info/app.md5sums").st_ino;
    assert_int_equal(pp_dpkg_info_replace(&info, &app, "md5sums", &text, &err), 0);
    assert_string_equal(scratch_read(&root, "info/app.md5sums"), "new\n");
    assert_int_equal(scratch_stat(&root, "info/app.md5sums").st_mode & 07777, 0604);
    assert_int_not_equal(scratch_stat(&root, "info/app.md5sums").st_ino, before);
    assert_false(scratch_has(&root, "info/pathpatch-tmp"));
    /* One that is not there is never made. */
    assert_int_equal(pp_dpkg_info_replace(&info, &library, "md5sums", &text, &err), 0);
    assert_false(scratch_has(&root, "info/lib:arm64.md5sums"));
}

static void test_no_database(void **state) {
    PP_AUTO_DPKG_INFO struct pp_dpkg_info info = PP_DPKG_INFO_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(pp_dpkg_info_open(&info, "/nonexistent/dpkg", &err), -PP_ERR_SYSTEM);
    assert_int_equal(err.sys, ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/dpkg"));
    assert_int_equal(unlinkat(root.fd, "info", AT_REMOVEDIR), 0);
    assert_int_equal(pp_dpkg_info_open(&info, root.path, &err), -PP_ERR_SYSTEM);
    assert_non_null(strstr(err.text, "info"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_diversions), TEST(test_no_diversions), TEST(test_reading),
        TEST(test_replacing),  TEST(test_no_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
