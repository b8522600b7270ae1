/* tree/remove.h: a tree goes, and nothing that a symlink in it leads to. */
#include "tree/remove.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int make_folder(void **state) {
    static char path[64];

    snprintf(path, sizeof(path), "/tmp/pathpatch-test-remove.XXXXXX");
    *state = mkdtemp(path);
    return *state == NULL;
}

static int remove_folder(void **state) {
    return rmdir(*state);
}

static void touch(int dir, const char *name) {
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static bool is_there(int dir, const char *name) {
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_tree_goes_and_its_symlinks_are_not_followed(void **state) {
    PP_AUTO_CLOSE int dir = open(*state, O_RDONLY | O_DIRECTORY);
    struct pp_err err = PP_ERR_INIT;

    assert_true(dir >= 0);
    assert_int_equal(mkdirat(dir, "kept", 0700), 0);
    touch(dir, "kept/file");
    assert_int_equal(mkdirat(dir, "tree", 0700), 0);
    assert_int_equal(mkdirat(dir, "tree/a", 0700), 0);
    assert_int_equal(mkdirat(dir, "tree/a/closed", 0700), 0);
    touch(dir, "tree/a/closed/file");
    assert_int_equal(symlinkat("../../kept", dir, "tree/a/link"), 0);
    assert_int_equal(symlinkat("nowhere", dir, "tree/dangling"), 0);
    assert_int_equal(mkfifoat(dir, "tree/pipe", 0600), 0);
    assert_int_equal(fchmodat(dir, "tree/a/closed", 0, 0), 0);

    assert_int_equal(pp_tree_remove(dir, "tree", &err), 0);
    assert_false(is_there(dir, "tree"));
    assert_true(is_there(dir, "kept/file"));

    assert_int_equal(symlinkat("kept", dir, "link"), 0);
    assert_int_equal(pp_tree_remove(dir, "link", &err), 0);
    assert_false(is_there(dir, "link"));
    assert_true(is_there(dir, "kept/file"));
    assert_int_equal(pp_tree_remove(dir, "kept", &err), 0);
    assert_false(is_there(dir, "kept"));
}

static void test_what_is_not_there_is_no_error(void **state) {
    PP_AUTO_CLOSE int dir = open(*state, O_RDONLY | O_DIRECTORY);
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_tree_remove(dir, "nothing", &err), 0);
    touch(dir, "file");
    assert_int_equal(pp_tree_remove(dir, "file", &err), 0);
    assert_false(is_there(dir, "file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tree_goes_and_its_symlinks_are_not_followed,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_not_there_is_no_error, make_folder,
                                        remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
