#include "base/broker.h"

#include "base/cleanup.h"
#include "base/spool.h"

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Leaves word in a file: "asked" or "unasked". */
static int leave_word(void *context, bool asked) {
    const char *word = asked ? "asked" : "unasked";
    int fd = open(context, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    return fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word) ? 42 : 1;
}

static int end_itself(void *context, bool asked) {
    (void)context;
    (void)asked;
    raise(SIGKILL);
    return 0;
}

static void test_asked(void **state) {
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    char path[256];
    int status;

    (void)state;
    scratch_init(&scratch);
    snprintf(path, sizeof(path), "%s/word", scratch.path);
    assert_false(pp_broker_is_there());
    assert_int_equal(pp_broker_start(leave_word, path, &err), 0);
    assert_true(pp_broker_is_there());
    assert_int_equal(pp_broker_start(NULL, NULL, &err), -PP_ERR_USAGE);
    assert_int_equal(pp_broker_finish(&status, &err), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    assert_string_equal(scratch_read(&scratch, "word"), "asked");
    assert_false(pp_broker_is_there());
    pp_broker_end();
    scratch_done(&scratch);
}

static void test_not_asked(void **state) {
    struct pp_err err = PP_ERR_INIT;
    struct scratch scratch;
    char path[256];

    (void)state;
    scratch_init(&scratch);
    snprintf(path, sizeof(path), "%s/word", scratch.path);
    assert_int_equal(pp_broker_start(leave_word, path, &err), 0);
    pp_broker_end();
    assert_string_equal(scratch_read(&scratch, "word"), "unasked");
    scratch_done(&scratch);
}

static void test_no_descriptor_is_left(void **state) {
    struct pp_err err = PP_ERR_INIT;
    struct rlimit before;
    int spare;

    (void)state;
    assert_int_equal(pp_broker_start(NULL, NULL, &err), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    spare = dup(STDOUT_FILENO);
    assert_true(spare >= 0);
    close(spare);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)spare, before.rlim_max}), 0);
    assert_int_equal(pp_broker_temporary(&err), -PP_ERR_SYSTEM);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(err.sys, EMFILE);
    assert_true(pp_err_is_transient(&err));
    pp_broker_end();
}

static void test_nothing_to_do(void **state) {
    struct pp_err err = PP_ERR_INIT;
    int status;

    (void)state;
    assert_int_equal(pp_broker_start(NULL, NULL, &err), 0);
    assert_int_equal(pp_broker_finish(&status, &err), 0);
    assert_int_equal(status, 0);
}

static void *take_temporaries(void *count) {
    struct pp_err err = PP_ERR_INIT;

    for (int i = 0; i < 50; i++) {
        PP_AUTO_CLOSE int fd = pp_broker_temporary(&err);
        struct stat st;

        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 && S_ISREG(st.st_mode) &&
            write(fd, "x", 1) == 1 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
            ++*(int *)count;
    }
    return NULL;
}

static void test_temporaries_for_threads(void **state) {
    struct pp_err err = PP_ERR_INIT;
    pthread_t threads[4];
    int counts[4] = {0};

    (void)state;
    assert_int_equal(pp_broker_start(NULL, NULL, &err), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_temporaries, &counts[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(counts[i], 50);
    }
    pp_broker_end();
}

/* A spool takes its file from the broker, which has a TMPDIR of its own. */
static void test_spool(void **state) {
    static const char zeros[PP_SPOOL_MEMORY_MAX];
    PP_AUTO_SPOOL struct pp_spool spool;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    pp_spool_init(&spool);
    assert_int_equal(pp_broker_start(NULL, NULL, &err), 0);
    setenv("TMPDIR", "/nowhere", 1);
    assert_int_equal(pp_sink_write(&spool.sink, zeros, sizeof(zeros), &err), 0);
    assert_int_equal(pp_sink_write(&spool.sink, zeros, sizeof(zeros), &err), 0);
    unsetenv("TMPDIR");
    assert_true(spool.fd >= 0);
    pp_broker_end();
}

static void test_no_temporary(void **state) {
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    setenv("TMPDIR", "/nowhere", 1);
    assert_int_equal(pp_broker_start(NULL, NULL, &err), 0);
    unsetenv("TMPDIR");
    assert_int_equal(pp_broker_temporary(&err), -PP_ERR_SYSTEM);
    assert_int_equal(err.sys, ENOENT);
    pp_broker_end();
}

/* One that was killed is told of, and nobody waits for it. */
static void test_gone(void **state) {
    struct pp_err err = PP_ERR_INIT;
    int status;

    (void)state;
    assert_int_equal(setpgid(0, 0), 0);
    assert_int_equal(pp_broker_start(end_itself, NULL, &err), 0);
    assert_int_equal(pp_broker_finish(&status, &err), 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(pp_broker_start(NULL, NULL, &err), 0);
    /* To a group that is these two; the broker was made before it was ignored. */
    assert_int_equal(signal(SIGTERM, SIG_IGN) == SIG_ERR, 0);
    assert_int_equal(kill(0, SIGTERM), 0);
    signal(SIGTERM, SIG_DFL);
    while (pp_broker_temporary(&err) >= 0)
        ;
    assert_int_equal(err.kind, PP_ERR_SYSTEM);
    assert_int_equal(pp_broker_finish(&status, &err), -PP_ERR_SYSTEM);
    pp_broker_end();
    assert_false(pp_broker_is_there());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked),         cmocka_unit_test(test_not_asked),
        cmocka_unit_test(test_nothing_to_do), cmocka_unit_test(test_temporaries_for_threads),
        cmocka_unit_test(test_spool),         cmocka_unit_test(test_no_temporary),
        cmocka_unit_test(test_gone),          cmocka_unit_test(test_no_descriptor_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
