/* Preloaded: a read gives as little as a file system may give, and now and then a signal comes
 * first. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Few bytes, a third of them, all but one: in turns. */
static size_t less(size_t len) {
    static _Thread_local unsigned turn;
    const size_t lens[] = {len < 100 ? len : 100, len / 3, len - 1};
    size_t count = len > 1 ? lens[turn++ % 3] : len;

    return count > 0 ? count : len;
}

static int interrupted(void) {
    static _Thread_local unsigned turn;

    if (turn++ % 5 != 0)
        return 0;
    errno = EINTR;
    return 1;
}

ssize_t read(int fd, void *data, size_t len) {
    return interrupted() ? -1 : syscall(SYS_read, fd, data, less(len));
}

ssize_t pread(int fd, void *data, size_t len, off_t offset) {
    return interrupted() ? -1 : syscall(SYS_pread64, fd, data, less(len), offset);
}

ssize_t pread64(int fd, void *data, size_t len, off64_t offset) {
    return interrupted() ? -1 : syscall(SYS_pread64, fd, data, less(len), offset);
}
