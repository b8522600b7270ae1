/* Tells the app that --notify names how a command goes: `start`, `progress`, and how it ended.
 *
 *     pp_announcer_open(&announcer, &options.notify, &output, &tally, err)
 *     pp_announcer_state(&announcer, session.state, err)   where its spool is
 *     pp_announcer_start(&announcer)
 *     ...                                                  progress comes by the output's reporter
 *     status = pp_announcer_end(&announcer, status)
 *
 * Without an address nothing of this does anything. Failing to tell is no failure of what was done:
 * it counts only where all else went well.
 */
#ifndef PP_CLI_ANNOUNCER_H
#define PP_CLI_ANNOUNCER_H

#include "cli/notify_options.h"
#include "cli/output.h"
#include "core/report.h"
#include "notify/notifier.h"

#include <stdbool.h>
#include <stdint.h>

struct pp_announcer {
    const char *address; /* borrowed */
    bool is_hook;        /* not told: a run with nothing to do. What cannot be told fails nothing */
    bool started;        /* `start` is told */
    struct pp_output *output;
    const struct pp_tally *tally;
    char *state; /* path of the state folder; NULL: the outbox was opened elsewhere, or is none */
    struct pp_outbox outbox;
    struct pp_notifier *notifier; /* NULL: nobody is told */
    char run[PP_RUN_LEN + 1];
};

#define PP_ANNOUNCER_INIT                                                                          \
    { .outbox = PP_OUTBOX_INIT }
#define PP_AUTO_ANNOUNCER PP_AUTO(pp_announcer_done)

/* Borrows all that it is given. Does nothing without an address, and in a dry run. */
int pp_announcer_open(struct pp_announcer *announcer, struct pp_notify_options *options,
                      struct pp_output *output, const struct pp_tally *tally, struct pp_err *err);
/* The state folder, which need not be there yet, holds the spool. Copies the path. */
int pp_announcer_state(struct pp_announcer *announcer, const char *state, struct pp_err *err);
/* `start`, once; where this is not called, the first progress does it. After pp_confine(): a broker
 * with a copy of the connection would keep it open when the process gives it up. */
void pp_announcer_start(struct pp_announcer *announcer);
void pp_announcer_progress(struct pp_announcer *announcer, uint64_t files);
/* Tells `complete` for the statuses 0 and 1, else `failed`. Returns the exit status. */
int pp_announcer_end(struct pp_announcer *announcer, int status);
void pp_announcer_done(struct pp_announcer *announcer);

/* Opens the spool of a state folder. */
int pp_announcer_open_outbox(struct pp_outbox *outbox, const char *state, struct pp_err *err);

#endif
