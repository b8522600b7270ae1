/* What dpkg-query says, from a script in PATH that takes its place. */
#include "dpkg/dpkg_query.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch root;
static char *path_before;

static int setup(void **state) {
    char path[400];

    (void)state;
    scratch_init(&root);
    path_before = strdup(getenv("PATH"));
    snprintf(path, sizeof(path), "%s:%s", root.path, path_before);
    setenv("PATH", path, 1);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    setenv("PATH", path_before, 1);
    free(path_before);
    scratch_done(&root);
    return 0;
}

/* dpkg-query prints `text`, notes its words, and ends with `status`. */
static void fake(const char *text, int status) {
    char script[500];

    snprintf(script, sizeof(script),
             "#!/bin/sh\nfor word; do printf '%%s\\n' \"$word\"; done >'%s/words'\n"
             "cat '%s/text'\nexit %d\n",
             root.path, root.path, status);
    scratch_text(&root, "dpkg-query", script);
    scratch_text(&root, "text", text);
    if (fchmodat(root.fd, "dpkg-query", 0755, 0) < 0)
        abort();
}

static const char two[] =
    "zlib1g\tamd64\t1:1.2.13\tinstalled\tsame\t\n\n"
    "app\tall\t1.0-1\tunpacked\t\tyes\n"
    "\n /etc/app.conf 0123456789abcdef0123456789abcdef\n"
    " /etc/with space.conf newconffile\n"
    " /etc/old.conf fedcba9876543210fedcba9876543210 obsolete\n"
    " /etc/gone.conf 11111111111111111111111111111111 remove-on-upgrade\n"
    " /etc/an obsolete file 22222222222222222222222222222222\n"
    " /etc/both 33333333333333333333333333333333 obsolete remove-on-upgrade\n";

static void test_packages(void **state) {
    PP_AUTO_DPKG struct pp_dpkg dpkg;
    struct pp_err err = PP_ERR_INIT;
    const struct pp_dpkg_package *app;

    (void)state;
    fake(two, 0);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", NULL, &err), 0);
    assert_int_equal(dpkg.count, 2);
    /* By key, whatever the order in which they came. */
    assert_string_equal(dpkg.packages[0].key, "app:all");
    assert_string_equal(dpkg.packages[1].key, "zlib1g:amd64");
    app = pp_dpkg_find(&dpkg, "app:all");
    assert_ptr_equal(app, &dpkg.packages[0]);
    assert_string_equal(app->name, "app");
    assert_string_equal(app->version, "1.0-1");
    assert_string_equal(app->status, "unpacked");
    assert_string_equal(app->variables, "yes");
    assert_false(app->multi_arch_same);
    assert_true(dpkg.packages[1].multi_arch_same);
    assert_string_equal(dpkg.packages[1].variables, "");
    assert_null(pp_dpkg_find(&dpkg, "app:amd64"));
    assert_null(pp_dpkg_find(&dpkg, "app"));
    assert_non_null(strstr(scratch_read(&root, "words"), "--admindir=/a/db\n-W\n"));
}

struct seen {
    char text[1000];
    int fail_after;
};

static int note(void *context, const char *path, const char *md5, struct pp_err *err) {
    struct seen *seen = context;
    size_t len = strlen(seen->text);

    snprintf(seen->text + len, sizeof(seen->text) - len, "%s|%.4s\n", path, md5);
    if (seen->fail_after > 0 && --seen->fail_after == 0)
        return pp_err_set(err, PP_ERR_LIMIT, "enough");
    return 0;
}

static void test_conffiles(void **state) {
    PP_AUTO_DPKG struct pp_dpkg dpkg;
    struct pp_err err = PP_ERR_INIT;
    struct seen seen = {.text = ""};
    struct seen first = {.text = "", .fail_after = 1};

    (void)state;
    fake(two, 0);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", NULL, &err), 0);
    assert_int_equal(pp_dpkg_conffiles(&dpkg.packages[0], note, &seen, &err), 0);
    assert_string_equal(seen.text, "etc/app.conf|0123\netc/with space.conf|newc\n"
                                   "etc/old.conf|fedc\netc/gone.conf|1111\n"
                                   "etc/an obsolete file|2222\netc/both|3333\n");
    assert_int_equal(pp_dpkg_conffiles(&dpkg.packages[0], note, &first, &err), -PP_ERR_LIMIT);
    assert_string_equal(first.text, "etc/app.conf|0123\n");
    seen.text[0] = '\0';
    assert_int_equal(pp_dpkg_conffiles(&dpkg.packages[1], note, &seen, &err), 0);
    assert_string_equal(seen.text, "");
}

static void test_has_files(void **state) {
    static const char *const with[] = {"unpacked", "half-configured", "triggers-awaited",
                                       "triggers-pending", "installed"};
    static const char *const without[] = {"not-installed", "config-files", "half-installed", ""};

    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_true(pp_dpkg_has_files(&(struct pp_dpkg_package){.status = with[i]}));
    for (size_t i = 0; i < 4; i++)
        assert_false(pp_dpkg_has_files(&(struct pp_dpkg_package){.status = without[i]}));
}

static void test_one_package(void **state) {
    PP_AUTO_DPKG struct pp_dpkg dpkg;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    fake("app\tall\t1\tinstalled\t\tyes\n\n", 0);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", "app", &err), 0);
    assert_int_equal(dpkg.count, 1);
    assert_non_null(strstr(scratch_read(&root, "words"), "\napp\n"));
    pp_dpkg_done(&dpkg);
    /* One that it does not know is no error, */
    fake("", 1);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", "none", &err), 0);
    assert_int_equal(dpkg.count, 0);
    assert_null(pp_dpkg_find(&dpkg, "none:all"));
    pp_dpkg_done(&dpkg);
    /* but no answer at all is. */
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", NULL, &err), -PP_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "/a/db"));
}

static void test_odd_answers(void **state) {
    PP_AUTO_DPKG struct pp_dpkg dpkg;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    fake("", 0);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", NULL, &err), 0);
    assert_int_equal(dpkg.count, 0);
    pp_dpkg_done(&dpkg);
    fake("app\tall\t1\n", 0);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", NULL, &err), -PP_ERR_DAMAGED);
    fake(" /etc/of-nobody 1234\napp\tall\t1\tinstalled\t\tyes", 0);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", NULL, &err), 0);
    assert_int_equal(dpkg.count, 1);
    assert_string_equal(dpkg.packages[0].conffiles, "");
}

static void test_no_dpkg(void **state) {
    PP_AUTO_DPKG struct pp_dpkg dpkg;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(pp_dpkg_load(&dpkg, "/a/db", NULL, &err), -PP_ERR_SYSTEM);
    assert_non_null(strstr(err.text, "dpkg-query"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_packages),    TEST(test_conffiles),   cmocka_unit_test(test_has_files),
        TEST(test_one_package), TEST(test_odd_answers), TEST(test_no_dpkg),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
