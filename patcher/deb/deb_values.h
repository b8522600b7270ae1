/* pathpatch deb: a .deb with the values written in, as dpkg and the hook would have installed it.
 */
#ifndef PP_DEB_DEB_VALUES_H
#define PP_DEB_DEB_VALUES_H

#include "base/blob.h"
#include "base/error.h"
#include "base/sink.h"
#include "core/report.h"
#include "core/session.h"
#include "deb/deb.h"

#include <stdbool.h>

struct pp_deb_options {
    const char *name; /* of the package, in reports: NAME!MEMBER */
    bool relocate;    /* members below the default rootfs move to the one of the values */
    enum pp_deb_compression compression;
    const struct pp_reporter *reporter;
};

/* Writes the package with the session's values; `out` NULL: only says what it would do. Members are
 * reported in the order of the archive. What cannot be patched in a member is reported, and the
 * member stays as it is. The package no longer opts in to be patched: the field Dynamic-Variables,
 * the dependency on pathpatch and the activation of its trigger are gone. Adds to the tally. */
int pp_deb_values(struct pp_session *session, const struct pp_deb_options *options,
                  const struct pp_blob *in, struct pp_sink *out, struct pp_tally *tally,
                  struct pp_err *err);

#endif
