/* Files that are not what their rows say: edited, or put there anew by somebody. What earlier runs
 * wrote is looked for in them, since only that tells what was shipped. */
#ifndef PP_CORE_EDITED_H
#define PP_CORE_EDITED_H

#include "base/error.h"
#include "core/apply.h"
#include "core/record.h"
#include "core/report.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_edited {
    struct pp_apply_path *paths; /* what they point to is ours to free */
    size_t count;
    bool no_memory;
};

#define PP_EDITED_INIT                                                                             \
    { .paths = NULL }
#define PP_AUTO_EDITED PP_AUTO(pp_edited_done)

void pp_edited_done(struct pp_edited *edited);

/* Copies both. A package of "" stands for the row's. Without memory it is pp_edited_patch() that
 * fails. */
void pp_edited_add(struct pp_edited *edited, const char *path, const char *package);

/* Patches them: placeholders, and values of any set that a row was written with. Their rows are new
 * ones. Adds to the tally. */
int pp_edited_patch(struct pp_edited *edited, struct pp_record *record, struct pp_tally *tally,
                    struct pp_err *err);

#endif
