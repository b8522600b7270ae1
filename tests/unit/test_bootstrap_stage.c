/* bootstrap/bootstrap_stage.h: everything is made anew, nothing is followed, folders are dressed
 * last.
 */
#include "bootstrap/bootstrap_stage.h"

#include "base/cleanup.h"
#include "tree/remove.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct timespec omitted = {.tv_nsec = UTIME_OMIT};
static const struct timespec told = {.tv_sec = 1500000000, .tv_nsec = 5};

struct bench {
    char path[64];
    int dir;
    struct pp_durable durable;
    struct pp_bootstrap_stage stage;
    struct pp_place place;
};

static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof(*bench));

    if (bench == NULL)
        return -1;
    *state = bench;
    snprintf(bench->path, sizeof(bench->path), "/tmp/pathpatch-test-stage.XXXXXX");
    if (mkdtemp(bench->path) == NULL)
        return -1;
    bench->dir = open(bench->path, O_RDONLY | O_DIRECTORY);
    bench->place = (struct pp_place)PP_PLACE_INIT;
    pp_durable_init(&bench->durable, PP_DURABILITY_NONE);
    pp_bootstrap_stage_init(&bench->stage, bench->dir, &bench->durable);
    return bench->dir < 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    struct pp_err err = PP_ERR_INIT;
    int rc = pp_tree_remove(AT_FDCWD, bench->path, &err);

    pp_bootstrap_stage_done(&bench->stage);
    pp_place_done(&bench->place);
    pp_durable_done(&bench->durable);
    close(bench->dir);
    free(bench);
    return rc;
}

static void make_file(struct bench *bench, const char *path) {
    struct pp_err err = PP_ERR_INIT;
    int fd;

    assert_int_equal(pp_bootstrap_stage_parents(&bench->stage, path, &err), 0);
    fd = pp_bootstrap_stage_create(&bench->stage, &bench->place, path, 0640, &err);
    assert_true(fd >= 0);
    assert_int_equal(pp_bootstrap_stage_dress(&bench->stage, fd, 0640, &told, &err), 0);
    close(fd);
}

static struct stat look(struct bench *bench, const char *path) {
    struct stat st;

    assert_int_equal(fstatat(bench->dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st;
}

static void test_folders_get_the_last_word_of_the_archive(void **state) {
    struct bench *bench = *state;
    struct pp_err err = PP_ERR_INIT;

    make_file(bench, "a/b/file");
    assert_int_equal(pp_bootstrap_stage_tell(&bench->stage, "a", 0700, &told, &err), 0);
    assert_int_equal(pp_bootstrap_stage_tell(&bench->stage, "a", 0550, &told, &err), 0);
    make_file(bench, "c/file");
    assert_int_equal(pp_bootstrap_stage_finish(&bench->stage, &err), 0);
    assert_int_equal(look(bench, "a").st_mode & 07777, 0550);
    assert_int_equal(look(bench, "a").st_mtim.tv_sec, told.tv_sec);
    assert_int_equal(look(bench, "a").st_mtim.tv_nsec, told.tv_nsec);
    assert_int_equal(look(bench, "a/b").st_mode & 07777, PP_BOOTSTRAP_FOLDER_MODE);
    assert_int_equal(look(bench, "c").st_mode & 07777, PP_BOOTSTRAP_FOLDER_MODE);
    assert_int_equal(look(bench, "a/b/file").st_mode & 07777, 0640);
    assert_int_equal(look(bench, "a/b/file").st_mtim.tv_sec, told.tv_sec);
}

static void test_nothing_is_replaced(void **state) {
    struct bench *bench = *state;
    struct pp_err err = PP_ERR_INIT;

    make_file(bench, "file");
    assert_int_equal(pp_bootstrap_stage_create(&bench->stage, &bench->place, "file", 0640, &err),
                     -(int)PP_ERR_REFUSED);
    assert_int_equal(
        pp_bootstrap_stage_symlink(&bench->stage, &bench->place, "file", "x", &omitted, &err),
        -(int)PP_ERR_REFUSED);
    assert_int_equal(
        pp_bootstrap_stage_hardlink(&bench->stage, &bench->place, "file", "file", &err),
        -(int)PP_ERR_REFUSED);
}

static void test_no_symlink_is_followed(void **state) {
    struct bench *bench = *state;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(mkdirat(bench->dir, "real", 0700), 0);
    assert_int_equal(
        pp_bootstrap_stage_symlink(&bench->stage, &bench->place, "link", "real", &omitted, &err),
        0);
    assert_int_equal(pp_bootstrap_stage_folder(&bench->stage, "link/sub", &err),
                     -(int)PP_ERR_REFUSED);
    assert_int_equal(pp_bootstrap_stage_parents(&bench->stage, "link/file", &err),
                     -(int)PP_ERR_REFUSED);
    assert_true(pp_bootstrap_stage_create(&bench->stage, &bench->place, "link/file", 0640, &err) <
                0);
    assert_true(pp_bootstrap_stage_hardlink(&bench->stage, &bench->place, "x", "link/file", &err) <
                0);
    assert_int_equal(pp_bootstrap_stage_hardlink(&bench->stage, &bench->place, "x", "link", &err),
                     -(int)PP_ERR_REFUSED);
    assert_int_equal(faccessat(bench->dir, "real/file", F_OK, 0), -1);
}

static void test_hard_links_share_the_file(void **state) {
    struct bench *bench = *state;
    struct pp_err err = PP_ERR_INIT;

    make_file(bench, "a/file");
    assert_int_equal(
        pp_bootstrap_stage_hardlink(&bench->stage, &bench->place, "name", "a/file", &err), 0);
    assert_int_equal(look(bench, "name").st_ino, look(bench, "a/file").st_ino);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folders_get_the_last_word_of_the_archive, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_symlink_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hard_links_share_the_file, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
