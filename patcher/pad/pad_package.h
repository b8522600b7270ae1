/* Padding a .deb. */
#ifndef PP_PAD_PAD_PACKAGE_H
#define PP_PAD_PAD_PACKAGE_H

#include "base/blob.h"
#include "base/error.h"
#include "base/sink.h"
#include "content/findings.h"
#include "content/retext.h"

/* Writes the package with its files and symlinks padded; adds the paths to the findings, and what
 * could not be read as a problem. Control files stay as they are, but for md5sums. Returns how many
 * paths; without any `out` has nothing of use. */
int pp_pad_package(const struct pp_retext *retext, const struct pp_blob *deb, struct pp_sink *out,
                   struct pp_findings *findings, struct pp_err *err);

#endif
