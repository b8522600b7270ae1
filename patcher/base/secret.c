#include "base/secret.h"

#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int pp_secret_random(void *data, size_t len, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = -1;
    char *at = data;
    ssize_t count;

    /* The system call, because bionic has no wrapper before API 28. */
    while (len > 0) {
        count = syscall(SYS_getrandom, at, len, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        at += count;
        len -= (size_t)count;
    }
    if (len == 0)
        return 0;
    fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pp_err_sys(err, "cannot open /dev/urandom");
    count = pp_io_read(fd, at, len, err);
    if (count < 0)
        return pp_err_context(err, "/dev/urandom");
    if ((size_t)count < len)
        return pp_err_set(err, PP_ERR_DAMAGED, "/dev/urandom ends too early");
    return 0;
}

void pp_secret_wipe(void *data, size_t len) {
    memset(data, 0, len);
    __asm__ volatile("" : : "r"(data) : "memory");
}
