/* A file that has a row already is patched again: with a table that knows more, or since somebody
 * put a new placeholder into it. */
#ifndef PP_JOURNAL_MERGE_H
#define PP_JOURNAL_MERGE_H

#include "base/error.h"
#include "journal/batch.h"
#include "journal/entry.h"
#include "journal/texts.h"

/* What the hits of a row say stands in the file: the values of `was`. They are counted as the run
 * counts its placeholders from now on. PP_ERR_REFUSED when it has no such placeholder. */
int pp_merge_turn(struct pp_hit *hits, size_t hit_count, const struct pp_text_set *was,
                  const struct pp_text_set *set, struct pp_err *err);

/* Adds the hits of the row that a name of the entry has, and takes over what was shipped, and the
 * package. Whether the file is still what the row says is told by pp_plan_check(). */
int pp_merge_row(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err);
/* Takes over only the package. */
int pp_merge_package(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err);

#endif
