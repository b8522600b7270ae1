/* The journal: writes patched files so that a kill, a full disk or a power cut loses nothing.
 *
 *     pp_journal_open(&options, err)             takes the lock, ends what a killed run began
 *     pp_journal_add(journal, &change, err)      as often as needed; full batches are written
 *     pp_journal_flush(journal, err)             writes the rest
 *     pp_journal_close(journal)
 *
 * A change says what stands where; the journal decides how it is written. Content of the same
 * length is written in place: the intents of a batch (with the hits, which are their redo and
 * undo) are committed to the ledger, then the spans are written, then the batch is synced, then it
 * is done. Everything else (compressed content, symlinks, files that cannot be opened for writing
 * or have names that the run does not know) is replaced by a temporary beside it.
 *
 * What goes wrong with one file is told by `result` and stops nothing. A negative return means
 * that the run cannot go on: out of memory, or the ledger cannot be written.
 *
 * A journal belongs to one thread at a time.
 */
#ifndef PP_JOURNAL_JOURNAL_H
#define PP_JOURNAL_JOURNAL_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/identity.h"
#include "base/sink.h"
#include "ledger/hit.h"
#include "ledger/ledger.h"
#include "tree/durable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Produces the new content of a file from its shipped bytes, or, at the first patch, from the file
 * as it is. `fd` is at the start of `len` bytes, borrowed. May run in any thread of `parallel`. */
typedef int pp_journal_rewrite_fn(void *context, const char *path, int fd, uint64_t len,
                                  struct pp_sink *out, struct pp_err *err);

struct pp_change {
    const char *path;    /* relative to the root, without symlinks on the way */
    const char *package; /* "name:arch", or "" */
    enum pp_ledger_kind kind;
    struct pp_identity identity; /* as scanned */
    const struct pp_hit *hits;   /* sorted by member, then offset; at least one */
    size_t hit_count;
    const char *const *members; /* names that the hits' `member` counts from 1 */
    size_t member_count;
    const char *const *links; /* other names of the same inode: paths as above */
    size_t link_count;
    pp_journal_rewrite_fn *rewrite; /* PP_LEDGER_REWRITTEN only */
    /* The same, where older values stand in the file: gives what was shipped from what is there.
     * NULL: what is there is as shipped. */
    pp_journal_rewrite_fn *unpatch;
    void *context; /* for both; lives until the result */
    /* The hits are all that was ever written to the file: a row that it has does not count. Else
     * what the row knows is kept, and PP_JOURNAL_STALE tells that it does not fit. */
    bool alone;
};

struct pp_journal_result {
    const char *path; /* also once for each of the links */
    enum pp_journal_outcome {
        PP_JOURNAL_DONE,      /* written, or (dry run) would be */
        PP_JOURNAL_RECOVERED, /* written by ending what a killed run began */
        PP_JOURNAL_LEFT,      /* left as it was, or as somebody else made it: `err` says why */
        PP_JOURNAL_STALE,     /* left: its row is of other bytes. Look for values of earlier runs in
                                 it, and add it again, `alone` */
    } outcome;
    bool undone;              /* it is about going back to the shipped bytes */
    bool copied;              /* hard links are refused here: it is a file of its own now */
    const struct pp_err *err; /* PP_JOURNAL_LEFT and PP_JOURNAL_STALE */
};

/* Everything is borrowed until the journal is closed. */
struct pp_journal_options {
    int root;               /* the folder that paths are relative to */
    const char *root_path;  /* for messages; without a slash at its end */
    const char *state_path; /* the state folder, as open(2) takes it */
    enum pp_durability durability;
    bool always_replace; /* trees that are read while they are patched */
    bool dry_run;        /* nothing is made or written; recovery is not run */
    bool renew_ledger;   /* a damaged ledger is set aside, and a new one begun */
    bool md5;            /* dpkg is there: all rows get MD5s, not only those of packages */

    /* The values of the run, in the order that the hits' `placeholder` counts from 0. */
    const struct pp_ledger_value *values;
    size_t value_count;

    /* The padded text of a placeholder (`value` NULL) or of a value, appended to `text`; both
     * have one length. The values may come from the ledger: they are checked here. A name that
     * is not in the table, or a value that is refused, is an error. */
    int (*text)(void *context, const char *name, const char *value, struct pp_buffer *text,
                struct pp_err *err);
    void (*result)(void *context, const struct pp_journal_result *result);
    /* Another process has the lock; called once before waiting. May be NULL. */
    void (*waiting)(void *context, long pid);
    /* Calls job(arg, i) for each i below `count`, in any threads, and returns when all are done.
     * NULL: one after another. */
    void (*parallel)(void *context, size_t count, void (*job)(void *arg, size_t i), void *arg);
    void *context;
};

struct pp_journal;

/* Recovery is part of it, unless `dry_run`. PP_ERR_DAMAGED: the ledger; open again with
 * `renew_ledger`, and placeholders are still found. NULL on failure. */
struct pp_journal *pp_journal_open(const struct pp_journal_options *options, struct pp_err *err);
/* Drops what was not flushed. */
void pp_journal_close(struct pp_journal *journal);

/* Did a killed run leave something to be ended? Returns 1 or 0. For dry runs and readers. */
int pp_journal_recovery_pending(struct pp_journal *journal, struct pp_err *err);

/* Copies the change. `result` is called for it by this call or a later one, or by the flush. */
int pp_journal_add(struct pp_journal *journal, const struct pp_change *change, struct pp_err *err);
/* From now on the last step of a batch is committed with the caller's next pp_ledger_commit(), or
 * when the journal is closed: the disk is waited for once less. Should that not come to be, the
 * next run finds what was intended, and done. */
void pp_journal_settle_late(struct pp_journal *journal);
/* Also drops shipped bytes that no row names any more, unless a batch of the ledger is open. */
int pp_journal_flush(struct pp_journal *journal, struct pp_err *err);

/* Some of the ledger's rows. */
struct pp_journal_rows {
    struct pp_ledger_filter filter;
    bool (*wants)(void *context, const struct pp_ledger_file *file); /* NULL: all that fit */
    void *context;
};

/* The number of a value set, for a hit's `was`: patterns of older values that were found. */
int pp_journal_set(struct pp_journal *journal, const struct pp_ledger_value *values,
                   size_t value_count, uint32_t *set, struct pp_err *err);

/* Puts the rows that fit back to the bytes as shipped, and forgets them. Files that somebody
 * changed since are left (PP_ERR_CHANGED) and keep their row; so do those that are gone. Other
 * recorded names of the same inodes go with them: hard links stay hard links. */
int pp_journal_restore(struct pp_journal *journal, const struct pp_journal_rows *rows,
                       struct pp_err *err);
/* Brings the rows that fit, and were written with other values, to a value set of the ledger; 0: to
 * the values of the run. Files that somebody changed since are left (PP_ERR_CHANGED). */
int pp_journal_revalue(struct pp_journal *journal, const struct pp_journal_rows *rows, uint32_t set,
                       pp_journal_rewrite_fn *rewrite, void *rewrite_context, struct pp_err *err);

/* Records the values of the run for this root, also when nothing is written with them. */
int pp_journal_record_values(struct pp_journal *journal, struct pp_err *err);

/* Was there a ledger when the journal was opened? */
bool pp_journal_had_ledger(const struct pp_journal *journal);
/* Rows, stamps, values: borrowed. In a dry run without a state folder it is empty. */
struct pp_ledger *pp_journal_ledger(struct pp_journal *journal);

#endif
