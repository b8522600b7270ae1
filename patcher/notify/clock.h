/* Deadlines: milliseconds of the monotonic clock. */
#ifndef PP_NOTIFY_CLOCK_H
#define PP_NOTIFY_CLOCK_H

#include "base/error.h"

#include <stdint.h>

int64_t pp_clock_ms(void);

/* Waits until `fd` is ready for `events` of poll(2), or broken. PP_ERR_UNDELIVERED when the
 * deadline comes first. */
int pp_clock_wait(int fd, short events, int64_t deadline, struct pp_err *err);

/* Sleeps until then. */
void pp_clock_sleep(int64_t until);

#endif
