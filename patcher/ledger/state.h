/* The state folder of a root: its lock and the recorded values.
 *
 *     STATE/lock                 taken by whoever uses the folder, holds the pid
 *     STATE/values               NAME=VALUE lines: the values of the root
 *     STATE/environment          an env-file: the values, for shells; PATHPATCH_NOTIFY, the address
 *                                that the dpkg hook tells. Whoever runs the root may change it
 *     STATE/ledger.db            ledger.h
 *     STATE/pristine/            pristine.h
 *
 * The folder must belong to the effective user and be writable by nobody else.
 */
#ifndef PP_LEDGER_STATE_H
#define PP_LEDGER_STATE_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_STATE_ENVIRONMENT "environment"

struct pp_state {
    int dir;
    int lock;
    char *path;
};

#define PP_STATE_INIT                                                                              \
    { .dir = -1, .lock = -1, .path = NULL }
#define PP_AUTO_STATE PP_AUTO(pp_state_done)

/* Makes the folder, 0700, and those above it, where they are not there. */
int pp_state_make(const char *path, struct pp_err *err);

/* Opens the folder and takes its lock. While another process has it, `waiting` (may be NULL) is
 * called with its pid (0: unknown). What is locked is what `path` leads to after the wait.
 * `create`: makes it with pp_state_make(). Returns 1, or 0 when it is not there and shall not be
 * made. A folder that others may write to is PP_ERR_REFUSED. */
int pp_state_open(struct pp_state *state, const char *path, bool create,
                  void (*waiting)(void *context, long pid), void *context, struct pp_err *err);
void pp_state_done(struct pp_state *state);

/* The text of STATE/values, appended to `text`. Returns 1, or 0 when there is none. Works without
 * the lock: the file is replaced as a whole. */
int pp_state_read_values(const char *path, struct pp_buffer *text, struct pp_err *err);
/* Replaces STATE/values, unless it holds that text already. `durable`: it is on the disk when this
 * returns. */
int pp_state_write_values(const struct pp_state *state, const struct pp_buffer *text, bool durable,
                          struct pp_err *err);

#endif
