/* Opens the journal of a session: with its root, its state, and the texts of its values. */
#ifndef PP_CORE_RECORD_H
#define PP_CORE_RECORD_H

#include "base/error.h"
#include "core/report.h"
#include "core/session.h"
#include "journal/journal.h"

#include <stdbool.h>

struct pp_record_options {
    bool dry_run;
    bool always_replace;
    bool renew_ledger; /* a damaged ledger is kept beside a new one; not in a dry run */
    enum pp_durability durability;
    const struct pp_reporter *reporter; /* borrowed */
};

struct pp_record {
    struct pp_session *session;
    struct pp_record_options options;
    /* Those of the session, and behind them recorded ones that no table has any more: one that
     * comes back finds its values. */
    struct pp_ledger_value values[PP_PLACEHOLDER_MAX];
    size_t value_count;
    struct pp_envfile kept; /* the latter */
    struct pp_journal *journal;
    struct pp_tally tally;    /* of results that nobody took */
    struct pp_buffer refused; /* paths of those that the table is no good for, each with its NUL */
    /* Takes results while it is set; else they are reported as they come: files of a run that was
     * killed, restored files. Returns false for a result that it does not know. */
    bool (*take)(void *context, const struct pp_journal_result *result);
    void *take_context;
    /* Another run had the lock: what was read of the root before the record was open may be old. */
    bool waited;
};

#define PP_AUTO_RECORD PP_AUTO(pp_record_done)

/* The session is borrowed until pp_record_done(), and refreshed. In a dry run PP_ERR_CHANGED tells
 * that a run was cut off. The record is initialised by this, and done with pp_record_done() also
 * after an error. */
int pp_record_open(struct pp_record *record, struct pp_session *session,
                   const struct pp_record_options *options, struct pp_err *err);
void pp_record_done(struct pp_record *record);

/* Was it told already that the table is no good for what the row of this path says? */
bool pp_record_has_refused(const struct pp_record *record, const char *path);

/* Moves what was counted so far to `tally`. */
void pp_record_take_tally(struct pp_record *record, struct pp_tally *tally);

#endif
