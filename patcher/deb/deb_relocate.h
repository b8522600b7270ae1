/* Moving a package to another rootfs: its paths, and every text that names one (content/retext.h):
 * control files, symlink targets, files. */
#ifndef PP_DEB_DEB_RELOCATE_H
#define PP_DEB_DEB_RELOCATE_H

#include "base/blob.h"
#include "base/error.h"
#include "content/findings.h"
#include "content/retext.h"
#include "core/session.h"
#include "deb/deb_tar.h"

#include <stdint.h>

struct pp_relocation {
    const struct pp_session *session;
    struct pp_matcher *paths; /* finds the default paths, padded or not */
    struct pp_retext retext;  /* writes the values in their place */
};

#define PP_AUTO_RELOCATION PP_AUTO(pp_relocation_done)

/* The session is borrowed. */
int pp_relocation_init(struct pp_relocation *relocation, const struct pp_session *session,
                       struct pp_err *err);
void pp_relocation_done(struct pp_relocation *relocation);

/* Sets where a member goes, and what its link names; adds the paths in the target of a symlink to
 * the findings. */
int pp_relocation_move(const struct pp_relocation *relocation, const struct pp_deb_member *member,
                       struct pp_deb_change *change, struct pp_findings *findings,
                       struct pp_err *err);

/* Adds the places where content still names a default path whose value is another. Their mark is
 * true where the path has escapes or line breaks in it. */
int pp_relocation_scan(const struct pp_relocation *relocation, const struct pp_blob *content,
                       uint32_t mode, struct pp_findings *findings, struct pp_err *err);

#endif
