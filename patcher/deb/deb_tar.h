/* The tar inside a .deb, decoded: every member is handed up, and the tar is written again with
 * other contents, names and link targets. dpkg reads v7, ustar and GNU headers. */
#ifndef PP_DEB_DEB_TAR_H
#define PP_DEB_DEB_TAR_H

#include "base/blob.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/spool.h"

#include <stdbool.h>
#include <stdint.h>

enum pp_deb_kind {
    PP_DEB_FILE,
    PP_DEB_HARDLINK,
    PP_DEB_SYMLINK,
    PP_DEB_FOLDER,
    PP_DEB_OTHER, /* a device or a pipe */
};

/* Borrowed from the walk. */
struct pp_deb_member {
    const char *path; /* as dpkg installs it: no slash at its head or end; "" is the root */
    enum pp_deb_kind kind;
    uint32_t mode;      /* permission bits */
    const char *target; /* a symlink's as stored, a hard link's like `path`; else "" */
    struct pp_blob content;
};

/* What shall be different. Empty when it is handed to the visitor. */
struct pp_deb_change {
    bool dropped;
    bool deferred;  /* a folder: it is written when something below it is, else never */
    bool rewritten; /* `content` stands for the content of a file */
    bool moved;     /* `path` stands for the path */
    bool relinked;  /* `target` stands for the target */
    struct pp_spool content;
    struct pp_buffer path;   /* like member.path */
    struct pp_buffer target; /* like member.target */
};

typedef int pp_deb_member_fn(void *context, const struct pp_deb_member *member,
                             struct pp_deb_change *change, struct pp_err *err);

/* Walks the members in order; `out` NULL: nothing is written. Before a member that moved, its
 * folders are written where they were not yet, like the one that was above it. PP_ERR_DAMAGED: a
 * path leads out of the package, and what makes a tar unsound. Returns 1 when something was
 * changed. */
int pp_deb_tar_walk(const struct pp_blob *tar, struct pp_sink *out, pp_deb_member_fn *visit,
                    void *context, struct pp_err *err);

#endif
