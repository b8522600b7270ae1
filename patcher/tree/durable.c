#include "tree/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FEW_CALLS 4

/* Bionic has syncfs from API 28 on; before, Android's seccomp may kill for the bare call. */
#if !defined(__ANDROID__) || __ANDROID_API__ >= 28
#define HAVE_SYNCFS 1
#else
#define HAVE_SYNCFS 0
#endif

/* The same with API 26. */
#if !defined(__ANDROID__) || __ANDROID_API__ >= 26
#define HAVE_SYNC_FILE_RANGE 1
#else
#define HAVE_SYNC_FILE_RANGE 0
#endif

#if HAVE_SYNCFS
/* Before Linux 5.8 syncfs does not tell that a write failed. */
static bool kernel_tells_errors(void) {
    struct utsname name;
    unsigned long major;
    unsigned long minor;
    char *end;

    if (uname(&name) < 0)
        return false;
    major = strtoul(name.release, &end, 10);
    minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    return major > 5 || (major == 5 && minor >= 8);
}
#endif

void pp_durable_init(struct pp_durable *durable, enum pp_durability durability) {
    *durable = (struct pp_durable){.durability = durability};
#if HAVE_SYNCFS
    durable->no_syncfs = !kernel_tells_errors();
#else
    durable->no_syncfs = true;
#endif
    durable->each = durable->no_syncfs;
}

void pp_durable_begin(struct pp_durable *durable, size_t call_count) {
    bool few = call_count <= FEW_CALLS && durable->durability != PP_DURABILITY_NONE;

    durable->each = durable->no_syncfs || few;
}

void pp_durable_done(struct pp_durable *durable) {
    for (size_t i = 0; i < durable->count; i++)
        close(durable->fds[i]);
    free(durable->fds);
    free(durable->devs);
    durable->fds = NULL;
    durable->devs = NULL;
    durable->count = 0;
}

bool pp_durable_knows(const struct pp_durable *durable, dev_t dev) {
    if (durable->durability == PP_DURABILITY_NONE || durable->each)
        return true;
    for (size_t i = 0; i < durable->count; i++)
        if (durable->devs[i] == dev)
            return true;
    return false;
}

int pp_durable_add(struct pp_durable *durable, int fd, struct pp_err *err) {
    struct stat st;
    int *fds;
    dev_t *devs;
    int kept;

    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at the file system");
    if (pp_durable_knows(durable, st.st_dev))
        return 0;
    fds = realloc(durable->fds, (durable->count + 1) * sizeof(*fds));
    if (fds == NULL)
        return pp_err_nomem(err);
    durable->fds = fds;
    devs = realloc(durable->devs, (durable->count + 1) * sizeof(*devs));
    if (devs == NULL)
        return pp_err_nomem(err);
    durable->devs = devs;
    kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (kept < 0)
        return pp_err_sys(err, "cannot keep the file system open");
    fds[durable->count] = kept;
    devs[durable->count] = st.st_dev;
    durable->count++;
    return 0;
}

int pp_durable_one(const struct pp_durable *durable, int fd, struct pp_err *err) {
    int rc;

    if (durable->durability == PP_DURABILITY_NONE || !durable->each)
        return 0;
    /* Not fdatasync: an mtime that was put back counts, too. */
    do
        rc = fsync(fd);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? pp_err_sys(err, "cannot get it onto the disk") : 0;
}

void pp_durable_start(const struct pp_durable *durable, int fd) {
#if HAVE_SYNC_FILE_RANGE
    /* An error comes again with the sync. */
    if (durable->durability != PP_DURABILITY_NONE && !durable->each)
        sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
    (void)durable;
    (void)fd;
#endif
}

int pp_durable_sync(struct pp_durable *durable, struct pp_err *err) {
#if HAVE_SYNCFS
    for (size_t i = 0; i < durable->count && !durable->each; i++) {
        int rc;

        do
            rc = syncfs(durable->fds[i]);
        while (rc < 0 && errno == EINTR);
        if (rc < 0)
            return pp_err_sys(err, "cannot get it onto the disk");
    }
#else
    (void)durable;
    (void)err;
#endif
    return 0;
}
