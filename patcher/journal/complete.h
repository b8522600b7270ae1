/* MD5s for rows that were written where no dpkg was, and nobody asked for them. Such rows have no
 * package: that they have one is only known from dpkg. */
#ifndef PP_JOURNAL_COMPLETE_H
#define PP_JOURNAL_COMPLETE_H

#include "base/error.h"
#include "journal/batch.h"

/* Computes those that are lacking, from files that are still as recorded. */
int pp_complete_rows(struct pp_journal *journal, struct pp_err *err);

#endif
