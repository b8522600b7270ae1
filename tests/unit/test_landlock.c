#include "base/landlock.h"

#include "base/cleanup.h"

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

enum outcome { REFUSED, WORKED, ABSENT };

/* What becomes of `attempt` in a child that may write below `folder` alone; with "" nowhere. */
static enum outcome outcome_of(int (*attempt)(const char *path), const char *path,
                               const char *folder, bool programs) {
    int status;
    pid_t child = fork();

    if (child == 0) {
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            !pp_landlock_restrict(&fd, folder[0] != '\0' ? 1 : 0, programs, true))
            _exit(ABSENT);
        if (attempt(path) >= 0)
            _exit(WORKED);
        _exit(errno == EACCES || errno == EXDEV ? REFUSED : 99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum outcome)WEXITSTATUS(status);
}

static int make_file(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int make_fifo(const char *path) {
    return mkfifo(path, 0600);
}

static int move_up(const char *path) {
    char to[300];

    snprintf(to, sizeof(to), "%s/../../moved", path);
    return rename(path, to);
}

static int run(const char *path) {
    return execl(path, "true", (char *)NULL);
}

static int read_it(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int silence(const char *path) {
    return open(path, O_WRONLY | O_CLOEXEC);
}

/* Where the kernel does not do it, that is told: there is nothing more to say of it then. */
static void check(enum outcome outcome, enum outcome wanted) {
    if (outcome != ABSENT)
        assert_int_equal(outcome, wanted);
    else
        assert_int_equal(outcome_of(read_it, "/", "", true), ABSENT);
}

static void test_folders(void **state) {
    struct scratch scratch;
    char inside[256];
    char path[300];
    char moved[300];

    (void)state;
    scratch_init(&scratch);
    snprintf(inside, sizeof(inside), "%s/inside", scratch.path);
    assert_int_equal(mkdir(inside, 0700), 0);
    snprintf(path, sizeof(path), "%s/file", inside);
    snprintf(moved, sizeof(moved), "%s/folder", inside);
    assert_int_equal(mkdir(moved, 0700), 0);
    check(outcome_of(make_file, path, "", false), REFUSED);
    check(outcome_of(make_file, path, inside, false), WORKED);
    snprintf(path, sizeof(path), "%s/fifo", inside);
    check(outcome_of(make_fifo, path, inside, false), REFUSED);
    check(outcome_of(move_up, moved, inside, false), REFUSED);
    snprintf(path, sizeof(path), "%s/file", scratch.path);
    check(outcome_of(make_file, path, inside, false), REFUSED);
    check(outcome_of(read_it, "/etc/passwd", "", false), WORKED);
    scratch_done(&scratch);
}

static void test_programs(void **state) {
    (void)state;
    check(outcome_of(run, "/bin/true", "", false), REFUSED);
    check(outcome_of(silence, "/dev/null", "", false), REFUSED);
    check(outcome_of(silence, "/dev/null", "", true), WORKED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
