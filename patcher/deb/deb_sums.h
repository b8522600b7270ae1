/* What became of the files of a package, and its md5sums with that. Format: deb-md5sums(5). */
#ifndef PP_DEB_DEB_SUMS_H
#define PP_DEB_DEB_SUMS_H

#include "base/buffer.h"
#include "base/digest.h"
#include "deb/deb_tar.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_deb_sums {
    struct pp_deb_sum {
        char *path;   /* as it was */
        char *moved;  /* as it is; NULL: the same */
        char *linked; /* of a hard link: the path that it was linked to; else NULL */
        bool rewritten;
        uint8_t md5[PP_MD5_LEN]; /* of the new content */
    } * items;
    size_t count;
    size_t cap;
};

#define PP_DEB_SUMS_INIT                                                                           \
    { .items = NULL }
#define PP_AUTO_DEB_SUMS PP_AUTO(pp_deb_sums_done)

void pp_deb_sums_done(struct pp_deb_sums *sums);
/* Notes what became of a file or hard link. */
int pp_deb_sums_add(struct pp_deb_sums *sums, const struct pp_deb_member *member,
                    const struct pp_deb_change *change, struct pp_err *err);
/* Appends `text`, the md5sums of the package, with what was noted; the rest as it is. Returns 1
 * when a line changed. Sorts the notes. */
int pp_deb_sums_mend(struct pp_deb_sums *sums, const struct pp_buffer *text,
                     struct pp_buffer *mended, struct pp_err *err);

#endif
