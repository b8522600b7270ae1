/* Preloaded: what is below a folder of the name "read-only" is as on a file system that is mounted
 * to be read. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refused(int dir) {
    char name[64];
    char path[PATH_MAX];
    ssize_t len;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", dir);
    len = readlink(name, path, sizeof(path) - 1);
    if (len < 0)
        return 0;
    path[len] = '\0';
    if (strstr(path, "/read-only") == NULL)
        return 0;
    errno = EROFS;
    return 1;
}

#define OPENAT(name)                                                                               \
    int name(int dir, const char *path, int flags, ...) {                                          \
        va_list args;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(args, flags);                                                                     \
        mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;                                  \
        va_end(args);                                                                              \
        if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) != 0 && refused(dir))                          \
            return -1;                                                                             \
        return (int)syscall(SYS_openat, dir, path, flags, mode);                                   \
    }

OPENAT(openat)
OPENAT(openat64)

int symlinkat(const char *target, int dir, const char *path) {
    return refused(dir) ? -1 : (int)syscall(SYS_symlinkat, target, dir, path);
}

int linkat(int from_dir, const char *from, int dir, const char *path, int flags) {
    return refused(dir) ? -1 : (int)syscall(SYS_linkat, from_dir, from, dir, path, flags);
}

int renameat(int from_dir, const char *from, int dir, const char *path) {
    return refused(dir) ? -1 : (int)syscall(SYS_renameat2, from_dir, from, dir, path, 0);
}

int unlinkat(int dir, const char *path, int flags) {
    return refused(dir) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

int utimensat(int dir, const char *path, const struct timespec times[2], int flags) {
    return refused(dir) ? -1 : (int)syscall(SYS_utimensat, dir, path, times, flags);
}
