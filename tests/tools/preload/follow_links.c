/* Preloaded: openat follows symlinks, as a careless program would. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPENAT(name)                                                                               \
    int name(int dir, const char *path, int flags, ...) {                                          \
        va_list args;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(args, flags);                                                                     \
        mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;                                  \
        va_end(args);                                                                              \
        return (int)syscall(SYS_openat, dir, path, flags & ~O_NOFOLLOW, mode);                     \
    }

OPENAT(openat)
OPENAT(openat64)
