/* What stands around a path that was found: which rule it breaks. */
#ifndef PP_LINT_SURROUNDINGS_H
#define PP_LINT_SURROUNDINGS_H

#include "base/error.h"
#include "content/findings.h"
#include "stream/matcher.h"
#include "values/table.h"

#include <stdint.h>

/* A matcher of the table's placeholders and, behind them, of their default paths. NULL and `err` on
 * failure. */
struct pp_matcher *pp_surroundings_matcher(const struct pp_table *table, struct pp_err *err);

/* The judge of a policy with that matcher (content/content.h); its context is the table. The mark
 * is an enum pp_rule_index, or 0 for a placeholder as it shall be. */
void pp_surroundings_judge(const void *table, const struct pp_match *match, uint64_t offset,
                           struct pp_finding *finding);

#endif
