/* Reads an archive that comes from outside: zip (bootstrap_zip.h), or tar in any compression
 * (libarchive), told by content.
 *
 *     pp_bootstrap_archive_open(fd, sha256, budget, helpers, err)
 *                                                             the entries are read in order:
 *     pp_bootstrap_archive_next(archive, &entry, err)         1, or 0 at the end
 *     pp_bootstrap_archive_read(archive, &entry, spool, err)  the content of the entry; of a
 *                                                             packed one at any time, by any thread
 *     pp_bootstrap_archive_close(archive)
 *
 * Names are checked: what would lead out of the destination is refused. But for packed content an
 * archive belongs to one thread, whose locale it changes while it is open: names are UTF-8.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_ARCHIVE_H
#define PP_BOOTSTRAP_BOOTSTRAP_ARCHIVE_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/helpers.h"
#include "base/spool.h"
#include "bootstrap/bootstrap_zip.h"

#include <stdint.h>
#include <time.h>

/* Folders above an entry. */
#define PP_BOOTSTRAP_DEPTH_MAX 128

enum pp_bootstrap_kind {
    PP_BOOTSTRAP_FILE,
    PP_BOOTSTRAP_FOLDER,
    PP_BOOTSTRAP_SYMLINK,
    PP_BOOTSTRAP_HARDLINK, /* another name of a file before it */
    PP_BOOTSTRAP_OTHER,    /* devices, pipes, sockets */
};

struct pp_bootstrap_entry {
    enum pp_bootstrap_kind kind;
    const char *path;      /* relative, no `.` or empty components; "" is the destination itself */
    const char *target;    /* of a symlink as it stands there; of a hard link as `path` */
    uint32_t mode;         /* 0 to 0777, with the sticky bit for a folder */
    struct timespec mtime; /* tv_nsec UTIME_OMIT: not told */
    bool is_packed;        /* a file of a zip: */
    struct pp_bootstrap_packed packed;
};

struct pp_bootstrap_archive;

/* `fd` is borrowed: a file is read from where it stands, anything else to its end. A stream is kept
 * (base/spool.h) before it is read if it is a zip, whose index stands at its end. With `sha256` an
 * archive is kept whatever it is, and not looked into before its digest is the one: PP_ERR_REFUSED.
 * `budget` and `helpers` (borrowed) are for decoders. NULL and `err`: PP_ERR_UNSUPPORTED when it is
 * no such archive. */
struct pp_bootstrap_archive *pp_bootstrap_archive_open(int fd, const uint8_t *sha256,
                                                       struct pp_budget *budget,
                                                       struct pp_helpers *helpers,
                                                       struct pp_err *err);
void pp_bootstrap_archive_close(struct pp_bootstrap_archive *archive);

struct pp_bootstrap_size {
    uint64_t len;   /* bytes that the content takes in blocks */
    uint64_t count; /* entries that are no folders; 0: not known */
};

/* What the archive holds, as far as that can be known without decoding all of it: exact for a zip
 * and a plain tar; of a compressed tar the bytes that its format tells, or those that it has
 * itself; nothing of a stream. */
int pp_bootstrap_archive_size(struct pp_bootstrap_archive *archive, uint64_t block_len,
                              struct pp_bootstrap_size *size, struct pp_err *err);

/* The next entry, good until the next call. PP_ERR_REFUSED: a name that leads out. PP_ERR_DAMAGED
 * ends the archive. */
int pp_bootstrap_archive_next(struct pp_bootstrap_archive *archive,
                              struct pp_bootstrap_entry *entry, struct pp_err *err);
int pp_bootstrap_archive_read(struct pp_bootstrap_archive *archive,
                              const struct pp_bootstrap_entry *entry, struct pp_spool *spool,
                              struct pp_err *err);

/* A name as the archive gives it (NULL: none that can be read) as a path relative to the
 * destination, or PP_ERR_REFUSED. */
int pp_bootstrap_clean_path(const char *name, struct pp_buffer *path, struct pp_err *err);

#endif
