#include "base/whole_file.h"

#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

static void path_in(const struct scratch *scratch, const char *name, char path[256]) {
    snprintf(path, 256, "%s/%s", scratch->path, name);
}

/* The names in the folder besides "." and "..". */
static int count_names(const struct scratch *scratch) {
    DIR *dir = opendir(scratch->path);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

static void test_commit(void **state) {
    struct pp_whole_output output = PP_WHOLE_OUTPUT_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    struct stat st;
    char path[256];

    (void)state;
    scratch_init(&scratch);
    scratch_text(&scratch, "out", "as it was");
    path_in(&scratch, "out", path);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(pp_whole_output_open(&output, path, NULL, &err), 0);
    assert_int_equal(pp_sink_write(&output.sink, "new", 3, &err), 0);
    assert_string_equal(scratch_read(&scratch, "out"), "as it was");
    assert_int_equal(pp_whole_output_commit(&output, &err), 0);
    pp_whole_output_done(&output);
    assert_string_equal(scratch_read(&scratch, "out"), "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(count_names(&scratch), 1);
    scratch_done(&scratch);
}

static void test_no_commit(void **state) {
    struct pp_whole_output output = PP_WHOLE_OUTPUT_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    char path[256];

    (void)state;
    scratch_init(&scratch);
    path_in(&scratch, "out", path);
    assert_int_equal(pp_whole_output_open(&output, path, NULL, &err), 0);
    assert_int_equal(pp_sink_write(&output.sink, "new", 3, &err), 0);
    assert_int_equal(count_names(&scratch), 1);
    pp_whole_output_done(&output);
    assert_int_equal(count_names(&scratch), 0);
    scratch_done(&scratch);
}

/* Files that runs which were killed left behind, with the names that come first. */
static void test_names_that_are_taken(void **state) {
    struct pp_whole_output output = PP_WHOLE_OUTPUT_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    char name[64];
    char path[256];

    (void)state;
    scratch_init(&scratch);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), ".pathpatch-%ld-%d", (long)getpid(), i);
        scratch_text(&scratch, name, "old");
    }
    path_in(&scratch, "out", path);
    assert_int_equal(pp_whole_output_open(&output, path, NULL, &err), 0);
    assert_int_equal(pp_whole_output_commit(&output, &err), 0);
    pp_whole_output_done(&output);
    assert_int_equal(count_names(&scratch), 4);
    scratch_done(&scratch);
}

static void test_refused(void **state) {
    struct pp_whole_output output = PP_WHOLE_OUTPUT_INIT;
    struct pp_whole_input input = PP_WHOLE_INPUT_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    char path[256];

    (void)state;
    scratch_init(&scratch);
    scratch_text(&scratch, "in", "text");
    path_in(&scratch, "in", path);
    assert_int_equal(pp_whole_input_open(&input, path, &err), 0);
    assert_int_equal(input.blob.len, 4);
    assert_int_equal(pp_whole_output_open(&output, path, &input, &err), -PP_ERR_REFUSED);
    pp_whole_output_done(&output);
    assert_int_equal(pp_whole_output_open(&output, scratch.path, &input, &err), -PP_ERR_REFUSED);
    pp_whole_output_done(&output);
    path_in(&scratch, "none/out", path);
    assert_int_equal(pp_whole_output_open(&output, path, &input, &err), -PP_ERR_SYSTEM);
    assert_non_null(strstr(err.text, path));
    pp_whole_output_done(&output);
    pp_whole_input_done(&input);
    assert_int_equal(pp_whole_input_open(&input, scratch.path, &err), -PP_ERR_USAGE);
    pp_whole_input_done(&input);
    scratch_done(&scratch);
}

/* A pipe gets all of it at once, and stays a pipe. */
static void test_pipe(void **state) {
    struct pp_whole_output output = PP_WHOLE_OUTPUT_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    struct stat st;
    char path[256];
    char data[8];
    int fd;

    (void)state;
    scratch_init(&scratch);
    path_in(&scratch, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pp_whole_output_open(&output, path, NULL, &err), 0);
    assert_int_equal(pp_sink_write(&output.sink, "new", 3, &err), 0);
    assert_int_equal(read(fd, data, sizeof(data)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(pp_whole_output_commit(&output, &err), 0);
    pp_whole_output_done(&output);
    assert_int_equal(read(fd, data, sizeof(data)), 3);
    close(fd);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    scratch_done(&scratch);
}

/* There is no broker to remove the file that was begun. */
static void test_no_broker(void **state) {
    struct pp_whole_output output = PP_WHOLE_OUTPUT_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    struct rlimit before;
    struct rlimit one_more;
    char path[256];
    int rc;
    int fd;

    (void)state;
    scratch_init(&scratch);
    path_in(&scratch, "out", path);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    fd = dup(STDERR_FILENO);
    assert_true(fd >= 0);
    close(fd);
    one_more = (struct rlimit){(rlim_t)fd + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &one_more), 0);
    rc = pp_whole_output_open(&output, path, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, -PP_ERR_SYSTEM);
    assert_int_equal(err.sys, EMFILE);
    pp_whole_output_done(&output);
    assert_int_equal(count_names(&scratch), 0);
    scratch_done(&scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit),
        cmocka_unit_test(test_no_commit),
        cmocka_unit_test(test_names_that_are_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_no_broker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
