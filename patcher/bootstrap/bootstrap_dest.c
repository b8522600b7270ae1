#include "bootstrap/bootstrap_dest.h"

#include "base/beneath.h"
#include "core/session_folders.h"
#include "notify/outbox.h"
#include "tree/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define STAGING PP_BOOTSTRAP_STAGING
#define OLD "old"

/* ---- which placeholder it is ---- */

/* Does the value name the destination, if need be by way of a symlink above it? */
static bool names_dest(const struct pp_bootstrap_dest *dest, const struct pp_session *session,
                       const char *value) {
    const char *slash = strrchr(value, '/');
    PP_AUTO_FREE char *folder = NULL;
    struct stat a;
    struct stat b;

    if (strcmp(slash + 1, dest->name) != 0 ||
        asprintf(&folder, "%s%.*s/", session->root_path, (int)(slash - value), value) < 0)
        return false;
    return stat(folder, &a) == 0 && fstat(dest->parent, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int find_placeholder(struct pp_bootstrap_dest *dest, const struct pp_session *session,
                            struct pp_err *err) {
    const struct pp_table *table = &session->table;
    const char *wanted = table->placeholders[0].name;
    size_t longest = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct pp_placeholder *placeholder = &table->placeholders[i];
        size_t len = strlen(placeholder->default_path);

        if (names_dest(dest, session, session->values.values[i].path)) {
            dest->value = session->values.values[i].path;
            dest->default_path = placeholder->default_path;
            return 0;
        }
        if (len > longest && pp_path_below(table->state, placeholder->default_path) != NULL) {
            longest = len;
            wanted = placeholder->name;
        }
    }
    return pp_err_set(err, PP_ERR_REFUSED,
                      "%s: no placeholder has this value, so its files would point elsewhere; give "
                      "--set %s=/%s, or the value of another placeholder that it stands for",
                      dest->path, wanted, dest->relative);
}

/* A path on the default rootfs relative to the destination; NULL in `inside` when it is not in
 * there. */
static int find_inside(const struct pp_bootstrap_dest *dest, const struct pp_session *session,
                       const char *path, char **inside, struct pp_err *err) {
    PP_AUTO_FREE char *moved = pp_values_move(&session->values, path);
    const char *rest;

    *inside = NULL;
    if (moved == NULL)
        return pp_err_nomem(err);
    rest = pp_path_below(moved, dest->value);
    if (rest == NULL || rest[0] == '\0')
        return 0;
    *inside = strdup(rest + 1);
    return *inside == NULL ? pp_err_nomem(err) : 0;
}

static int find_state(struct pp_bootstrap_dest *dest, const struct pp_session *session,
                      const char *given_dest, struct pp_err *err) {
    const char *given = session->options.state;
    int rc = 0;

    if (given == NULL) {
        rc = find_inside(dest, session, session->table.state, &dest->state, err);
    } else {
        const char *rest = pp_path_below(given, given_dest);

        if (rest != NULL && rest[0] == '/' && rest[1] != '\0')
            dest->state = strdup(rest + 1);
    }
    if (rc < 0)
        return rc;
    if (dest->state == NULL)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: the state folder %s would lie outside; give --state %s/FOLDER",
                          dest->path, given != NULL ? given : session->table.state, given_dest);
    if (strstr(dest->state, "..") != NULL)
        return pp_err_set(err, PP_ERR_REFUSED, "--state %s: give it without ..", given);
    return find_inside(dest, session, session->table.admindir, &dest->admindir, err);
}

static int find_parent(struct pp_bootstrap_dest *dest, const struct pp_session *session,
                       const char *path, struct pp_err *err) {
    const char *slash;
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    int rc = pp_session_path(session, path, &place, &dest->relative, err);

    if (rc < 0)
        return rc;
    if (dest->relative[0] == '\0')
        return pp_err_set(err, PP_ERR_REFUSED, "%s: is the root itself", path);
    if (asprintf(&dest->path, "%s/%s", session->root_path, dest->relative) < 0) {
        dest->path = NULL;
        return pp_err_nomem(err);
    }
    slash = strrchr(dest->relative, '/');
    if ((size_t)snprintf(dest->name, sizeof(dest->name), "%s",
                         slash != NULL ? slash + 1 : dest->relative) >= sizeof(dest->name) ||
        (size_t)snprintf(dest->work_name, sizeof(dest->work_name), "%s" PP_BOOTSTRAP_WORK_SUFFIX,
                         dest->name) >= sizeof(dest->work_name))
        return pp_err_set(err, PP_ERR_REFUSED, "%s: its name is too long", path);
    if (slash == NULL) {
        dest->parent = openat(session->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dest->parent < 0 ? pp_err_sys(err, "cannot open the root") : 0;
    }
    {
        PP_AUTO_FREE char *parent = strndup(dest->relative, (size_t)(slash - dest->relative));

        if (parent == NULL)
            return pp_err_nomem(err);
        dest->parent =
            pp_beneath_open(session->root, parent, PP_BENEATH_STRICT, O_RDONLY | O_DIRECTORY, err);
        return dest->parent < 0 ? pp_err_context(err, "%s", parent) : 0;
    }
}

int pp_bootstrap_dest_find(struct pp_bootstrap_dest *dest, const struct pp_session *session,
                           const char *path, struct pp_err *err) {
    int rc;

    *dest = (struct pp_bootstrap_dest)PP_BOOTSTRAP_DEST_INIT;
    rc = find_parent(dest, session, path, err);
    if (rc >= 0)
        rc = find_placeholder(dest, session, err);
    return rc < 0 ? rc : find_state(dest, session, path, err);
}

/* ---- the folder beside it ---- */

/* Returns 1 when it is there, else 0. */
static int is_there(int dir, const char *name, struct pp_err *err) {
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : pp_err_sys(err, "cannot look at %s", name);
}

static bool is_same(int fd, int dir, const char *name) {
    struct stat a;
    struct stat b;

    return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Whoever has the lock may have removed it, and the folder, while we waited. */
static int take_work(struct pp_bootstrap_dest *dest, const struct pp_reporter *reporter,
                     struct pp_err *err) {
    PP_AUTO_FREE char *path = NULL;

    if (asprintf(&path, "%s" PP_BOOTSTRAP_WORK_SUFFIX, dest->path) < 0) {
        path = NULL;
        return pp_err_nomem(err);
    }
    for (;;) {
        int rc;

        if (mkdirat(dest->parent, dest->work_name, 0700) < 0 && errno != EEXIST)
            return pp_err_sys(err, "cannot make %s", path);
        rc = pp_state_open(&dest->work, path, false, reporter->waiting, reporter->context, err);
        if (rc < 0)
            return rc;
        if (rc > 0 && is_same(dest->work.dir, dest->parent, dest->work_name))
            return 0;
        pp_state_done(&dest->work);
    }
}

/* Ends what a killed run began. */
static int tidy(struct pp_bootstrap_dest *dest, struct pp_err *err) {
    int has_old = is_there(dest->work.dir, OLD, err);
    int has_dest = is_there(dest->parent, dest->name, err);

    if (has_old < 0 || has_dest < 0)
        return -(int)err->kind;
    if (has_old > 0 && has_dest == 0 && renameat(dest->work.dir, OLD, dest->parent, dest->name) < 0)
        return pp_err_sys(err, "%s: cannot put back what a killed run took away", dest->path);
    if (pp_tree_remove(dest->work.dir, OLD, err) < 0 ||
        pp_tree_remove(dest->work.dir, STAGING, err) < 0)
        return pp_err_context(err, "%s" PP_BOOTSTRAP_WORK_SUFFIX, dest->path);
    return 0;
}

static int refuse_existing(const struct pp_bootstrap_dest *dest, struct pp_err *err) {
    return pp_err_set(err, PP_ERR_REFUSED,
                      "%s: is there already; --replace-dest puts the new tree in its place",
                      dest->path);
}

int pp_bootstrap_dest_lock(struct pp_bootstrap_dest *dest, bool replace,
                           const struct pp_reporter *reporter, struct pp_err *err) {
    int has_dest = is_there(dest->parent, dest->name, err);
    int has_work = is_there(dest->parent, dest->work_name, err);
    int rc;

    if (has_dest < 0 || has_work < 0)
        return -(int)err->kind;
    if (has_dest > 0 && has_work == 0 && !replace)
        return refuse_existing(dest, err);
    rc = take_work(dest, reporter, err);
    if (rc >= 0)
        rc = tidy(dest, err);
    if (rc >= 0)
        rc = has_dest = is_there(dest->parent, dest->name, err);
    if (rc < 0)
        return rc;
    return has_dest > 0 && !replace ? refuse_existing(dest, err) : 0;
}

int pp_bootstrap_dest_room(const struct pp_bootstrap_dest *dest, uint64_t need_len,
                           struct pp_err *err) {
    struct statvfs fs;
    uint64_t free_len;

    if (fstatvfs(dest->parent, &fs) < 0)
        return pp_err_sys(err, "cannot look at the file system");
    free_len = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_len >= need_len)
        return 0;
    return pp_err_set(err, PP_ERR_LIMIT,
                      "%s: needs %llu MiB, and %llu MiB are free on that file system; make room",
                      dest->path, (unsigned long long)(need_len >> 20) + 1,
                      (unsigned long long)(free_len >> 20));
}

int pp_bootstrap_dest_stage(struct pp_bootstrap_dest *dest, struct pp_err *err) {
    if (mkdirat(dest->work.dir, STAGING, 0700) < 0)
        return pp_err_sys(err, "cannot make the folder " STAGING);
    dest->staging =
        openat(dest->work.dir, STAGING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return dest->staging < 0 ? pp_err_sys(err, "cannot open the folder " STAGING) : 0;
}

int pp_bootstrap_dest_publish(struct pp_bootstrap_dest *dest, bool replace,
                              enum pp_durability durability, struct pp_err *err) {
    if (replace && renameat(dest->parent, dest->name, dest->work.dir, OLD) < 0 && errno != ENOENT)
        return pp_err_sys(err, "%s: cannot take away what is there", dest->path);
    if (renameat(dest->work.dir, STAGING, dest->parent, dest->name) < 0) {
        pp_err_sys(err, "%s: cannot move the new tree there", dest->path);
        if (replace)
            renameat(dest->work.dir, OLD, dest->parent, dest->name);
        return -(int)err->kind;
    }
    if (durability != PP_DURABILITY_NONE && (fsync(dest->parent) < 0 || fsync(dest->work.dir) < 0))
        return pp_err_sys(err, "%s: is there, but may be lost with the power", dest->path);
    return 0;
}

void pp_bootstrap_dest_done(struct pp_bootstrap_dest *dest) {
    struct pp_err ignored = PP_ERR_INIT;

    /* What cannot be removed now is removed by the next run. Messages in the spool are kept, and
     * the folder with them. */
    if (dest->work.lock >= 0) {
        pp_tree_remove(dest->work.dir, STAGING, &ignored);
        if (is_there(dest->parent, dest->name, &ignored) == 1)
            pp_tree_remove(dest->work.dir, OLD, &ignored);
        if ((unlinkat(dest->work.dir, PP_OUTBOX_NAME, AT_REMOVEDIR) == 0 || errno == ENOENT) &&
            is_there(dest->work.dir, OLD, &ignored) == 0 &&
            unlinkat(dest->work.dir, "lock", 0) == 0)
            unlinkat(dest->parent, dest->work_name, AT_REMOVEDIR);
    }
    pp_cleanup_close(&dest->staging);
    pp_state_done(&dest->work);
    pp_cleanup_close(&dest->parent);
    free(dest->path);
    free(dest->relative);
    free(dest->state);
    free(dest->admindir);
    *dest = (struct pp_bootstrap_dest)PP_BOOTSTRAP_DEST_INIT;
}
