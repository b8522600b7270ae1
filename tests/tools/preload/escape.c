/* Preloaded: tries, in the middle of a run, what a program whose parser was taken over would try.
 * As soon as the sandbox is entered every attempt is made, and told as "escape: NAME ERRNO" on
 * standard error; 0 says that it worked. Some are made again by the first other thread that opens a
 * file, and at the end of the program.
 *
 *     ESCAPE_OUTSIDE   a folder that is not the run's business, with the files victim and another
 *     ESCAPE_INSIDE    a folder below the root
 *     ESCAPE_WITHOUT   "landlock", "filter" or both: this kernel does not have them */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Landlock's first version is not enough for the program. */
#define LANDLOCK_VERSION_MIN 2

static volatile int entered;
static int filter_tried;

static int lacks(const char *what) {
    const char *without = getenv("ESCAPE_WITHOUT");

    return without != NULL && strstr(without, what) != NULL;
}

static void tell(const char *name, int result) {
    dprintf(STDERR_FILENO, "escape: %s %d\n", name, result < 0 ? errno : 0);
}

static const char *in(const char *variable, const char *name) {
    static _Thread_local char paths[2][4096];
    static _Thread_local int turn;

    turn = !turn;
    snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", getenv(variable), name);
    return paths[turn];
}

static int run_program(void) {
    char *words[] = {"true", NULL};
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        execv("/bin/true", words);
        _exit(errno);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    errno = WEXITSTATUS(status);
    return errno == 0 ? 0 : -1;
}

static void try_files(const char *folder, const char *prefix) {
    static const char *const names[] = {
        "write",   "truncate", "open-truncating", "create", "mkdir",
        "symlink", "link",     "rename",          "unlink", "chmod"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *victim = in(folder, "victim");
        char name[64];
        int result = -1;

        if (i == 0)
            result = open(victim, O_WRONLY);
        else if (i == 1)
            result = truncate(victim, 0);
        else if (i == 2)
            result = open(victim, O_RDONLY | O_TRUNC);
        else if (i == 3)
            result = open(in(folder, "new"), O_RDWR | O_CREAT, 0600);
        else if (i == 4)
            result = mkdir(in(folder, "folder"), 0700);
        else if (i == 5)
            result = symlink("x", in(folder, "symlink"));
        else if (i == 6)
            result = link(victim, in(folder, "link"));
        else if (i == 7)
            result = rename(in(folder, "another"), in(folder, "renamed"));
        else if (i == 8)
            result = unlink(victim);
        else
            result = chmod(in(folder, "."), 0777);
        snprintf(name, sizeof(name), "%s-%s", prefix, names[i]);
        tell(name, result);
    }
}

static void try_all(void) {
    try_files("ESCAPE_OUTSIDE", "outside");
    try_files("ESCAPE_INSIDE", "inside");
    tell("program", run_program());
    tell("tcp", socket(AF_INET, SOCK_STREAM, 0));
    tell("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
    tell("unix", socket(AF_UNIX, SOCK_STREAM, 0));
    /* Nobody can be attached to: what is not refused finds no process. */
    tell("ptrace", (int)ptrace(PTRACE_PEEKDATA, 0, NULL, NULL));
    tell("kill", kill(getpid(), 0));
    tell("unshare", unshare(0));
    tell("type", ioctl(-1, TIOCSTI, ""));
}

int prctl(int option, ...) {
    int (*real)(int, ...) = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
    unsigned long words[4];
    va_list args;
    int result = -1;

    va_start(args, option);
    for (int i = 0; i < 4; i++)
        words[i] = va_arg(args, unsigned long);
    va_end(args);
    if (option != PR_SET_SECCOMP)
        return real(option, words[0], words[1], words[2], words[3]);
    if (!lacks("filter"))
        result = real(option, words[0], words[1], words[2], words[3]);
    else
        errno = EINVAL;
    filter_tried = 1;
    return result;
}

/* Landlock comes behind the filter: here the sandbox is entered. */
static int is_entry(long number, long result) {
    return filter_tried && !entered &&
           (number == SYS_landlock_restrict_self ||
            (number == SYS_landlock_create_ruleset && result < LANDLOCK_VERSION_MIN));
}

long syscall(long number, ...) {
    long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    long words[6];
    long result;
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++)
        words[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_landlock_create_ruleset && lacks("landlock")) {
        errno = ENOSYS;
        result = -1;
    } else {
        result = real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    }
    if (is_entry(number, result)) {
        int error = errno;

        entered = 1;
        try_all();
        errno = error;
    }
    return result;
}

static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void try_in_thread(void) {
    tell("thread-create", open(in("ESCAPE_OUTSIDE", "of-a-thread"), O_RDWR | O_CREAT, 0600));
    tell("thread-program", run_program());
}

static int open_at(int dir, const char *path, int flags, va_list args) {
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;

    if (entered && gettid() != getpid())
        pthread_once(&thread_once, try_in_thread);
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...) {
    va_list args;
    int fd;

    va_start(args, flags);
    fd = open_at(dir, path, flags, args);
    va_end(args);
    return fd;
}

int openat64(int dir, const char *path, int flags, ...) {
    va_list args;
    int fd;

    va_start(args, flags);
    fd = open_at(dir, path, flags, args);
    va_end(args);
    return fd;
}

__attribute__((destructor)) static void try_at_the_end(void) {
    if (entered)
        tell("late-program", run_program());
}
