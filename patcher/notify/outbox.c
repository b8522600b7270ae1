#include "notify/outbox.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".json"
#define TEMPORARY_SUFFIX ".tmp"

/* Room for ".RUN.json.tmp" and for "RUN.json". */
#define FILE_NAME_SIZE (1 + PP_RUN_LEN + sizeof(SUFFIX) + sizeof(TEMPORARY_SUFFIX))

int pp_outbox_open(struct pp_outbox *outbox, int state_fd, struct pp_err *err) {
    struct stat st;

    if (mkdirat(state_fd, PP_OUTBOX_NAME, 0700) == 0) {
        if (fsync(state_fd) < 0)
            return pp_err_sys(err, "cannot make the folder %s last", PP_OUTBOX_NAME);
    } else if (errno != EEXIST) {
        return pp_err_sys(err, "cannot make the folder %s", PP_OUTBOX_NAME);
    }
    outbox->fd = openat(state_fd, PP_OUTBOX_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (outbox->fd < 0)
        return pp_err_sys(err, "cannot open the folder %s", PP_OUTBOX_NAME);
    if (fstat(outbox->fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
        return 0;
    pp_outbox_done(outbox);
    return pp_err_set(err, PP_ERR_REFUSED,
                      "%s: must be ours and closed to others: chmod 700 it, or move it away",
                      PP_OUTBOX_NAME);
}

void pp_outbox_done(struct pp_outbox *outbox) {
    pp_cleanup_close(&outbox->fd);
}

static int write_durably(int fd, const char *text, size_t len, struct pp_err *err) {
    int rc = pp_io_write(fd, text, len, err);

    if (rc >= 0 && fsync(fd) < 0)
        rc = pp_err_sys(err, "cannot sync");
    return rc;
}

int pp_outbox_put(const struct pp_outbox *outbox, const struct pp_message *message,
                  struct pp_err *err) {
    PP_AUTO_CLOSE int fd = -1;
    char name[FILE_NAME_SIZE];
    char temporary[FILE_NAME_SIZE];
    char text[PP_LINE_MAX];
    int len = pp_message_encode(message, text, err);
    int rc;

    if (len < 0)
        return len;
    text[len++] = '\n';
    snprintf(name, sizeof(name), "%s" SUFFIX, message->run);
    snprintf(temporary, sizeof(temporary), ".%s" SUFFIX TEMPORARY_SUFFIX, message->run);
    fd = openat(outbox->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return pp_err_sys(err, PP_OUTBOX_NAME ": cannot create %s", temporary);
    rc = write_durably(fd, text, (size_t)len, err);
    if (rc >= 0 && renameat(outbox->fd, temporary, outbox->fd, name) < 0)
        rc = pp_err_sys(err, "cannot rename");
    if (rc >= 0 && fsync(outbox->fd) < 0)
        rc = pp_err_sys(err, "cannot sync the folder");
    if (rc < 0) {
        unlinkat(outbox->fd, temporary, 0);
        return pp_err_context(err, PP_OUTBOX_NAME "/%s", name);
    }
    return 0;
}

int pp_outbox_get(const struct pp_outbox *outbox, const char *run, struct pp_message *message,
                  struct pp_err *err) {
    PP_AUTO_CLOSE int fd = -1;
    char name[FILE_NAME_SIZE];
    char text[PP_LINE_MAX];
    struct stat st;
    ssize_t len;
    int rc;

    snprintf(name, sizeof(name), "%s" SUFFIX, run);
    fd = openat(outbox->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return pp_err_sys(err, PP_OUTBOX_NAME ": cannot open %s", name);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return pp_err_set(err, PP_ERR_REFUSED, PP_OUTBOX_NAME "/%s is not a file of ours", name);
    len = pp_io_read(fd, text, sizeof(text), err);
    if (len < 0)
        return pp_err_context(err, PP_OUTBOX_NAME "/%s", name);
    if (len > 0 && text[len - 1] == '\n')
        len--;
    rc = pp_message_decode(message, text, (size_t)len, err);
    if (rc == 0 && (strcmp(message->run, run) != 0 || !pp_message_is_last(message)))
        rc = pp_err_set(err, PP_ERR_DAMAGED, "not what its name says");
    if (rc < 0)
        return pp_err_context(err, PP_OUTBOX_NAME "/%s", name);
    return 0;
}

int pp_outbox_drop(const struct pp_outbox *outbox, const char *run, struct pp_err *err) {
    char name[FILE_NAME_SIZE];

    snprintf(name, sizeof(name), "%s" SUFFIX, run);
    /* Not synced: if the power goes now, the message is sent twice, which the app expects. */
    if (unlinkat(outbox->fd, name, 0) < 0 && errno != ENOENT)
        return pp_err_sys(err, PP_OUTBOX_NAME ": cannot remove %s", name);
    return 0;
}

static int compare_entries(const void *a, const void *b) {
    const struct pp_outbox_entry *left = a;
    const struct pp_outbox_entry *right = b;

    if (left->mtime_ns != right->mtime_ns)
        return left->mtime_ns < right->mtime_ns ? -1 : 1;
    return strcmp(left->run, right->run);
}

/* Reads `<run>.json` into an entry; false when the file is something else, or has gone. */
static bool read_entry(DIR *dir, const char *name, struct pp_outbox_entry *entry) {
    struct stat st;

    if (strlen(name) != PP_RUN_LEN + strlen(SUFFIX) || strcmp(name + PP_RUN_LEN, SUFFIX) != 0)
        return false;
    memcpy(entry->run, name, PP_RUN_LEN);
    entry->run[PP_RUN_LEN] = '\0';
    if (!pp_run_valid(entry->run) || fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    entry->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return true;
}

int pp_outbox_list(const struct pp_outbox *outbox, struct pp_outbox_entry **entries, size_t *count,
                   struct pp_err *err) {
    PP_AUTO_CLOSEDIR DIR *dir = NULL;
    PP_AUTO_BUFFER struct pp_buffer found = PP_BUFFER_INIT;
    int fd = openat(outbox->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct pp_outbox_entry entry;
    const struct dirent *file;

    if (fd >= 0)
        dir = fdopendir(fd);
    if (dir == NULL) {
        pp_err_sys(err, "cannot read the folder %s", PP_OUTBOX_NAME);
        pp_cleanup_close(&fd);
        return -(int)err->kind;
    }
    while (errno = 0, (file = readdir(dir)) != NULL)
        if (read_entry(dir, file->d_name, &entry)) {
            int rc = pp_buffer_append(&found, &entry, sizeof(entry), err);

            if (rc < 0)
                return rc;
        }
    if (errno != 0)
        return pp_err_sys(err, "cannot read the folder %s", PP_OUTBOX_NAME);
    *count = found.len / sizeof(entry);
    if (*count > 0)
        qsort(found.data, *count, sizeof(entry), compare_entries);
    *entries = (struct pp_outbox_entry *)(void *)found.data;
    found.data = NULL;
    return 0;
}
