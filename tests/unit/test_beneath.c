#include "base/beneath.h"

#include "base/array.h"
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

static size_t open_count(void) {
    size_t count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Whatever was asked for before, a place is what a new one would be; "deep" has more folders than a
 * place keeps open. */
static void test_place_never_remembers_wrongly(void **state) {
    static const char *const paths[] = {
        "usr/lib/file",  "usr/library/x",
        "usr/lib",       "etc/file",
        "etc/none/x",    "",
        "us/x",          "usr/lib/file",
        "lib/file",      "etc/absolute/lib/file",
        "usr//lib/x",    "usr/./lib/x",
        "/usr/lib/x",    "etc/up/lib/y",
        "usr/li/x",      "deep/a/x",
        "deep/b/x",      "etc",
        "usr/lib/sub/x", "usr/lib/sub",
    };
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    char deep[2][512] = {"deep", "deep"};
    size_t before;
    unsigned seed = 1;

    (void)state;
    mkdirat(root.fd, "usr/library", 0755);
    mkdirat(root.fd, "usr/lib/sub", 0755);
    mkdirat(root.fd, "deep", 0755);
    for (int i = 0; i < 2 * PP_PLACE_STEP_MAX; i++)
        for (int k = 0; k < 2; k++) {
            size_t len = strlen(deep[k]);

            snprintf(deep[k] + len, sizeof(deep[k]) - len, "/%c%d", k == 0 ? 'a' : 'b', i);
            mkdirat(root.fd, deep[k], 0755);
        }
    before = open_count();
    for (int i = 0; i < 20000; i++) {
        PP_AUTO_PLACE struct pp_place fresh = PP_PLACE_INIT;
        struct pp_err err = PP_ERR_INIT;
        struct pp_err fresh_err = PP_ERR_INIT;
        enum pp_beneath mode;
        const char *path;
        struct stat st;
        struct stat fresh_st;
        size_t which;
        int rc;

        seed = seed * 1103515245 + 12345;
        which = (seed >> 16) % (PP_ARRAY_LEN(paths) + 2);
        path = which < PP_ARRAY_LEN(paths) ? paths[which] : deep[which - PP_ARRAY_LEN(paths)];
        mode = (seed >> 28) == 0 ? PP_BENEATH_FOLLOW : PP_BENEATH_STRICT;
        rc = pp_beneath_find(root.fd, path, mode, &place, &err);
        assert_int_equal(rc, pp_beneath_find(root.fd, path, mode, &fresh, &fresh_err));
        assert_string_equal(err.text, fresh_err.text);
        if (rc < 0)
            continue;
        assert_string_equal((const char *)place.path.data, (const char *)fresh.path.data);
        assert_string_equal(place.name, fresh.name);
        assert_int_equal(fstat(place.dir, &st), 0);
        assert_int_equal(fstat(fresh.dir, &fresh_st), 0);
        assert_int_equal(st.st_ino, fresh_st.st_ino);
    }
    pp_place_done(&place);
    place = (struct pp_place)PP_PLACE_INIT;
    assert_int_equal(open_count(), before);
}

/* A folder that was put in the place of another one meanwhile. */
static void test_forgotten_way_is_walked_again(void **state) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    mkdirat(root.fd, "was", 0755);
    mkdirat(root.fd, "was/one", 0755);
    mkdirat(root.fd, "now", 0755);
    mkdirat(root.fd, "now/two", 0755);
    scratch_text(&root, "now/two/file", "another one");
    assert_int_equal(pp_beneath_find(root.fd, "was/one/x", PP_BENEATH_STRICT, &place, &err), 0);
    assert_int_equal(renameat(root.fd, "was", root.fd, "away"), 0);
    assert_int_equal(renameat(root.fd, "now", root.fd, "was"), 0);
    pp_place_forget_way(&place);
    assert_int_equal(pp_beneath_find(root.fd, "was/two/file", PP_BENEATH_STRICT, &place, &err), 0);
    assert_int_equal(faccessat(place.dir, "file", F_OK, 0), 0);
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
        cmocka_unit_test(test_place_never_remembers_wrongly),
        cmocka_unit_test(test_forgotten_way_is_walked_again),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
