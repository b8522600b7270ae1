#include "notify/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

int64_t pp_clock_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What poll(2) takes: milliseconds that are left, never negative. */
static int left_ms(int64_t deadline) {
    int64_t left = deadline - pp_clock_ms();

    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

int pp_clock_wait(int fd, short events, int64_t deadline, struct pp_err *err) {
    struct pollfd poll_fd = {.fd = fd, .events = events};

    for (;;) {
        int left = left_ms(deadline);
        int count;

        /* Before the poll: a peer that never stops sending is always ready. */
        if (left == 0)
            return pp_err_set(err, PP_ERR_UNDELIVERED, "the peer takes too long");
        count = poll(&poll_fd, 1, left);
        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return pp_err_sys(err, "cannot wait for the peer");
    }
}

void pp_clock_sleep(int64_t until) {
    int left;

    while ((left = left_ms(until)) > 0)
        poll(NULL, 0, left);
}
