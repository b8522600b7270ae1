/* Moving a package to another rootfs: its paths, and every text that names one.
 *
 * A padded placeholder keeps its length, as everywhere; a path without padding takes the length of
 * the value. That is done in text: control files, symlink targets, and files without a NUL byte, as
 * they are or in gzip, bzip2, xz, lzma or zstd.
 */
#ifndef PP_DEB_DEB_RELOCATE_H
#define PP_DEB_DEB_RELOCATE_H

#include "base/blob.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/sink.h"
#include "content/findings.h"
#include "core/session.h"
#include "deb/deb_tar.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_relocation {
    const struct pp_session *session;
    struct pp_matcher *paths; /* finds the default paths, padded or not */
};

#define PP_AUTO_RELOCATION PP_AUTO(pp_relocation_done)

/* The session is borrowed. */
int pp_relocation_init(struct pp_relocation *relocation, const struct pp_session *session,
                       struct pp_err *err);
void pp_relocation_done(struct pp_relocation *relocation);

/* Sets where a member goes, and what its link names. */
int pp_relocation_move(const struct pp_relocation *relocation, const struct pp_deb_member *member,
                       struct pp_deb_change *change, struct pp_err *err);

/* Appends the text with every path moved. Returns how many there were. */
int pp_relocation_text(const struct pp_relocation *relocation, const uint8_t *text, size_t len,
                       struct pp_buffer *moved, struct pp_err *err);

/* The same for a file, when it is text: `out` gets all of it. Returns how many paths there were, or
 * PP_RELOCATION_NO_TEXT when its length must not change. */
#define PP_RELOCATION_NO_TEXT INT_MAX
int pp_relocation_content(const struct pp_relocation *relocation, const struct pp_blob *content,
                          uint32_t mode, struct pp_sink *out, struct pp_err *err);

/* Adds the places where content still names a default path whose value is another. */
int pp_relocation_scan(const struct pp_relocation *relocation, const struct pp_blob *content,
                       uint32_t mode, struct pp_findings *findings, struct pp_err *err);

#endif
