#include "ledger/state.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define VALUES "values"
#define LOCK "lock"
#define VALUES_LEN_MAX ((size_t)1 << 20)

void pp_state_done(struct pp_state *state) {
    pp_cleanup_close(&state->lock);
    pp_cleanup_close(&state->dir);
    free(state->path);
    state->path = NULL;
}

static int sync_folder(const char *path, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return pp_err_sys(err, "cannot get %s onto the disk", path);
    return 0;
}

/* Makes one folder. A ledger on the disk is of no use in a folder that is not: the one that gets it
 * is synced. */
static int make_folder(char *path, mode_t mode, struct pp_err *err) {
    char *slash = strrchr(path, '/');
    int rc;

    if (mkdir(path, mode) < 0)
        return errno == EEXIST ? 0 : pp_err_sys(err, "cannot make %s", path);
    if (slash == NULL || slash == path)
        return sync_folder(slash == NULL ? "." : "/", err);
    *slash = '\0';
    rc = sync_folder(path, err);
    *slash = '/';
    return rc;
}

int pp_state_make(const char *path, struct pp_err *err) {
    PP_AUTO_FREE char *copy = strdup(path);
    char *end = copy;
    bool last;
    int rc;

    if (copy == NULL)
        return pp_err_nomem(err);
    do {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        last = end[strspn(end, "/")] == '\0';
        *end = '\0';
        rc = make_folder(copy, last ? 0700 : 0755, err);
        *end = '/';
    } while (rc >= 0 && !last);
    return rc;
}

static int check_folder(const struct stat *st, const char *path, struct pp_err *err) {
    if (st->st_uid != geteuid())
        return pp_err_set(err, PP_ERR_REFUSED,
                          "the state folder %s belongs to user %lu, not to user %lu, who runs "
                          "this; run as its owner, or chown it",
                          path, (unsigned long)st->st_uid, (unsigned long)geteuid());
    if ((st->st_mode & 022) != 0)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "others may write to the state folder %s; chmod go-w it", path);
    return 0;
}

/* Returns the fd. */
static int open_folder(const char *path, struct pp_err *err) {
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    int rc;

    if (dir < 0) {
        int error = errno;

        /* One of another user may be closed to us: whose it is says more than that. */
        if (error == EACCES && lstat(path, &st) == 0 && check_folder(&st, path, err) < 0)
            return -(int)err->kind;
        errno = error;
        return pp_err_sys(err, "cannot open the state folder %s", path);
    }
    rc = fstat(dir, &st) == 0 ? check_folder(&st, path, err)
                              : pp_err_sys(err, "cannot look at %s", path);
    if (rc >= 0)
        return dir;
    close(dir);
    return rc;
}

static bool is_missing(const struct pp_err *err) {
    return err->kind == PP_ERR_SYSTEM && (err->sys == ENOENT || err->sys == ENOTDIR);
}

static long read_pid(int fd) {
    struct pp_err ignored = PP_ERR_INIT;
    char text[32];
    ssize_t len = pp_io_pread(fd, text, sizeof(text) - 1, 0, &ignored);

    if (len < 0)
        return 0;
    text[len] = '\0';
    return strtol(text, NULL, 10);
}

static int take_lock(struct pp_state *state, void (*waiting)(void *context, long pid),
                     void *context, struct pp_err *err) {
    char text[32];
    int len;
    int rc;

    state->lock = openat(state->dir, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (state->lock < 0)
        return pp_err_sys(err, "cannot open %s/" LOCK, state->path);
    rc = flock(state->lock, LOCK_EX | LOCK_NB);
    if (rc < 0 && errno == EWOULDBLOCK && waiting != NULL)
        waiting(context, read_pid(state->lock));
    while (rc < 0 && (errno == EWOULDBLOCK || errno == EINTR))
        rc = flock(state->lock, LOCK_EX);
    if (rc < 0)
        return pp_err_sys(err, "cannot lock %s/" LOCK, state->path);
    len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(state->lock, 0) < 0)
        return pp_err_sys(err, "cannot write %s/" LOCK, state->path);
    rc = pp_io_pwrite(state->lock, text, (size_t)len, 0, err);
    return rc < 0 ? pp_err_context(err, "%s/" LOCK, state->path) : 0;
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is what we have locked still what others find there? */
static bool is_current(const struct pp_state *state) {
    struct stat dir;
    struct stat lock;
    struct stat named_dir;
    struct stat named_lock;

    return fstat(state->dir, &dir) == 0 && lstat(state->path, &named_dir) == 0 &&
           is_same(&dir, &named_dir) && fstat(state->lock, &lock) == 0 &&
           fstatat(state->dir, LOCK, &named_lock, AT_SYMLINK_NOFOLLOW) == 0 &&
           is_same(&lock, &named_lock);
}

int pp_state_open(struct pp_state *state, const char *path, bool create,
                  void (*waiting)(void *context, long pid), void *context, struct pp_err *err) {
    int rc;

    state->path = strdup(path);
    if (state->path == NULL)
        return pp_err_nomem(err);
    for (;;) {
        rc = create ? pp_state_make(path, err) : 0;
        if (rc < 0)
            return rc;
        state->dir = open_folder(path, err);
        if (state->dir < 0 && !create && is_missing(err)) {
            pp_err_clear(err);
            return 0;
        }
        rc = state->dir < 0 ? -(int)err->kind : take_lock(state, waiting, context, err);
        if (rc < 0)
            return rc;
        if (is_current(state))
            return 1;
        /* A bootstrap put another tree in its place while we waited. */
        pp_cleanup_close(&state->lock);
        pp_cleanup_close(&state->dir);
    }
}

/* Returns 1, or 0 when there is none. */
static int read_values_at(int dir, struct pp_buffer *text, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = openat(dir, VALUES, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return errno == ENOENT ? 0 : pp_err_sys(err, "cannot open the recorded values");
    rc = pp_io_read_all(fd, VALUES_LEN_MAX, text, err);
    return rc < 0 ? pp_err_context(err, "the recorded values") : 1;
}

int pp_state_read_values(const char *path, struct pp_buffer *text, struct pp_err *err) {
    PP_AUTO_CLOSE int dir = open_folder(path, err);

    if (dir < 0 && is_missing(err)) {
        pp_err_clear(err);
        return 0;
    }
    return dir < 0 ? -(int)err->kind : read_values_at(dir, text, err);
}

int pp_state_write_values(const struct pp_state *state, const struct pp_buffer *text, bool durable,
                          struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer there = PP_BUFFER_INIT;
    PP_AUTO_CLOSE int fd = -1;
    int rc = read_values_at(state->dir, &there, err);

    if (rc < 0)
        return pp_err_context(err, "%s", state->path);
    if (rc > 0 && there.len == text->len &&
        (text->len == 0 || memcmp(there.data, text->data, text->len) == 0))
        return 0;
    /* The lock is ours: what a killed run left under this name is written over. */
    fd = openat(state->dir, VALUES ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                0600);
    if (fd < 0)
        return pp_err_sys(err, "cannot write %s/" VALUES, state->path);
    rc = pp_io_write(fd, text->data, text->len, err);
    if (rc < 0)
        return pp_err_context(err, "%s/" VALUES, state->path);
    if ((durable && fsync(fd) < 0) || renameat(state->dir, VALUES ".new", state->dir, VALUES) < 0 ||
        (durable && fsync(state->dir) < 0))
        return pp_err_sys(err, "cannot write %s/" VALUES, state->path);
    return 0;
}
