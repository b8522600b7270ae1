/* Debian packages: a .deb is read member by member, and written again with what a visitor changed.
 *
 * Format: deb(5), deb-control(5), deb-conffiles(5), deb-md5sums(5), deb-triggers(5). The archive is
 * debian-binary, control.tar and data.tar, in the compressions that dpkg knows. What is not changed
 * is copied byte for byte; a changed member of the archive is encoded with the parameters it had.
 * The lines of md5sums are mended for files that got other content or another path.
 */
#ifndef PP_DEB_DEB_H
#define PP_DEB_DEB_H

#include "base/blob.h"
#include "base/budget.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/sink.h"
#include "deb/deb_tar.h"

/* Decoded bytes of control.tar and of data.tar; more is PP_ERR_LIMIT. */
#define PP_DEB_CONTROL_LEN_MAX ((uint64_t)256 << 20)
#define PP_DEB_DATA_LEN_MAX ((uint64_t)8 << 30)

/* How control.tar and data.tar are compressed in the package that is written. */
enum pp_deb_compression {
    PP_DEB_COMPRESSION_KEPT,
    PP_DEB_COMPRESSION_NONE,
    PP_DEB_COMPRESSION_GZIP,
    PP_DEB_COMPRESSION_XZ,
    PP_DEB_COMPRESSION_ZSTD,
};

enum pp_deb_control {
    PP_DEB_CONTROL_KEPT = 0,
    PP_DEB_CONTROL_CHANGED = 1,
    PP_DEB_CONTROL_DROPPED = 2, /* the package is without this file */
};

struct pp_deb_visitor {
    /* A control file but md5sums: its text may be changed in place. `control` comes first, and all
     * of them come before the first member of data.tar. Returns an enum pp_deb_control. */
    int (*control)(struct pp_deb_visitor *visitor, const char *name, struct pp_buffer *text,
                   struct pp_err *err);
    /* A member of data.tar. See deb_tar.h. */
    int (*member)(struct pp_deb_visitor *visitor, const struct pp_deb_member *member,
                  struct pp_deb_change *change, struct pp_err *err);
};

/* Reads the .deb and, with a sink, writes it again; what the visitor changes without a sink is
 * dropped. `in` is read at random. Returns 1 when something was changed, 0 when not. PP_ERR_DAMAGED
 * and PP_ERR_LIMIT: no sound package; PP_ERR_UNSUPPORTED: sound, but it cannot be written again (it
 * is signed, say). The sink's content is void after an error. */
int pp_deb_walk(const struct pp_blob *in, enum pp_deb_compression compression,
                struct pp_budget *budget, struct pp_sink *out, struct pp_deb_visitor *visitor,
                struct pp_err *err);

#endif
