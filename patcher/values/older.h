/* Older values: texts that may stand in a file where a placeholder was, from a run with other
 * values. They are patterns for files that the ledger cannot speak for: edited since, or unknown.
 *
 *     pp_older_add...()             as often as needed
 *     pp_older_finish(&older, err)
 *
 * Where a text may be of several placeholders, which would be shipped or written differently, it is
 * found, reported and left.
 */
#ifndef PP_VALUES_OLDER_H
#define PP_VALUES_OLDER_H

#include "base/cleanup.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "stream/matcher.h"
#include "values/values.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_older_text {
    char *text; /* padded */
    uint16_t placeholder;
    uint32_t set;   /* value set of the ledger that it is from */
    bool ambiguous; /* may be another placeholder's as well */
};

struct pp_older {
    const struct pp_values *values; /* of the run; borrowed */
    bool own; /* the values of the run count, too: for files that were patched with them before */
    struct pp_older_text *items;
    size_t count;
    /* Writes the values over placeholders and over older texts. Its patterns are the placeholders,
     * then the items. */
    struct pp_matcher *forward;
    /* Writes the placeholders over older texts. Its patterns are the items. */
    struct pp_matcher *back;
};

#define PP_OLDER_INIT(of)                                                                          \
    { .values = (of) }
#define PP_AUTO_OLDER PP_AUTO(pp_older_done)

void pp_older_done(struct pp_older *older);

/* Adds the values of a set that differ from the defaults and, without `own`, from those of the run.
 * They are
 * checked; names that the table does not have any more are passed over. */
int pp_older_add_set(struct pp_older *older, struct pp_ledger *ledger, uint32_t set,
                     struct pp_err *err);
int pp_older_finish(struct pp_older *older, struct pp_err *err);

#endif
