#include "base/syscall_filter.h"

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

/* The status of a child in which no filter could be set. */
#define ABSENT 255

/* The errno of `attempt` in a child with these filters; 0: it worked. */
static int errno_of(int (*attempt)(void), unsigned filters) {
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !pp_syscall_filter(filters))
            _exit(ABSENT);
        _exit(attempt() < 0 ? errno : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int unshare_nothing(void) {
    return unshare(0);
}

static int run(void) {
    return execl("/nowhere", "x", (char *)NULL);
}

static int signal_itself(void) {
    return kill(getpid(), 0);
}

static int unix_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int tcp_socket(void) {
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int socket_pair(void) {
    int ends[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static int open_to_read(void) {
    return open("/dev/null", O_RDONLY);
}

static int open_to_write(void) {
    return open("/dev/null", O_WRONLY);
}

static int open_at_to_write(void) {
    return openat(AT_FDCWD, "/nowhere", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

static int change_mode(void) {
    return fchmod(-1, 0600);
}

static int remove_nothing(void) {
    return unlink("/nowhere/at/all");
}

static int truncate_nothing(void) {
    return truncate("/nowhere/at/all", 0);
}

static int open_truncating(void) {
    return open("/dev/null", O_RDONLY | O_TRUNC);
}

/* A mode of Linux that neither reads nor writes. */
static int open_for_nothing_truncating(void) {
    return open("/dev/null", O_ACCMODE | O_TRUNC);
}

static int open_to_write_truncating(void) {
    return open("/dev/null", O_WRONLY | O_TRUNC);
}

static const struct row {
    int (*attempt)(void);
    unsigned filters; /* each of which alone refuses it */
    int otherwise;    /* the errno without them */
} rows[] = {
    {unshare_nothing, PP_FILTER_NEVER, 0},
    {run, PP_FILTER_PROGRAMS, ENOENT},
    {signal_itself, PP_FILTER_PROGRAMS, 0},
    {unix_socket, PP_FILTER_SOCKETS, 0},
#ifndef __i386__
    {tcp_socket, PP_FILTER_SOCKETS | PP_FILTER_OTHER_SOCKETS, 0},
#else
    {tcp_socket, PP_FILTER_SOCKETS, 0},
#endif
    {socket_pair, 0, 0},
    {open_to_read, 0, 0},
    {open_to_write, PP_FILTER_WRITING, 0},
    {change_mode, PP_FILTER_WRITING, EBADF},
    {remove_nothing, PP_FILTER_WRITING, ENOENT},
    {truncate_nothing, PP_FILTER_WRITING | PP_FILTER_TRUNCATION, ENOENT},
    {open_truncating, PP_FILTER_WRITING | PP_FILTER_TRUNCATION, 0},
    {open_for_nothing_truncating, PP_FILTER_WRITING | PP_FILTER_TRUNCATION, 0},
    {open_to_write_truncating, PP_FILTER_WRITING, 0},
};

static void test_each_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned filter = PP_FILTER_NEVER; filter <= PP_FILTER_TRUNCATION; filter <<= 1) {
            int error = errno_of(rows[i].attempt, filter);
            bool refused = (rows[i].filters & filter) != 0;

            if (error != ABSENT)
                assert_int_equal(error, refused ? EPERM : rows[i].otherwise);
            else
                /* Then there are none here, whichever. */
                assert_int_equal(errno_of(rows[i].attempt, 0), ABSENT);
        }
}

static int end_programs_and_run(void) {
    return pp_syscall_filter(PP_FILTER_PROGRAMS) ? run() : -1;
}

static int make_below_nothing(void) {
    return pp_syscall_filter(PP_FILTER_PROGRAMS) ? open_at_to_write() : -1;
}

/* A second filter takes more, and gives nothing back. */
static void test_they_add_up(void **state) {
    int error = errno_of(end_programs_and_run, PP_FILTER_NEVER);

    (void)state;
    if (error != ABSENT) {
        assert_int_equal(error, EPERM);
        assert_int_equal(errno_of(make_below_nothing, PP_FILTER_WRITING), EPERM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_alone),
        cmocka_unit_test(test_they_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
