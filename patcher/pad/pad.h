/* Pad: plain default paths become padded placeholders, when a package is built.
 *
 * Text is padded, as it is or in gzip, bzip2, xz, lzma or zstd (content/retext.h), and the targets
 * of symlinks; programs and binary content never. A second run finds nothing to do. Files keep
 * their owner, mode, xattrs and times, and stay hard links of one another; a package gets its
 * md5sums mended.
 *
 *     pp_pad_init(&pad, &session, dry_run, &reporter);
 *     rc = pp_pad_path(&pad, path, &tally, err);      (as often as needed)
 *     pp_pad_done(&pad);
 */
#ifndef PP_PAD_PAD_H
#define PP_PAD_PAD_H

#include "base/error.h"
#include "content/retext.h"
#include "core/report.h"
#include "core/session.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_pad {
    struct pp_session *session; /* borrowed; its values are the defaults */
    struct pp_retext retext;
    bool dry_run;
    const struct pp_reporter *reporter; /* borrowed */
    struct pp_pad_linked *linked;       /* files with several names that were written */
    size_t linked_count;
};

#define PP_AUTO_PAD PP_AUTO(pp_pad_done)

void pp_pad_init(struct pp_pad *pad, struct pp_session *session, bool dry_run,
                 const struct pp_reporter *reporter);
void pp_pad_done(struct pp_pad *pad);

/* Pads a file, tree or package, relative to the session's root. What goes wrong with one file is
 * reported; an error means that the run could not go on. Adds to the tally. */
int pp_pad_path(struct pp_pad *pad, const char *path, struct pp_tally *tally, struct pp_err *err);

#endif
