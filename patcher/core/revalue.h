/* New values for a tree that was patched with others. */
#ifndef PP_CORE_REVALUE_H
#define PP_CORE_REVALUE_H

#include "base/error.h"
#include "core/record.h"
#include "core/report.h"
#include "values/older.h"

/* Brings every file that the ledger knows with other values to those of the session: by its row
 * while it is as it was left, else by looking for the older values in it. Also ends what a run that
 * was killed began. Does next to nothing where there is nothing to do. Adds to the tally. */
int pp_revalue(struct pp_record *record, struct pp_tally *tally, struct pp_err *err);
/* The same for some of the rows. */
int pp_revalue_rows(struct pp_record *record, const struct pp_journal_rows *rows,
                    struct pp_tally *tally, struct pp_err *err);

/* Brings the file of a row to the values of another set of the ledger, or back to those of the
 * session (`set` 0). Returns 1, or 0 when there is no such set. */
int pp_revalue_back(struct pp_record *record, const char *path, uint32_t set, struct pp_err *err);

/* Adds the session's `was` to the older values, as a set of the ledger. */
int pp_revalue_add_was(struct pp_record *record, struct pp_older *older, struct pp_err *err);
/* The same, and every set that a row was written with. */
int pp_revalue_add_older(struct pp_record *record, struct pp_older *older, struct pp_err *err);

#endif
