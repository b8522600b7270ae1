#include "tree/replace.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/xattr.h>

static struct scratch root;

static int setup(void **state) {
    (void)state;
    scratch_init(&root);
    scratch_text(&root, "file", "before");
    fchmodat(root.fd, "file", 02751, 0);
    scratch_age(&root, "file");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_done(&root);
    return 0;
}

static struct pp_identity identity(const char *name) {
    struct stat st = scratch_stat(&root, name);

    return pp_identity_of(&st);
}

static int make(const char *temporary) {
    struct pp_err err = PP_ERR_INIT;
    int fd = pp_replace_create(root.fd, temporary, &err);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "afterwards", 10), 10);
    return fd;
}

static void test_names(void **state) {
    char one[PP_TEMPORARY_NAME_LEN + 1];
    char two[PP_TEMPORARY_NAME_LEN + 1];

    (void)state;
    pp_temporary_name(1, one);
    pp_temporary_name(2, two);
    assert_int_equal(strlen(one), PP_TEMPORARY_NAME_LEN);
    assert_memory_equal(one, ".pp-", 4);
    assert_string_not_equal(one, two);
}

static void test_everything_is_kept(void **state) {
    int from = openat(root.fd, "file", O_RDONLY | O_CLOEXEC);
    struct stat before = scratch_stat(&root, "file");
    struct pp_identity seen;
    struct pp_err err = PP_ERR_INIT;
    struct stat after;
    char note[8] = "";
    int fd;

    (void)state;
    assert_int_equal(fsetxattr(from, "user.note", "kept", 4, 0), 0);
    seen = identity("file");
    fd = make(".pp-a");
    assert_int_equal(fsetxattr(fd, "user.stray", "from the folder", 15, 0), 0);
    assert_int_equal(pp_replace_dress(fd, from, &err), 0);
    close(fd);
    close(from);
    assert_int_equal(pp_replace_commit(root.fd, ".pp-a", "file", &seen, false, &err), 0);
    after = scratch_stat(&root, "file");
    assert_string_equal(scratch_read(&root, "file"), "afterwards");
    assert_true(after.st_ino != before.st_ino);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_int_equal(after.st_gid, before.st_gid);
    assert_true(scratch_is_aged(&root, "file"));
    fd = openat(root.fd, "file", O_RDONLY | O_CLOEXEC);
    assert_int_equal(fgetxattr(fd, "user.note", note, sizeof(note)), 4);
    assert_string_equal(note, "kept");
    assert_int_equal(fgetxattr(fd, "user.stray", note, sizeof(note)), -1);
    close(fd);
    assert_false(scratch_has(&root, ".pp-a"));
}

static void test_changed_target_is_left(void **state) {
    struct pp_identity seen = identity("file");
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    close(make(".pp-a"));
    scratch_text(&root, "file", "edited");
    assert_int_equal(pp_replace_commit(root.fd, ".pp-a", "file", &seen, false, &err),
                     -PP_ERR_CHANGED);
    assert_string_equal(scratch_read(&root, "file"), "edited");
    unlinkat(root.fd, "file", 0);
    assert_int_equal(pp_replace_commit(root.fd, ".pp-a", "file", &seen, false, &err),
                     -PP_ERR_CHANGED);
    assert_false(scratch_has(&root, "file"));
}

static void test_another_name_has_another_ctime(void **state) {
    struct pp_identity seen;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(linkat(root.fd, "file", root.fd, "link", 0), 0);
    seen = identity("file");
    close(make(".pp-a"));
    assert_int_equal(pp_replace_link(root.fd, ".pp-a", root.fd, ".pp-b", &err), 1);
    seen.ctime.tv_sec--; /* as after the rename over the first name */
    assert_int_equal(pp_replace_commit(root.fd, ".pp-b", "link", &seen, false, &err),
                     -PP_ERR_CHANGED);
    assert_int_equal(pp_replace_commit(root.fd, ".pp-b", "link", &seen, true, &err), 0);
    assert_string_equal(scratch_read(&root, "link"), "afterwards");
}

static void test_temporary_is_never_somebody_elses(void **state) {
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(symlinkat("file", root.fd, ".pp-a"), 0);
    assert_true(pp_replace_create(root.fd, ".pp-a", &err) < 0);
    assert_string_equal(scratch_read(&root, "file"), "before");
}

static void test_symlink(void **state) {
    struct pp_identity seen;
    struct pp_err err = PP_ERR_INIT;
    char target[64] = "";
    struct stat st;

    (void)state;
    assert_int_equal(symlinkat("from", root.fd, "symlink"), 0);
    scratch_age(&root, "symlink");
    st = scratch_stat(&root, "symlink");
    seen = pp_identity_of(&st);
    assert_int_equal(pp_replace_symlink(root.fd, ".pp-a", "to", &st, &err), 0);
    assert_int_equal(pp_replace_commit(root.fd, ".pp-a", "symlink", &seen, false, &err), 0);
    assert_int_equal(readlinkat(root.fd, "symlink", target, sizeof(target)), 2);
    assert_string_equal(target, "to");
    assert_true(scratch_is_aged(&root, "symlink"));
}

static void test_folder_time_by_a_path_fd(void **state) {
    struct timespec mtime = {981173106, 123456789};
    struct pp_err err = PP_ERR_INIT;
    int dir = open(root.path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    assert_int_equal(pp_replace_folder_time(dir, &mtime, &err), 0);
    assert_true(scratch_is_aged(&root, "."));
    close(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_everything_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_target_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_name_has_another_ctime, setup, teardown),
        cmocka_unit_test_setup_teardown(test_temporary_is_never_somebody_elses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_symlink, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_time_by_a_path_fd, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
