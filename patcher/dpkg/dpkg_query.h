/* What dpkg knows: its packages, asked from dpkg-query, never read from its files. */
#ifndef PP_DPKG_DPKG_QUERY_H
#define PP_DPKG_DPKG_QUERY_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_dpkg_package {
    const char *name;
    const char *arch;
    char *key; /* "name:arch" */
    const char *version;
    const char *status; /* "installed", "unpacked" and so on */
    bool multi_arch_same;
    const char *variables; /* the field Dynamic-Variables, or "" */
    char *conffiles;       /* lines of " PATH HASH [obsolete]" */
};

struct pp_dpkg {
    struct pp_buffer text;            /* the packages point into it */
    struct pp_dpkg_package *packages; /* sorted by key */
    size_t count;
};

#define PP_DPKG_INIT                                                                               \
    { .text = PP_BUFFER_INIT, .packages = NULL, .count = 0 }
#define PP_AUTO_DPKG PP_AUTO(pp_dpkg_done)

/* Asks once for all packages, or for one (all its architectures; none is no error). */
int pp_dpkg_query(struct pp_dpkg *dpkg, const char *admindir, const char *name, struct pp_err *err);
void pp_dpkg_done(struct pp_dpkg *dpkg);

const struct pp_dpkg_package *pp_dpkg_find(const struct pp_dpkg *dpkg, const char *key);

/* Are its files in place? */
bool pp_dpkg_has_files(const struct pp_dpkg_package *package);

/* Calls `each` with every conffile: its path without the first slash, and the MD5 in hex that dpkg
 * recorded ("newconffile" before the first configure). */
int pp_dpkg_conffiles(const struct pp_dpkg_package *package,
                      int (*each)(void *context, const char *path, const char *md5,
                                  struct pp_err *err),
                      void *context, struct pp_err *err);

#endif
