/* The dpkg hook: patches what dpkg unpacked, and keeps dpkg's own records right.
 *
 * A package takes part by its field Dynamic-Variables: `yes` for the default table, else the name
 * of one. Its files are patched after they are unpacked and before the package is configured:
 * dpkg then records the hashes of patched conffiles. So conffiles are patched as CONF.dpkg-new,
 * never as CONF while that is there.
 */
#ifndef PP_DPKG_DPKG_H
#define PP_DPKG_DPKG_H

#include "base/error.h"
#include "core/record.h"
#include "core/report.h"
#include "dpkg/dpkg_query.h"

#include <stdbool.h>

/* The trigger: every package that changed since the last run is patched, md5sums are mended, rows
 * of files that are gone expire. `postinst configure` looks at `all` packages, and sees to it that
 * dpkg knows of our interest in the trigger. Single files that cannot be patched are reported and
 * counted. An error means that the run could not go on, or that trying again will do more: a file
 * lacked room, or is half written. Adds to the tally. `query` was started for all packages. */
int pp_dpkg_trigger(struct pp_record *record, struct pp_dpkg_query *query, bool all,
                    struct pp_tally *tally, struct pp_err *err);

/* Before a package is unpacked: conffiles that we changed after dpkg recorded them, and the files
 * that the architectures of a `Multi-Arch: same` package share, are put to what dpkg expects.
 * `query` was started for that package. */
int pp_dpkg_prepare(struct pp_record *record, struct pp_dpkg_query *query, struct pp_tally *tally,
                    struct pp_err *err);

/* What is wrong with the installation, and what mends it. */
enum pp_dpkg_finding_code {
    PP_DPKG_VALUES,       /* the recorded values are not those of the folder dpkg works in */
    PP_DPKG_INTEREST,     /* dpkg does not know that we wait for the trigger */
    PP_DPKG_UNCONFIGURED, /* a package that takes part is not configured */
    PP_DPKG_UNPATCHED,    /* one that was not patched as it is now */
    PP_DPKG_SUMS,         /* its md5sums are not those of the patched files */
    PP_DPKG_TABLE,        /* a package that names a table that is not there */
    PP_DPKG_PLACEHOLDERS, /* a file that could be patched, and was not */
};

struct pp_dpkg_finding {
    enum pp_dpkg_finding_code code;
    const char *subject; /* a placeholder, a package or a path */
    const char *text;
    const char *command;
};

/* Looks at all of it; needs a record that was opened for a dry run. Its ledger is brought in line
 * with dpkg, which is not kept. Nothing when the root has no database of dpkg. */
int pp_dpkg_check(struct pp_record *record,
                  void (*told)(void *context, const struct pp_dpkg_finding *finding), void *context,
                  struct pp_err *err);

/* Tells every conffile that is as we left it, but not as dpkg recorded it: it was patched after its
 * package was configured, or has other values now. To dpkg it looks edited. Brings the ledger in
 * line with dpkg first, which a record for a dry run does not keep. Nothing when the root has no
 * database of dpkg. */
int pp_dpkg_edited(struct pp_record *record,
                   void (*tell)(void *context, const char *path, const char *package),
                   void *context, struct pp_err *err);

#endif
