#include "base/identity.h"

struct pp_identity pp_identity_of(const struct stat *st) {
    return (struct pp_identity){
        .dev = (uint64_t)st->st_dev,
        .ino = (uint64_t)st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime = st->st_mtim,
        .ctime = st->st_ctim,
    };
}

static bool same_time(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int pp_identity_check(const struct pp_identity *seen, const struct stat *st, bool ignore_ctime,
                      struct pp_err *err) {
    struct pp_identity now = pp_identity_of(st);

    if (seen->dev == now.dev && seen->ino == now.ino && seen->size == now.size &&
        same_time(&seen->mtime, &now.mtime) &&
        (ignore_ctime || same_time(&seen->ctime, &now.ctime)))
        return 0;
    return pp_err_set(err, PP_ERR_CHANGED, "changed by somebody else while at work; run again");
}
