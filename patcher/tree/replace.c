#include "tree/replace.h"

#include "base/buffer.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

void pp_temporary_name(uint64_t seed, char name[PP_TEMPORARY_NAME_LEN + 1]) {
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

    /* splitmix64, so that names of neighbouring seeds have nothing in common */
    seed += 0x9e3779b97f4a7c15U;
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9U;
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebU;
    seed ^= seed >> 31;
    memcpy(name, ".pp-", 4);
    for (size_t i = 4; i < PP_TEMPORARY_NAME_LEN; i++, seed >>= 5)
        name[i] = digits[seed & 31];
    name[PP_TEMPORARY_NAME_LEN] = '\0';
}

int pp_replace_create(int dir, const char *temporary, struct pp_err *err) {
    int fd = openat(dir, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return pp_err_sys(err, "cannot make a temporary beside it");
    return fd;
}

/* Returns 1 with the value of an xattr, or 0 when there is none. */
static int read_xattr(int fd, const char *name, struct pp_buffer *value, struct pp_err *err) {
    for (;;) {
        ssize_t len = fgetxattr(fd, name, NULL, 0);
        int rc;

        if (len < 0)
            return errno == ENODATA ? 0 : pp_err_sys(err, "cannot read its xattr %s", name);
        rc = pp_buffer_reserve(value, (size_t)len + 1, err);
        if (rc < 0)
            return rc;
        len = fgetxattr(fd, name, value->data, (size_t)len + 1);
        if (len >= 0) {
            value->len = (size_t)len;
            return 1;
        }
        if (errno != ERANGE)
            return pp_err_sys(err, "cannot read its xattr %s", name);
    }
}

/* Names, each with its NUL. */
static int list_xattrs(int fd, struct pp_buffer *names, struct pp_err *err) {
    for (;;) {
        ssize_t len = flistxattr(fd, NULL, 0);
        int rc;

        if (len < 0)
            return errno == ENOTSUP ? 0 : pp_err_sys(err, "cannot list its xattrs");
        rc = pp_buffer_reserve(names, (size_t)len + 1, err);
        if (rc < 0)
            return rc;
        len = flistxattr(fd, (char *)names->data, (size_t)len + 1);
        if (len >= 0) {
            names->len = (size_t)len;
            return 0;
        }
        if (errno != ERANGE)
            return pp_err_sys(err, "cannot list its xattrs");
    }
}

static int copy_xattr(int fd, int from, const char *name, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer want = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer have = PP_BUFFER_INIT;
    int wanted = read_xattr(from, name, &want, err);
    int there;

    if (wanted <= 0)
        return wanted;
    there = read_xattr(fd, name, &have, err);
    if (there < 0)
        return there;
    if (there > 0 && want.len == have.len && memcmp(want.data, have.data, want.len) == 0)
        return 0;
    if (fsetxattr(fd, name, want.data, want.len, 0) < 0)
        return pp_err_sys(err, "cannot keep its xattr %s", name);
    return 0;
}

/* What the folder gave to the temporary and the file never had: default ACLs. */
static int drop_xattrs(int fd, const struct pp_buffer *wanted, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer names = PP_BUFFER_INIT;
    int rc = list_xattrs(fd, &names, err);

    if (rc < 0)
        return rc;
    for (size_t at = 0; at < names.len;) {
        const char *name = (const char *)names.data + at;
        bool keep = false;

        for (size_t i = 0; i < wanted->len && !keep;) {
            keep = strcmp(name, (const char *)wanted->data + i) == 0;
            i += strlen((const char *)wanted->data + i) + 1;
        }
        if (!keep && fremovexattr(fd, name) < 0 && errno != ENODATA)
            return pp_err_sys(err, "cannot take the xattr %s away", name);
        at += strlen(name) + 1;
    }
    return 0;
}

static int copy_xattrs(int fd, int from, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer names = PP_BUFFER_INIT;
    int rc = list_xattrs(from, &names, err);

    for (size_t at = 0; rc >= 0 && at < names.len;) {
        const char *name = (const char *)names.data + at;

        rc = copy_xattr(fd, from, name, err);
        at += strlen(name) + 1;
    }
    return rc < 0 ? rc : drop_xattrs(fd, &names, err);
}

int pp_replace_dress(int fd, int from, struct pp_err *err) {
    struct stat want;
    struct stat have;
    int rc;

    if (fstat(from, &want) < 0 || fstat(fd, &have) < 0)
        return pp_err_sys(err, "cannot look at it");
    if ((want.st_uid != have.st_uid || want.st_gid != have.st_gid) &&
        fchown(fd, want.st_uid, want.st_gid) < 0)
        return pp_err_sys(err, "cannot keep its owner");
    rc = copy_xattrs(fd, from, err);
    if (rc < 0)
        return rc;
    /* After the owner and the ACLs: both take mode bits away. */
    if (fchmod(fd, want.st_mode & 07777) < 0)
        return pp_err_sys(err, "cannot keep its mode");
    if (fstat(fd, &have) < 0)
        return pp_err_sys(err, "cannot look at the temporary");
    if ((have.st_mode & 07777) != (want.st_mode & 07777))
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "its mode %o cannot be kept",
                          (unsigned)want.st_mode & 07777);
    if (futimens(fd, (struct timespec[2]){want.st_atim, want.st_mtim}) < 0)
        return pp_err_sys(err, "cannot keep its times");
    return 0;
}

int pp_replace_symlink(int dir, const char *temporary, const char *target, const struct stat *from,
                       struct pp_err *err) {
    struct timespec times[2] = {from->st_atim, from->st_mtim};
    PP_AUTO_CLOSE int made = -1;
    struct stat st;

    if (symlinkat(target, dir, temporary) < 0)
        return pp_err_sys(err, "cannot make a temporary beside it");
    /* By an fd: whoever owns the folder can put a link to something else under the name. */
    made = openat(dir, temporary, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (made < 0 || fstat(made, &st) < 0)
        return pp_err_sys(err, "cannot look at the temporary");
    if (!S_ISLNK(st.st_mode) || st.st_nlink != 1)
        return pp_err_set(err, PP_ERR_CHANGED, "somebody else replaced its temporary");
    if ((st.st_uid != from->st_uid || st.st_gid != from->st_gid) &&
        fchownat(made, "", from->st_uid, from->st_gid, AT_EMPTY_PATH) < 0)
        return pp_err_sys(err, "cannot keep its owner");
    if (utimensat(dir, temporary, times, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "cannot keep its times");
    return 0;
}

int pp_replace_link(int from_dir, const char *from, int dir, const char *temporary,
                    struct pp_err *err) {
    if (linkat(from_dir, from, dir, temporary, 0) == 0)
        return 1;
    switch (errno) {
    case EACCES: /* Android: SELinux */
    case EPERM:
    case EMLINK:
    case ENOSYS:
    case EOPNOTSUPP:
    case EXDEV:
        return 0;
    default:
        return pp_err_sys(err, "cannot link a temporary beside it");
    }
}

int pp_replace_commit(int dir, const char *temporary, const char *name,
                      const struct pp_identity *seen, bool ignore_ctime, struct pp_err *err) {
    struct stat st;
    int rc;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT)
            return pp_err_set(err, PP_ERR_CHANGED, "gone while at work");
        return pp_err_sys(err, "cannot look at it");
    }
    rc = pp_identity_check(seen, &st, ignore_ctime, err);
    if (rc < 0)
        return rc;
    if (renameat(dir, temporary, dir, name) < 0)
        return pp_err_sys(err, "cannot put the new file in its place");
    return 0;
}

int pp_replace_folder_time(int dir, const struct timespec *mtime, struct pp_err *err) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};
    struct stat st;

    /* On what is mounted to be read nothing was made, and nothing can be put back. */
    if (fstat(dir, &st) == 0 && st.st_mtim.tv_sec == mtime->tv_sec &&
        st.st_mtim.tv_nsec == mtime->tv_nsec)
        return 0;
    /* "." and not the fd itself, which may be O_PATH */
    if (utimensat(dir, ".", times, 0) < 0)
        return pp_err_sys(err, "cannot put its mtime back");
    return 0;
}
