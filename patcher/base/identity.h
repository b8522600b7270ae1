/* What a file looked like when it was read: enough to see that somebody changed it since. */
#ifndef PP_BASE_IDENTITY_H
#define PP_BASE_IDENTITY_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

struct pp_identity {
    uint64_t dev;
    uint64_t ino;
    uint64_t size;
    struct timespec mtime;
    struct timespec ctime;
};

struct pp_identity pp_identity_of(const struct stat *st);

/* PP_ERR_CHANGED when `st` is not what was seen. `ignore_ctime` is for an inode of which we have
 * just taken another name away. */
int pp_identity_check(const struct pp_identity *seen, const struct stat *st, bool ignore_ctime,
                      struct pp_err *err);

#endif
