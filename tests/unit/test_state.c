#include "ledger/state.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/file.h>
#include <sys/wait.h>

static struct scratch root;
static char path[128];
static int held; /* the lock, by the wish of a test */

static int setup(void **state) {
    (void)state;
    scratch_init(&root);
    snprintf(path, sizeof(path), "%s/var//lib/pp/", root.path);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_done(&root);
    return 0;
}

static void test_is_made_for_us_alone(void **unused) {
    PP_AUTO_STATE struct pp_state state = PP_STATE_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    assert_int_equal(pp_state_open(&state, path, true, NULL, NULL, &err), 1);
    assert_int_equal(scratch_stat(&root, "var/lib/pp").st_mode & 07777, 0700);
    assert_int_equal(scratch_stat(&root, "var/lib").st_mode & 0700, 0700);
    assert_int_equal(strtol(scratch_read(&root, "var/lib/pp/lock"), NULL, 10), getpid());
}

static void test_is_not_made_unasked(void **unused) {
    PP_AUTO_STATE struct pp_state state = PP_STATE_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    assert_int_equal(pp_state_open(&state, path, false, NULL, NULL, &err), 0);
    assert_false(scratch_has(&root, "var"));
}

static void test_others_may_not_write(void **unused) {
    PP_AUTO_STATE struct pp_state state = PP_STATE_INIT;
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    mkdirat(root.fd, "open", 0700);
    fchmodat(root.fd, "open", 0770, 0);
    snprintf(path, sizeof(path), "%s/open", root.path);
    assert_int_equal(pp_state_open(&state, path, true, NULL, NULL, &err), -PP_ERR_REFUSED);
}

/* Lets the child that has the lock go on. */
static void on_waiting(void *context, long pid) {
    int *pipe_fd_and_pid = context;

    pipe_fd_and_pid[1] = (int)pid;
    assert_int_equal(write(pipe_fd_and_pid[0], "x", 1), 1);
}

static void test_waits_and_says_for_whom(void **unused) {
    PP_AUTO_STATE struct pp_state state = PP_STATE_INIT;
    struct pp_err err = PP_ERR_INIT;
    int locked[2];
    int go_on[2];
    int context[2];
    char byte;
    pid_t child;

    (void)unused;
    assert_int_equal(pipe(locked), 0);
    assert_int_equal(pipe(go_on), 0);
    child = fork();
    if (child == 0) {
        if (pp_state_open(&state, path, true, NULL, NULL, &err) != 1 ||
            write(locked[1], "x", 1) != 1 || read(go_on[0], &byte, 1) != 1)
            _exit(1);
        pp_state_done(&state);
        _exit(0);
    }
    assert_int_equal(read(locked[0], &byte, 1), 1);
    context[0] = go_on[1];
    context[1] = 0;
    assert_int_equal(pp_state_open(&state, path, true, on_waiting, context, &err), 1);
    assert_int_equal(context[1], child);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(strtol(scratch_read(&root, "var/lib/pp/lock"), NULL, 10), getpid());
    for (int i = 0; i < 2; i++) {
        close(locked[i]);
        close(go_on[i]);
    }
}

/* Puts another state folder in the place of the one that is waited for. */
static void on_waiting_replace(void *context, long pid) {
    (void)pid;
    assert_int_equal(rename(path, context), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    /* What is waited for comes free; nobody wants it any more. */
    assert_int_equal(close(held), 0);
}

static void test_what_is_locked_is_what_is_there(void **unused) {
    PP_AUTO_STATE struct pp_state state = PP_STATE_INIT;
    PP_AUTO_FREE char *aside = NULL;
    PP_AUTO_FREE char *lock = NULL;
    struct pp_err err = PP_ERR_INIT;
    struct stat named;
    struct stat locked;

    (void)unused;
    assert_true(asprintf(&aside, "%s/aside", root.path) > 0);
    assert_true(asprintf(&lock, "%slock", path) > 0);
    assert_int_equal(pp_state_open(&state, path, true, NULL, NULL, &err), 1);
    held = dup(state.lock);
    pp_state_done(&state);
    assert_int_equal(pp_state_open(&state, path, true, on_waiting_replace, aside, &err), 1);
    assert_int_equal(stat(lock, &named), 0);
    assert_int_equal(fstat(state.lock, &locked), 0);
    assert_int_equal(named.st_ino, locked.st_ino);
    held = open(lock, O_RDWR | O_CLOEXEC);
    assert_true(held >= 0);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), -1);
    close(held);
}

static void test_values(void **unused) {
    PP_AUTO_STATE struct pp_state state = PP_STATE_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer back = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct stat first;

    (void)unused;
    assert_int_equal(pp_state_read_values(path, &back, &err), 0);
    assert_int_equal(pp_state_open(&state, path, true, NULL, NULL, &err), 1);
    assert_int_equal(pp_state_read_values(path, &back, &err), 0);
    assert_int_equal(pp_buffer_printf(&text, &err, "A=/b\nC=/d\n"), 0);
    assert_int_equal(pp_state_write_values(&state, &text, true, &err), 0);
    first = scratch_stat(&root, "var/lib/pp/values");
    /* The same again is not written again. */
    assert_int_equal(pp_state_write_values(&state, &text, true, &err), 0);
    assert_int_equal(scratch_stat(&root, "var/lib/pp/values").st_ino, first.st_ino);
    assert_int_equal(pp_state_read_values(path, &back, &err), 1);
    assert_string_equal((const char *)back.data, "A=/b\nC=/d\n");
    assert_int_equal(pp_buffer_printf(&text, &err, "E=/f\n"), 0);
    assert_int_equal(pp_state_write_values(&state, &text, false, &err), 0);
    assert_string_equal(scratch_read(&root, "var/lib/pp/values"), "A=/b\nC=/d\nE=/f\n");
    assert_false(scratch_has(&root, "var/lib/pp/values.new"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_is_made_for_us_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_is_not_made_unasked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_may_not_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_and_says_for_whom, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_locked_is_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
