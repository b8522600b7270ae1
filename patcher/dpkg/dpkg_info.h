/* dpkg's files about packages: lists, diversions, md5sums. Formats: deb-*(5), dpkg-divert(1). */
#ifndef PP_DPKG_DPKG_INFO_H
#define PP_DPKG_DPKG_INFO_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "dpkg/dpkg_query.h"

#include <stddef.h>
#include <sys/stat.h>

/* dpkg's database, open. */
struct pp_dpkg_info {
    int admindir;
    int info; /* the folder ADMINDIR/info */
    struct pp_buffer diversions_text;
    uint8_t diversions_sha256[PP_SHA256_LEN]; /* of the file; zeros when there is none */
    struct pp_diversion {
        const char *from; /* as a package ships it */
        const char *to;   /* where it is for every package but `by` */
        const char *by;   /* package name, or ":" for a local diversion */
    } * diversions;
    size_t diversion_count;
};

#define PP_DPKG_INFO_INIT                                                                          \
    { .admindir = -1, .info = -1 }
#define PP_AUTO_DPKG_INFO PP_AUTO(pp_dpkg_info_done)

int pp_dpkg_info_open(struct pp_dpkg_info *info, const char *admindir, struct pp_err *err);
void pp_dpkg_info_done(struct pp_dpkg_info *info);

/* Where a path of a package really is. Absolute; borrowed from `path` or from the diversions. */
const char *pp_dpkg_info_divert(const struct pp_dpkg_info *info,
                                const struct pp_dpkg_package *package, const char *path);

/* Reads a file of a package, "list" or "md5sums", and what it is on the disk. Returns 1, or 0 when
 * there is none. */
int pp_dpkg_info_read(const struct pp_dpkg_info *info, const struct pp_dpkg_package *package,
                      const char *kind, struct pp_buffer *text, struct stat *st,
                      struct pp_err *err);
/* Only what it is on the disk. */
int pp_dpkg_info_stat(const struct pp_dpkg_info *info, const struct pp_dpkg_package *package,
                      const char *kind, struct stat *st, struct pp_err *err);
/* The same for a package of which only the key is known, "name:arch". */
int pp_dpkg_info_stat_key(const struct pp_dpkg_info *info, const char *key, const char *kind,
                          struct stat *st, struct pp_err *err);
/* Replaces one that is there, by a temporary and a rename. Its mode is kept. */
int pp_dpkg_info_replace(const struct pp_dpkg_info *info, const struct pp_dpkg_package *package,
                         const char *kind, const struct pp_buffer *text, struct pp_err *err);

#endif
