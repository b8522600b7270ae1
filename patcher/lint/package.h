/* Lint of a .deb: its files, and what its control files say of them. */
#ifndef PP_LINT_PACKAGE_H
#define PP_LINT_PACKAGE_H

#include "base/blob.h"
#include "base/error.h"
#include "content/content.h"
#include "core/session.h"
#include "lint/notes.h"

/* Members are paths as dpkg installs them, and DEBIAN/NAME for control files. PP_ERR_DAMAGED and
 * the like: no sound package. */
int pp_package_lint(const struct pp_session *session, const struct pp_policy *policy,
                    const struct pp_blob *deb, struct pp_notes *notes, struct pp_err *err);

/* Does a symlink lead out of the root? By its text alone: `path` is relative to the root. */
bool pp_symlink_leaves(const struct pp_table *table, const char *path, const char *target);

#endif
