/* What a batch is about to do, so that the next run can end it. */
#ifndef PP_LEDGER_INTENT_H
#define PP_LEDGER_INTENT_H

#include "base/digest.h"
#include "base/error.h"
#include "ledger/ledger.h"

#include <stdbool.h>
#include <stdint.h>

struct pp_ledger_intent {
    struct pp_ledger_file file; /* the row that will be; its set numbers the placeholders */
    bool undo;                  /* the placeholders are written, and there will be no row */
    uint64_t ino;
    const char *temporary;      /* name of the file that will be renamed; NULL: in place */
    uint8_t old[PP_SHA256_LEN]; /* with a temporary: of the bytes that it replaces */
};

/* One a path: an older one is replaced. */
int pp_ledger_put_intent(struct pp_ledger *ledger, const struct pp_ledger_intent *intent,
                         struct pp_err *err);
/* The intent came true: it becomes the row of its path, or takes it away. */
int pp_ledger_settle(struct pp_ledger *ledger, const char *path, struct pp_err *err);
/* Nothing came of it. */
int pp_ledger_drop_intent(struct pp_ledger *ledger, const char *path, struct pp_err *err);
/* Calls `each` for every intent, by path. As with rows, it does not write to the ledger. */
int pp_ledger_intents(struct pp_ledger *ledger,
                      int (*each)(void *context, const struct pp_ledger_intent *intent,
                                  struct pp_err *err),
                      void *context, struct pp_err *err);

/* Temporaries are named here before they are made; those of intents are not shown. */
int pp_ledger_put_temporary(struct pp_ledger *ledger, const char *path, struct pp_err *err);
int pp_ledger_temporaries(struct pp_ledger *ledger,
                          int (*each)(void *context, const char *path, struct pp_err *err),
                          void *context, struct pp_err *err);
/* Forgets those that were shown, and the times of folders in which no intent has anything to
 * rename. */
int pp_ledger_clear_temporaries(struct pp_ledger *ledger, struct pp_err *err);

/* The mtime that a folder gets back after the batch; the first one told is kept. */
int pp_ledger_put_folder_time(struct pp_ledger *ledger, const char *path,
                              const struct timespec *mtime, struct pp_err *err);
int pp_ledger_folder_times(struct pp_ledger *ledger,
                           int (*each)(void *context, const char *path,
                                       const struct timespec *mtime, struct pp_err *err),
                           void *context, struct pp_err *err);

/* Is there an intent or a temporary? Returns 1 or 0. */
int pp_ledger_pending(struct pp_ledger *ledger, struct pp_err *err);

/* Does a row or an intent name these shipped bytes? Returns 1 or 0. */
int pp_ledger_names_pristine(struct pp_ledger *ledger, const uint8_t sha256[PP_SHA256_LEN],
                             struct pp_err *err);
/* Was a row that names shipped bytes removed or replaced since the last sweep? */
int pp_ledger_sweep_due(struct pp_ledger *ledger, struct pp_err *err);
int pp_ledger_swept(struct pp_ledger *ledger, struct pp_err *err);

#endif
