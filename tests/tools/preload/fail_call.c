/* Preloaded: one call of the program into libc fails, as without memory or with a bad disk. So do
 * its libraries' calls, made for it.
 *
 *     FAIL_LOG   a file. Without FAIL_AT nothing fails, and it gets "at NUMBER CALL PLACE" once a
 * place: the addresses in the program that the call came by. At the end of the program it gets
 *                "left PLACE" for each piece of memory that the program asked for and did not free.
 *     FAIL_AT    the number of the call that fails; they count from 1
 *
 * Programs that the program runs are left alone. Runs with threads are not the same each time. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define SLOT_COUNT (1 << 17)
#define CHILD_CALLS 1000000

extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t count, size_t len);
extern void *__libc_realloc(void *old, size_t len);
extern void __libc_free(void *data);

static uintptr_t program_start, program_end;
static int log_fd = -1;
static unsigned long fail_at, calls;
static pid_t self;
/* Places that are known, and pieces of memory with where they were asked for. Both only grow. */
static uint64_t places[SLOT_COUNT];
static struct {
    void *data;
    uintptr_t from;
} pieces[SLOT_COUNT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int inside;

static int in_program(uintptr_t address) {
    return address >= program_start && address < program_end;
}

static void tell(const char *line, size_t len) {
    syscall(SYS_write, log_fd, line, len);
}

/* ---- places ---- */

static int is_new(uint64_t hash) {
    size_t at = hash % SLOT_COUNT;

    while (places[at] != 0 && places[at] != hash)
        at = (at + 1) % SLOT_COUNT;
    if (places[at] == hash)
        return 0;
    places[at] = hash;
    return 1;
}

static void note_place(const char *call) {
    void *frames[DEPTH_MAX];
    int count = backtrace(frames, DEPTH_MAX);
    uint64_t hash = 14695981039346656037u;
    char line[64 + DEPTH_MAX * 10];
    size_t len;

    for (const char *c = call; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * 1099511628211u;
    len = (size_t)snprintf(line, sizeof(line), "at %lu %s", calls, call);
    for (int i = 0; i < count; i++) {
        uintptr_t address = (uintptr_t)frames[i];

        if (!in_program(address))
            continue;
        hash = (hash ^ (address - program_start)) * 1099511628211u;
        len +=
            (size_t)snprintf(line + len, sizeof(line) - len, " %lx", address - program_start - 1);
    }
    line[len++] = '\n';
    if (is_new(hash))
        tell(line, len);
}

static int fails(const char *call, int error) {
    int failing;

    if (log_fd < 0 || inside)
        return 0;
    inside = 1;
    pthread_mutex_lock(&lock);
    calls++;
    failing = calls == fail_at;
    if (fail_at == 0)
        note_place(call);
    pthread_mutex_unlock(&lock);
    inside = 0;
    if (failing)
        errno = error;
    return failing;
}

/* ---- memory ---- */

static void *got(void *data, void *from) {
    uintptr_t address = (uintptr_t)from;
    size_t at = ((uintptr_t)data >> 4) % SLOT_COUNT;

    if (data == NULL || log_fd < 0 || inside || !in_program(address))
        return data;
    pthread_mutex_lock(&lock);
    while (pieces[at].from != 0 && pieces[at].data != data)
        at = (at + 1) % SLOT_COUNT;
    pieces[at].data = data;
    pieces[at].from = address;
    pthread_mutex_unlock(&lock);
    return data;
}

/* What is freed keeps its slot, so that others are found behind it. */
static void gone(void *data) {
    size_t at = ((uintptr_t)data >> 4) % SLOT_COUNT;

    if (data == NULL || log_fd < 0 || inside)
        return;
    pthread_mutex_lock(&lock);
    while (pieces[at].from != 0 && pieces[at].data != data)
        at = (at + 1) % SLOT_COUNT;
    if (pieces[at].from != 0)
        pieces[at].from = 1;
    pthread_mutex_unlock(&lock);
}

void *malloc(size_t len) {
    return fails("malloc", ENOMEM) ? NULL : got(__libc_malloc(len), __builtin_return_address(0));
}

void *calloc(size_t count, size_t len) {
    return fails("calloc", ENOMEM) ? NULL
                                   : got(__libc_calloc(count, len), __builtin_return_address(0));
}

void *realloc(void *old, size_t len) {
    void *data;

    if (fails("realloc", ENOMEM))
        return NULL;
    data = __libc_realloc(old, len);
    if (data != NULL)
        gone(old);
    return got(data, __builtin_return_address(0));
}

void free(void *data) {
    gone(data);
    __libc_free(data);
}

char *strndup(const char *text, size_t len) {
    size_t text_len = strnlen(text, len);
    char *copy;

    if (fails("strdup", ENOMEM))
        return NULL;
    copy = got(__libc_malloc(text_len + 1), __builtin_return_address(0));
    if (copy != NULL) {
        memcpy(copy, text, text_len);
        copy[text_len] = '\0';
    }
    return copy;
}

char *strdup(const char *text) {
    size_t len = strlen(text) + 1;
    char *copy;

    if (fails("strdup", ENOMEM))
        return NULL;
    copy = got(__libc_malloc(len), __builtin_return_address(0));
    return copy == NULL ? NULL : memcpy(copy, text, len);
}

int asprintf(char **text, const char *format, ...) {
    va_list args;
    int len;

    if (fails("asprintf", ENOMEM))
        return -1;
    va_start(args, format);
    len = vasprintf(text, format, args);
    va_end(args);
    if (len >= 0)
        got(*text, __builtin_return_address(0));
    return len;
}

/* ---- all others ----
 *
 * What fails for want of memory or descriptors may pass: the hook is tried again. Of a file that
 * cannot be read it tells, and goes on. */

#define CALL(type, failed, error, name, parameters, arguments)                                     \
    type name parameters {                                                                         \
        static type(*next) parameters;                                                             \
                                                                                                   \
        if (fails(#name, error))                                                                   \
            return failed;                                                                         \
        if (next == NULL)                                                                          \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                                             \
        return next arguments;                                                                     \
    }

#define OPEN(name, number, parameters, ...)                                                        \
    int name parameters {                                                                          \
        va_list args;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(args, flags);                                                                     \
        mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;                    \
        va_end(args);                                                                              \
        return fails(#name, EMFILE) ? -1 : (int)syscall(number, __VA_ARGS__, flags, mode);         \
    }

#define FCNTL(name)                                                                                \
    int name(int fd, int command, ...) {                                                           \
        va_list args;                                                                              \
        void *argument;                                                                            \
                                                                                                   \
        va_start(args, command);                                                                   \
        argument = va_arg(args, void *);                                                           \
        va_end(args);                                                                              \
        return fails(#name, EIO) ? -1 : (int)syscall(SYS_fcntl, fd, command, argument);            \
    }

OPEN(open, SYS_open, (const char *path, int flags, ...), path)
OPEN(open64, SYS_open, (const char *path, int flags, ...), path)
OPEN(openat, SYS_openat, (int dir, const char *path, int flags, ...), dir, path)
OPEN(openat64, SYS_openat, (int dir, const char *path, int flags, ...), dir, path)
FCNTL(fcntl)
FCNTL(fcntl64)

/* clang-format off */
CALL(ssize_t, -1, EIO, read, (int fd, void *data, size_t len), (fd, data, len))
CALL(ssize_t, -1, EIO, pread64, (int fd, void *data, size_t len, off64_t at), (fd, data, len, at))
CALL(ssize_t, -1, ENOSPC, write, (int fd, const void *data, size_t len), (fd, data, len))
CALL(ssize_t, -1, ENOSPC, pwrite64, (int fd, const void *data, size_t len, off64_t at), (fd, data, len, at))
CALL(off64_t, -1, EIO, lseek64, (int fd, off64_t at, int whence), (fd, at, whence))
CALL(int, -1, ENOSPC, ftruncate64, (int fd, off64_t len), (fd, len))
CALL(int, -1, EIO, fsync, (int fd), (fd))
CALL(int, -1, EIO, fdatasync, (int fd), (fd))
CALL(int, -1, EIO, syncfs, (int fd), (fd))
CALL(int, -1, EIO, fstat64, (int fd, struct stat64 *st), (fd, st))
CALL(int, -1, EIO, stat64, (const char *path, struct stat64 *st), (path, st))
CALL(int, -1, EIO, lstat64, (const char *path, struct stat64 *st), (path, st))
CALL(int, -1, ENOMEM, fstatat64, (int dir, const char *path, struct stat64 *st, int flags), (dir, path, st, flags))
CALL(int, -1, EIO, fstatvfs64, (int fd, struct statvfs64 *st), (fd, st))
CALL(ssize_t, -1, ENOMEM, readlinkat, (int dir, const char *path, char *text, size_t len), (dir, path, text, len))
CALL(int, -1, EIO, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(int, -1, EIO, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
CALL(int, -1, EIO, symlinkat, (const char *text, int dir, const char *path), (text, dir, path))
CALL(int, -1, EIO, linkat, (int old_dir, const char *old, int dir, const char *path, int flags), (old_dir, old, dir, path, flags))
CALL(int, -1, EIO, unlink, (const char *path), (path))
CALL(int, -1, EIO, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
CALL(int, -1, EIO, rename, (const char *old, const char *path), (old, path))
CALL(int, -1, EIO, renameat, (int old_dir, const char *old, int dir, const char *path), (old_dir, old, dir, path))
CALL(int, -1, EPERM, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(int, -1, EPERM, fchmodat, (int dir, const char *path, mode_t mode, int flags), (dir, path, mode, flags))
CALL(int, -1, EPERM, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
CALL(int, -1, EPERM, fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags), (dir, path, uid, gid, flags))
CALL(int, -1, EIO, futimens, (int fd, const struct timespec times[2]), (fd, times))
CALL(int, -1, EIO, utimensat, (int dir, const char *path, const struct timespec times[2], int flags), (dir, path, times, flags))
CALL(ssize_t, -1, EIO, fgetxattr, (int fd, const char *name, void *value, size_t len), (fd, name, value, len))
CALL(ssize_t, -1, EIO, flistxattr, (int fd, char *names, size_t len), (fd, names, len))
CALL(int, -1, EIO, fsetxattr, (int fd, const char *name, const void *value, size_t len, int flags), (fd, name, value, len, flags))
CALL(DIR *, NULL, EIO, fdopendir, (int fd), (fd))
CALL(struct dirent64 *, NULL, EIO, readdir64, (DIR *dir), (dir))
CALL(int, -1, EIO, scandirat64, (int dir, const char *path, struct dirent64 ***found, int (*take)(const struct dirent64 *), int (*compare)(const struct dirent64 **, const struct dirent64 **)), (dir, path, found, take, compare))
CALL(int, -1, EIO, scandir64, (const char *path, struct dirent64 ***found, int (*take)(const struct dirent64 *), int (*compare)(const struct dirent64 **, const struct dirent64 **)), (path, found, take, compare))
CALL(void *, MAP_FAILED, ENOMEM, mmap, (void *at, size_t len, int protection, int flags, int fd, off_t offset), (at, len, protection, flags, fd, offset))
CALL(void *, MAP_FAILED, ENOMEM, mmap64, (void *at, size_t len, int protection, int flags, int fd, off64_t offset), (at, len, protection, flags, fd, offset))
CALL(int, -1, EIO, flock, (int fd, int operation), (fd, operation))
CALL(int, -1, EMFILE, pipe2, (int ends[2], int flags), (ends, flags))
CALL(int, -1, EMFILE, dup, (int fd), (fd))
CALL(int, EAGAIN, EAGAIN, pthread_create, (pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *context), (thread, attr, run, context))
CALL(int, -1, EMFILE, socket, (int domain, int type, int protocol), (domain, type, protocol))
CALL(int, -1, EMFILE, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends))
CALL(int, -1, ENOMEM, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
CALL(int, -1, ENOMEM, listen, (int fd, int backlog), (fd, backlog))
CALL(int, -1, ENOMEM, connect, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len))
CALL(int, -1, EMFILE, accept4, (int fd, struct sockaddr *address, socklen_t *len, int flags), (fd, address, len, flags))
CALL(int, -1, ENOMEM, getsockopt, (int fd, int level, int name, void *value, socklen_t *len), (fd, level, name, value, len))
CALL(int, -1, ENOMEM, setsockopt, (int fd, int level, int name, const void *value, socklen_t len), (fd, level, name, value, len))
CALL(ssize_t, -1, ENOMEM, send, (int fd, const void *data, size_t len, int flags), (fd, data, len, flags))
CALL(ssize_t, -1, ENOMEM, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
CALL(ssize_t, -1, ENOMEM, recv, (int fd, void *data, size_t len, int flags), (fd, data, len, flags))
CALL(ssize_t, -1, ENOMEM, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
CALL(char *, NULL, ENOMEM, realpath, (const char *path, char *resolved), (path, resolved))
/* clang-format on */

/* What a child calls has other numbers. */
pid_t fork(void) {
    static pid_t (*next)(void);
    pid_t pid;

    if (fails("fork", EAGAIN))
        return -1;
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "fork");
    pid = next();
    if (pid == 0)
        calls += CHILD_CALLS;
    return pid;
}

/* ---- beginning and end ---- */

static int find_program(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    (void)context;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        uintptr_t end =
            object->dlpi_addr + object->dlpi_phdr[i].p_vaddr + object->dlpi_phdr[i].p_memsz;

        if (object->dlpi_phdr[i].p_type == PT_LOAD && end > program_end)
            program_end = end;
    }
    program_start = object->dlpi_addr;
    return 1; /* the program comes first */
}

static __attribute__((constructor)) void begin(void) {
    const char *at = getenv("FAIL_AT");
    const char *log = getenv("FAIL_LOG");
    void *frame;

    unsetenv("LD_PRELOAD");
    dl_iterate_phdr(find_program, NULL);
    backtrace(&frame, 1); /* it asks for memory the first time */
    fail_at = at != NULL ? strtoul(at, NULL, 10) : 0;
    self = getpid();
    log_fd =
        (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

static __attribute__((destructor)) void end(void) {
    char line[64];

    if (log_fd < 0 || getpid() != self)
        return;
    inside = 1;
    for (size_t i = 0; i < SLOT_COUNT; i++)
        if (pieces[i].from > 1)
            tell(line, (size_t)snprintf(line, sizeof(line), "left %lx\n",
                                        pieces[i].from - program_start - 1));
}
