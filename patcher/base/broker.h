/* The broker: a child that keeps what the sandbox takes from the process.
 *
 * It is made before, and does only what was settled then: it opens temporary files, and it does one
 * last thing, as putting a finished file in its place. Asking takes a byte without any content, so
 * whoever takes over the process learns and commands nothing more by it.
 *
 * A process has one at most: what it gave up is a fact of the process, not of an object.
 */
#ifndef PP_BASE_BROKER_H
#define PP_BASE_BROKER_H

#include "base/error.h"

#include <stdbool.h>

/* The last thing. `asked`: the process asked for it; else it has ended, or does not need it any
 * more. Runs in the child; what it returns is its exit status. */
typedef int pp_broker_last_fn(void *context, bool asked);

/* Starts it, with copies of all that is in memory and open: before locks are taken. `last` may be
 * NULL. When there is one already that is PP_ERR_USAGE. */
int pp_broker_start(pp_broker_last_fn *last, void *context, struct pp_err *err);
bool pp_broker_is_there(void);

/* A temporary file, open for reading and writing, that has no name any more. Any thread may ask. */
int pp_broker_temporary(struct pp_err *err);

/* Has it do the last thing, and waits; it has ended then. `status` is that of waitpid(). */
int pp_broker_finish(int *status, struct pp_err *err);

/* Lets it end, and waits for that; nothing when there is none. */
void pp_broker_end(void);

#endif
