/* Scan and apply: what is in a tree, and patching it. */
#ifndef PP_CORE_APPLY_H
#define PP_CORE_APPLY_H

#include "base/error.h"
#include "core/record.h"
#include "core/report.h"
#include "core/session.h"
#include "tree/walker.h"
#include "values/older.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_apply_path {
    const char *path;    /* relative to the session's root */
    const char *package; /* "name:arch", or "" */
};

struct pp_apply_options {
    const struct pp_apply_path *paths;
    size_t path_count;
    enum pp_walker_mode mode;
    const struct pp_older *older; /* besides placeholders; NULL: those of the session's `was` */
    bool edited;                  /* files that are not what their rows say (core/edited.h) */
};

/* Tells of every hit; nothing is written. Adds to the tally. */
int pp_scan(struct pp_session *session, const struct pp_apply_options *options,
            const struct pp_reporter *reporter, struct pp_tally *tally, struct pp_err *err);

/* Patches, and records it and the values in the ledger. What goes wrong with one file is reported
 * and counted; an error means that the run could not go on. Adds to the tally. */
int pp_apply(struct pp_record *record, const struct pp_apply_options *options,
             struct pp_tally *tally, struct pp_err *err);

#endif
