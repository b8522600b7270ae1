/* The first two steps of a batch: which way an entry is written, and whether it is what was
 * scanned.
 *
 * They are steps as in batch.c: `place` is used again for the next entry.
 */
#ifndef PP_JOURNAL_PLAN_H
#define PP_JOURNAL_PLAN_H

#include "base/beneath.h"
#include "base/error.h"
#include "journal/batch.h"
#include "journal/entry.h"

/* Looks at the file and its other names again, and chooses the way. In order, in one thread. */
int pp_plan(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
            struct pp_err *err);

/* Reads what is written in place, and what has a row to agree with, and sets the digests. Where a
 * file cannot be opened for writing its folder may still let us replace it. In any thread. */
int pp_plan_check(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                  struct pp_err *err);

#endif
