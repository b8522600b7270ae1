/* Who may be spoken to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "notify/peer.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_uids(void **state) {
    struct pp_err err = PP_ERR_INIT;
    const uid_t uids[] = {geteuid() + 1, geteuid() + 2};
    const struct pp_peers none = {NULL, 0};
    const struct pp_peers some = {uids, 2};

    (void)state;
    assert_int_equal(pp_peers_check_uid(&none, geteuid(), &err), 0);
    assert_int_equal(pp_peers_check_uid(&some, geteuid(), &err), 0);
    assert_int_equal(pp_peers_check_uid(&some, geteuid() + 2, &err), 0);
    assert_int_equal(pp_peers_check_uid(&none, geteuid() + 1, &err), -PP_ERR_PEER);
    assert_int_equal(pp_peers_check_uid(&some, geteuid() + 3, &err), -PP_ERR_PEER);
    assert_int_equal(err.kind, PP_ERR_PEER);
}

static void test_overflow_uid_proves_nothing(void **state) {
    struct pp_err err = PP_ERR_INIT;
    unsigned overflow = 0;
    FILE *file = fopen("/proc/sys/kernel/overflowuid", "r");
    struct pp_peers peers;
    uid_t uid;

    (void)state;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &overflow), 1);
    fclose(file);
    uid = overflow;
    peers = (struct pp_peers){&uid, 1};
    assert_int_equal(pp_peers_check_uid(&peers, uid, &err), -PP_ERR_PEER);
}

static void test_socket(void **state) {
    const struct pp_peers none = {NULL, 0};
    struct pp_err err = PP_ERR_INIT;
    int pair[2];
    int pipes[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pp_peers_check(&none, pair[0], &err), 0);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(pp_peers_check(&none, pipes[0], &err), -PP_ERR_SYSTEM);
    close(pair[0]);
    close(pair[1]);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uids),
        cmocka_unit_test(test_overflow_uid_proves_nothing),
        cmocka_unit_test(test_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
