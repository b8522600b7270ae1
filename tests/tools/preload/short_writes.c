/* Preloaded: every write of more than one byte writes only half of it. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static size_t half(size_t len) {
    return len > 1 ? len / 2 : len;
}

ssize_t write(int fd, const void *data, size_t len) {
    return syscall(SYS_write, fd, data, half(len));
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) {
    return syscall(SYS_pwrite64, fd, data, half(len), offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
    return syscall(SYS_pwrite64, fd, data, half(len), offset);
}
