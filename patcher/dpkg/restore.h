/* Restore: back to the bytes as shipped.
 *
 * Conffiles of packages stay as they are unless they are asked for: dpkg has recorded them as
 * patched, and would ask about them. The md5sums of packages get the shipped hashes again.
 */
#ifndef PP_DPKG_RESTORE_H
#define PP_DPKG_RESTORE_H

#include "base/error.h"
#include "core/record.h"
#include "core/report.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_restore_options {
    const char *package; /* "NAME" or "NAME:ARCH"; NULL: files of any package and of none */
    char *const *paths;  /* relative to the root, with all that is below them */
    size_t path_count;   /* 0: everywhere */
    bool conffiles;
};

/* Restores what the ledger holds of that. A file that somebody changed since, or that is gone, is
 * reported, counted and left; an error means that the run could not go on. Adds to the tally. */
int pp_restore(struct pp_record *record, const struct pp_restore_options *options,
               struct pp_tally *tally, struct pp_err *err);

#endif
