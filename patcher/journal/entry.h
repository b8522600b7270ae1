/* A file that a batch is going to write: a change, copied, and how far it got. */
#ifndef PP_JOURNAL_ENTRY_H
#define PP_JOURNAL_ENTRY_H

#include "base/digest.h"
#include "base/error.h"
#include "base/identity.h"
#include "journal/journal.h"
#include "journal/texts.h"
#include "ledger/hit.h"
#include "ledger/ledger.h"
#include "tree/inplace.h"
#include "tree/replace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of the names of the inode. */
struct pp_entry_name {
    char *path;
    char temporary[PP_TEMPORARY_NAME_LEN + 1]; /* "": none was made */
    const struct pp_err *err;                  /* NULL: nothing went wrong so far */
    bool intended;                             /* there is an intent for it */
    bool copied;                               /* its temporary is no hard link: refused */
    bool kept; /* begun: the intent stays, and the next run ends it */
};

struct pp_entry {
    struct pp_entry_name *names; /* the first one leads; the others are its hard links */
    size_t name_count;
    char *package;
    enum pp_ledger_kind kind;
    struct pp_identity identity;
    struct pp_hit *hits; /* their placeholders are those of `set` */
    size_t hit_count;
    char *members; /* each with its NUL */
    size_t members_len;
    pp_journal_rewrite_fn *rewrite;
    pp_journal_rewrite_fn *unpatch;
    void *context;

    const struct pp_text_set *set; /* borrowed */
    bool undo;                     /* from values to placeholders */
    /* There is a row: the file must hold its bytes (or, for undo, the shipped ones). */
    bool recorded;
    struct pp_digest row_current;
    bool merged; /* hits of a row are among these */
    bool stale;  /* and that row is of other bytes than the file has now */

    bool replace; /* by a temporary; else in place */
    struct pp_digest shipped;
    struct pp_digest current;   /* as it will be */
    uint8_t old[PP_SHA256_LEN]; /* as it is */
    uint64_t size;              /* as it will be */
    struct timespec mtime;
};

/* Spans of the hits; pp_entry_spans_done() frees the arrays. */
struct pp_entry_spans {
    struct pp_span *spans;
    const uint8_t **shipped;
};

struct pp_entry *pp_entry_new(const struct pp_change *change, struct pp_err *err);
/* From a row, for a file that looks like `identity` now. */
struct pp_entry *pp_entry_from_row(const struct pp_ledger_file *file,
                                   const struct pp_identity *identity, struct pp_err *err);
void pp_entry_free(struct pp_entry *entry);

/* One more name of the inode; copied. */
int pp_entry_add_name(struct pp_entry *entry, const char *path, struct pp_err *err);
/* Memory that it takes, about. */
size_t pp_entry_len(const struct pp_entry *entry);

/* Takes down what went wrong with a name; the first error stays. */
void pp_entry_fail(struct pp_entry *entry, size_t name, const struct pp_err *err);
/* The same for all names. */
void pp_entry_fail_all(struct pp_entry *entry, const struct pp_err *err);

int pp_entry_spans_init(struct pp_entry_spans *spans, const struct pp_entry *entry,
                        const struct pp_texts *texts, struct pp_err *err);
void pp_entry_spans_done(struct pp_entry_spans *spans);

#endif
