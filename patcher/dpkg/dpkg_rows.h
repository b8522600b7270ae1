/* The ledger's rows of packages, brought in line with dpkg. Shared by the dpkg_*.c files. */
#ifndef PP_DPKG_DPKG_ROWS_H
#define PP_DPKG_DPKG_ROWS_H

#include "base/digest.h"
#include "base/error.h"
#include "core/record.h"
#include "dpkg/dpkg_info.h"
#include "ledger/ledger.h"

#include <stdbool.h>
#include <stddef.h>

/* What dpkg puts behind the name of a conffile that is not configured yet. */
#define PP_DPKG_NEW ".dpkg-new"
/* Where the one that the package brought goes when the user keeps the edited one. */
#define PP_DPKG_DIST ".dpkg-dist"

struct pp_row {
    char *path;
    char *package;
    enum pp_ledger_kind kind;
    uint64_t size;
    struct pp_digest shipped;
    struct pp_digest current;
};

struct pp_rows {
    struct pp_row *items; /* by path */
    size_t count;
};

#define PP_ROWS_INIT                                                                               \
    { .items = NULL, .count = 0 }
#define PP_AUTO_ROWS PP_AUTO(pp_rows_done)

void pp_rows_done(struct pp_rows *rows);
/* Copies the rows of a package ("" : of none; NULL: all of them). */
int pp_rows_load(struct pp_rows *rows, struct pp_ledger *ledger, const char *package,
                 struct pp_err *err);
const struct pp_row *pp_rows_find(const struct pp_rows *rows, const char *path);

/* Is the file still as the row says? By its hash: dpkg gives a new file the mtime of its build,
 * which may be that of the one before. Returns 1 or 0; 0 also when it is gone, 1
 * also when it cannot be read, as from a damaged disk. */
int pp_row_fits(const struct pp_record *record, const struct pp_row *row, struct pp_err *err);

/* Does the file have this MD5, in hex? Returns 1 or 0; 0 also when it is gone or cannot
 * be read. */
int pp_dpkg_has_md5(const struct pp_record *record, const char *path, const char *md5,
                    struct pp_err *err);

/* The path of a file of a package, relative to the root and without symlinks on the way:
 * diversions and values are followed. Returns 1, or 0 when its folder is not there or cannot be
 * opened; `lasting`, which may be NULL, then says what is wrong with one that may be there. */
int pp_dpkg_resolve(const struct pp_record *record, const struct pp_dpkg_info *info,
                    const struct pp_dpkg_package *package, const char *path,
                    struct pp_buffer *resolved, struct pp_err *lasting, struct pp_err *err);

/* Conffiles that were patched as CONF.dpkg-new and are CONF now: their rows move. */
int pp_dpkg_rows_rename(struct pp_record *record, struct pp_err *err);
/* Rows of packages that are gone are forgotten, and those of files that a package which no longer
 * opts in has replaced. `dpkg` has all packages. */
int pp_dpkg_rows_leave(struct pp_record *record, const struct pp_dpkg *dpkg, struct pp_err *err);
/* Both. */
int pp_dpkg_rows_follow(struct pp_record *record, const struct pp_dpkg *dpkg, struct pp_err *err);
/* Forgets the rows of a package whose file is gone or is another one now. */
int pp_dpkg_rows_expire(struct pp_record *record, const struct pp_dpkg_package *package,
                        struct pp_err *err);
/* Brings info/PKG.md5sums in line with the rows: all of them, since a file that several packages
 * share has one row. Returns 1 when it had to be, 0 when not; in a dry run nothing is written. */
int pp_dpkg_rows_sums(struct pp_record *record, const struct pp_dpkg_info *info,
                      const struct pp_dpkg_package *package, const struct pp_rows *rows,
                      struct pp_err *err);

#endif
