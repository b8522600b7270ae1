/* What dpkg knows: its packages, asked from dpkg-query, never read from its files. */
#ifndef PP_DPKG_DPKG_QUERY_H
#define PP_DPKG_DPKG_QUERY_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pp_dpkg_package {
    const char *name;
    const char *arch;
    char *key; /* "name:arch" */
    const char *version;
    const char *status; /* "installed", "unpacked" and so on */
    bool multi_arch_same;
    const char *variables; /* the field Dynamic-Variables, or "" */
    const char *conffiles; /* lines of " PATH HASH [obsolete]" */
};

struct pp_dpkg {
    struct pp_buffer text;            /* the packages point into it */
    struct pp_dpkg_package *packages; /* sorted by key */
    size_t count;
};

#define PP_DPKG_INIT                                                                               \
    { .text = PP_BUFFER_INIT, .packages = NULL, .count = 0 }
#define PP_AUTO_DPKG PP_AUTO(pp_dpkg_done)

/* A question for all packages, or for one (all its architectures; none is no error). Finding the
 * answer takes as long as the rest of a run that has little to do: it goes on beside. */
struct pp_dpkg_query {
    const char *admindir; /* borrowed */
    const char *name;     /* NULL: all packages; borrowed */
    pid_t pid;            /* of dpkg-query; 0: not asked yet */
    int output;
};

#define PP_DPKG_QUERY_INIT                                                                         \
    { .output = -1 }
#define PP_AUTO_DPKG_QUERY PP_AUTO(pp_dpkg_query_done)

/* Asks. When the question was asked before, that answer does not count any more. */
int pp_dpkg_query_start(struct pp_dpkg_query *query, const char *admindir, const char *name,
                        struct pp_err *err);
/* Waits for the answer. */
int pp_dpkg_query_finish(struct pp_dpkg_query *query, struct pp_dpkg *dpkg, struct pp_err *err);
/* Whatever the answer was. */
void pp_dpkg_query_done(struct pp_dpkg_query *query);

/* Asks, and waits. */
int pp_dpkg_load(struct pp_dpkg *dpkg, const char *admindir, const char *name, struct pp_err *err);
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
