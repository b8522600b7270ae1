#include "tree/inplace.h"

#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define CAPABILITY "security.capability"

enum pp_span_state pp_span_compare(const struct pp_span *span, const uint8_t *data) {
    if (memcmp(data, span->old, span->len) == 0)
        return PP_SPAN_OLD;
    if (memcmp(data, span->put, span->len) == 0)
        return PP_SPAN_PUT;
    for (size_t i = 0; i < span->len; i++)
        if (data[i] != span->old[i] && data[i] != span->put[i])
            return PP_SPAN_OTHER;
    return PP_SPAN_TORN;
}

int pp_inplace_open(int dir, const char *name, const struct pp_identity *seen, struct stat *st,
                    struct pp_err *err) {
    /* O_NONBLOCK: a pipe that was put there is not waited for. */
    int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return pp_err_sys(err, "cannot open it for writing");
    if (fstat(fd, st) < 0)
        rc = pp_err_sys(err, "cannot look at it");
    else if (!S_ISREG(st->st_mode))
        rc = pp_err_set(err, PP_ERR_CHANGED, "no longer a regular file");
    else
        rc = pp_identity_check(seen, st, false, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

/* Reads every span, close ones in one go. */
static int check_spans(int fd, const struct pp_span *spans, size_t span_count, bool torn,
                       struct pp_err *err) {
    PP_AUTO_FREE uint8_t *window = malloc(PP_SPAN_LEN_MAX);

    if (window == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < span_count;) {
        uint64_t start = spans[i].offset;
        size_t len = spans[i].len;
        size_t end = i + 1;
        ssize_t got;

        while (end < span_count && spans[end].offset + spans[end].len - start <= PP_SPAN_LEN_MAX) {
            len = (size_t)(spans[end].offset + spans[end].len - start);
            end++;
        }
        got = pp_io_pread(fd, window, len, (off_t)start, err);
        if (got < 0)
            return (int)got;
        if ((size_t)got < len)
            return pp_err_set(err, PP_ERR_CHANGED, "shorter than it was");
        for (; i < end; i++) {
            enum pp_span_state state = pp_span_compare(&spans[i], window + spans[i].offset - start);

            if (state == PP_SPAN_OTHER || (state == PP_SPAN_TORN && !torn))
                return pp_err_set(err, PP_ERR_CHANGED, "other bytes than expected at %llu",
                                  (unsigned long long)spans[i].offset);
        }
    }
    return 0;
}

/* What writing takes away: the kernel drops these marks from a file whose bytes change. */
struct marks {
    mode_t mode;
    char capability[64];
    ssize_t capability_len; /* -1: none */
};

/* Takes down the marks, and tries first what must not fail afterwards. */
static int marks_take(struct marks *marks, int fd, const struct timespec *mtime,
                      struct pp_err *err) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at it");
    marks->mode = st.st_mode & 07777;
    if (st.st_uid != geteuid() && futimens(fd, times) < 0)
        return pp_err_sys(err, "its mtime could not be kept");
    marks->capability_len = fgetxattr(fd, CAPABILITY, marks->capability, sizeof(marks->capability));
    if (marks->capability_len >= 0 &&
        fsetxattr(fd, CAPABILITY, marks->capability, (size_t)marks->capability_len, 0) < 0)
        return pp_err_sys(err, "its file capabilities could not be kept");
    return 0;
}

static int marks_restore(const struct marks *marks, int fd, const struct timespec *mtime,
                         struct pp_err *err) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at it");
    if ((st.st_mode & 07777) != marks->mode && fchmod(fd, marks->mode) < 0)
        return pp_err_sys(err, "cannot put its mode back");
    if (marks->capability_len >= 0 &&
        fsetxattr(fd, CAPABILITY, marks->capability, (size_t)marks->capability_len, 0) < 0)
        return pp_err_sys(err, "cannot put its file capabilities back");
    if (futimens(fd, times) < 0)
        return pp_err_sys(err, "cannot put its mtime back");
    return 0;
}

int pp_inplace_write(int fd, const struct pp_span *spans, size_t span_count,
                     const struct timespec *mtime, bool torn, bool *touched, struct pp_err *err) {
    struct marks marks;
    int rc = check_spans(fd, spans, span_count, torn, err);

    if (rc >= 0)
        rc = marks_take(&marks, fd, mtime, err);
    if (rc < 0)
        return rc;
    *touched = true;
    for (size_t i = 0; i < span_count; i++) {
        rc = pp_io_pwrite(fd, spans[i].put, spans[i].len, (off_t)spans[i].offset, err);
        if (rc < 0)
            return rc;
    }
    return marks_restore(&marks, fd, mtime, err);
}
