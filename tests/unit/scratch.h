/* A folder for one test: made, filled, looked at, removed. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
    char path[64];
    int fd;
};

static inline void scratch_init(struct scratch *scratch) {
    const char *base = getenv("TMPDIR");

    snprintf(scratch->path, sizeof(scratch->path), "%s/pp-test-XXXXXX",
             base != NULL && strlen(base) < 40 ? base : "/tmp");
    if (mkdtemp(scratch->path) == NULL)
        abort();
    scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (scratch->fd < 0)
        abort();
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind,
                                     struct FTW *at) {
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void scratch_done(struct scratch *scratch) {
    close(scratch->fd);
    nftw(scratch->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_write(const struct scratch *scratch, const char *name, const void *data,
                                 size_t len) {
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, data, len) != (ssize_t)len)
        abort();
    close(fd);
}

static inline void scratch_text(const struct scratch *scratch, const char *name, const char *text) {
    scratch_write(scratch, name, text, strlen(text));
}

/* The content with a NUL behind it; static, good until the next call. */
static inline const char *scratch_read(const struct scratch *scratch, const char *name) {
    static char data[65536];
    int fd = openat(scratch->fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, data, sizeof(data) - 1) : -1;

    if (len < 0)
        abort();
    close(fd);
    data[len] = '\0';
    return data;
}

static inline struct stat scratch_stat(const struct scratch *scratch, const char *name) {
    struct stat st;

    if (fstatat(scratch->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        abort();
    return st;
}

static inline int scratch_has(const struct scratch *scratch, const char *name) {
    return faccessat(scratch->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void scratch_age(const struct scratch *scratch, const char *name) {
    struct timespec times[2] = {{981173106, 123456789}, {981173106, 123456789}};

    if (utimensat(scratch->fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        abort();
}

static inline int scratch_is_aged(const struct scratch *scratch, const char *name) {
    struct stat st = scratch_stat(scratch, name);

    return st.st_mtim.tv_sec == 981173106 && st.st_mtim.tv_nsec == 123456789;
}

#endif
