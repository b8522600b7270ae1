#include "bootstrap/bootstrap_stage.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/sink.h"
#include "base/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void pp_bootstrap_stage_init(struct pp_bootstrap_stage *stage, int dir,
                             struct pp_durable *durable) {
    *stage = (struct pp_bootstrap_stage){
        .dir = dir, .durable = durable, .umask = umask(0), .last = PP_BUFFER_INIT};
    umask(stage->umask);
}

void pp_bootstrap_stage_done(struct pp_bootstrap_stage *stage) {
    pp_buffer_done(&stage->last);
    for (size_t i = 0; i < stage->folder_count; i++)
        free(stage->folders[i].path);
    free(stage->folders);
    stage->folders = NULL;
    stage->folder_count = 0;
}

/* ---- folders ---- */

static int add_folder(struct pp_bootstrap_stage *stage, const struct pp_stage_folder *folder,
                      size_t path_len, struct pp_err *err) {
    size_t count = stage->folder_count;

    if ((count & (count + 1)) == 0) {
        struct pp_stage_folder *grown =
            pp_array_resize(stage->folders, 2 * (count + 1), sizeof(*grown));

        if (grown == NULL)
            return pp_err_nomem(err);
        stage->folders = grown;
    }
    stage->folders[count] = *folder;
    stage->folders[count].number = count;
    stage->folders[count].path = strndup(folder->path, path_len);
    if (stage->folders[count].path == NULL)
        return pp_err_nomem(err);
    stage->folder_count++;
    return 0;
}

int pp_bootstrap_stage_tell(struct pp_bootstrap_stage *stage, const char *path, uint32_t mode,
                            const struct timespec *mtime, struct pp_err *err) {
    struct pp_stage_folder folder = {
        .path = (char *)path, .told = true, .mode = mode, .mtime = *mtime};

    return add_folder(stage, &folder, strlen(path), err);
}

/* Enters the folder `name`, whose path is the first `len` bytes of `path`; makes it if need be.
 * Takes `dir` and returns the fd of the folder. */
static int enter(struct pp_bootstrap_stage *stage, int dir, const char *name, const char *path,
                 size_t len, struct pp_err *err) {
    struct pp_stage_folder folder = {
        .path = (char *)path, .mode = PP_BOOTSTRAP_FOLDER_MODE, .mtime = {.tv_nsec = UTIME_OMIT}};
    int made = mkdirat(dir, name, 0700);
    int fd;

    if (made < 0 && errno != EEXIST) {
        pp_err_sys(err, "cannot make the folder %.*s", (int)len, path);
        close(dir);
        return -(int)err->kind;
    }
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        pp_err_set(err, PP_ERR_REFUSED,
                   "%.*s: the archive uses as a folder what it made a symlink or a file", (int)len,
                   path);
    else if (fd < 0)
        pp_err_sys(err, "cannot open the folder %.*s", (int)len, path);
    close(dir);
    if (fd >= 0 && made == 0 && add_folder(stage, &folder, len, err) < 0) {
        close(fd);
        return -(int)err->kind;
    }
    return fd >= 0 ? fd : -(int)err->kind;
}

static int make_folders(struct pp_bootstrap_stage *stage, const char *path, size_t path_len,
                        struct pp_err *err) {
    int dir = openat(stage->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return pp_err_sys(err, "cannot open the new tree");
    for (size_t at = 0; at < path_len;) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(path + at, "/");

        if (len > NAME_MAX) {
            close(dir);
            return pp_err_set(err, PP_ERR_REFUSED, "%s: a name of more than %d bytes", path,
                              NAME_MAX);
        }
        memcpy(name, path + at, len);
        name[len] = '\0';
        dir = enter(stage, dir, name, path, at + len, err);
        if (dir < 0)
            return dir;
        at += len + 1;
    }
    close(dir);
    return 0;
}

static int need_folder(struct pp_bootstrap_stage *stage, const char *path, size_t len,
                       struct pp_err *err) {
    int rc;

    /* Entries of one folder come together. Folders do not go away, so it is still there. */
    if (len == 0 || (stage->last.len == len && memcmp(stage->last.data, path, len) == 0))
        return 0;
    rc = make_folders(stage, path, len, err);
    if (rc < 0)
        return rc;
    stage->last.len = 0;
    return pp_buffer_append(&stage->last, path, len, err);
}

int pp_bootstrap_stage_folder(struct pp_bootstrap_stage *stage, const char *path,
                              struct pp_err *err) {
    return need_folder(stage, path, strlen(path), err);
}

int pp_bootstrap_stage_parents(struct pp_bootstrap_stage *stage, const char *path,
                               struct pp_err *err) {
    const char *slash = strrchr(path, '/');

    return slash != NULL ? need_folder(stage, path, (size_t)(slash - path), err) : 0;
}

/* By path; what the archive told comes after what was only needed, and the last word last. */
static int compare_folders(const void *left, const void *right) {
    const struct pp_stage_folder *a = left;
    const struct pp_stage_folder *b = right;
    int order = strcmp(a->path, b->path);

    if (order == 0)
        order = (int)a->told - (int)b->told;
    return order != 0 ? order : (a->number < b->number ? -1 : 1);
}

static int finish_folder(const struct pp_bootstrap_stage *stage,
                         const struct pp_stage_folder *folder, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        pp_beneath_open(stage->dir, folder->path, PP_BENEATH_STRICT, O_RDONLY | O_DIRECTORY, err);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, folder->mtime};
    int rc;

    if (fd < 0)
        return pp_err_context(err, "%s", folder->path);
    if (fchmod(fd, folder->mode) < 0 ||
        (folder->mtime.tv_nsec != UTIME_OMIT && futimens(fd, times) < 0))
        return pp_err_sys(err, "%s: cannot set mode and time", folder->path);
    rc = pp_durable_one(stage->durable, fd, err);
    return rc < 0 ? pp_err_context(err, "%s", folder->path) : 0;
}

int pp_bootstrap_stage_finish(struct pp_bootstrap_stage *stage, struct pp_err *err) {
    size_t count = stage->folder_count;

    if (count > 0)
        qsort(stage->folders, count, sizeof(*stage->folders), compare_folders);
    /* From the bottom up: a folder may become one that we cannot enter. */
    for (size_t i = count; i > 0; i--) {
        const struct pp_stage_folder *folder = &stage->folders[i - 1];
        int rc = 0;

        if (i == count || strcmp(folder->path, folder[1].path) != 0)
            rc = finish_folder(stage, folder, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- what stands in them ---- */

/* Something has that name already. */
static int fail_exists(const char *path, struct pp_err *err) {
    return pp_err_set(err, PP_ERR_REFUSED, "%s: the archive holds it twice", path);
}

static int find_place(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                      const char *path, struct pp_err *err) {
    int rc = pp_beneath_find(stage->dir, path, PP_BENEATH_STRICT, place, err);

    return rc < 0 ? pp_err_context(err, "%s", path) : 0;
}

int pp_bootstrap_stage_create(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                              const char *path, uint32_t mode, struct pp_err *err) {
    int rc = find_place(stage, place, path, err);
    int fd;

    if (rc < 0)
        return rc;
    fd = openat(place->dir, place->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return errno == EEXIST ? fail_exists(path, err)
                               : pp_err_sys(err, "%s: cannot create it", path);
    return fd;
}

int pp_bootstrap_stage_dress(const struct pp_bootstrap_stage *stage, int fd, uint32_t mode,
                             const struct timespec *mtime, struct pp_err *err) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};

    if (((mode & stage->umask) != 0 && fchmod(fd, mode) < 0) ||
        (mtime->tv_nsec != UTIME_OMIT && futimens(fd, times) < 0))
        return pp_err_sys(err, "cannot set mode and time");
    return pp_durable_one(stage->durable, fd, err);
}

int pp_bootstrap_stage_symlink(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                               const char *path, const char *target, const struct timespec *mtime,
                               struct pp_err *err) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};
    int rc = find_place(stage, place, path, err);

    if (rc < 0)
        return rc;
    if (symlinkat(target, place->dir, place->name) < 0)
        return errno == EEXIST ? fail_exists(path, err)
                               : pp_err_sys(err, "%s: cannot make the symlink", path);
    if (mtime->tv_nsec != UTIME_OMIT &&
        utimensat(place->dir, place->name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "%s: cannot set its time", path);
    return 0;
}

/* Copies a file of the tree with its mode and mtime. */
static int copy_file(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                     const char *path, int from, const struct stat *st, struct pp_err *err) {
    struct pp_blob blob = pp_blob_file(from, 0, (uint64_t)st->st_size);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&blob, err);
    PP_AUTO_CLOSE int fd = -1;
    struct pp_sink_fd sink;
    int rc;

    if (source == NULL)
        return -(int)err->kind;
    fd = pp_bootstrap_stage_create(stage, place, path, st->st_mode & 0777, err);
    if (fd < 0)
        return fd;
    pp_sink_fd_init(&sink, fd);
    rc = pp_sink_copy(&sink.sink, source, err);
    if (rc >= 0)
        rc = pp_bootstrap_stage_dress(stage, fd, st->st_mode & 0777, &st->st_mtim, err);
    return rc < 0 ? pp_err_context(err, "%s", path) : 0;
}

int pp_bootstrap_stage_hardlink(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                                const char *path, const char *target, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place from = PP_PLACE_INIT;
    PP_AUTO_CLOSE int fd = -1;
    struct stat st;
    int rc = find_place(stage, &from, target, err);

    if (rc >= 0)
        rc = find_place(stage, place, path, err);
    if (rc < 0)
        return rc;
    fd = openat(from.dir, from.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: a hard link to %s, which is no file of the archive before it", path,
                          target);
    if (linkat(from.dir, from.name, place->dir, place->name, 0) == 0)
        return 0;
    return errno == EEXIST ? fail_exists(path, err) : copy_file(stage, place, path, fd, &st, err);
}
