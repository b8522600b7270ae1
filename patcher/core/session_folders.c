#include "core/session_folders.h"

#include "base/cleanup.h"
#include "core/owner.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int below_root(const struct pp_session *session, const char *path, char **full,
                      struct pp_err *err) {
    if (asprintf(full, "%s%s", session->root_path, path) < 0) {
        *full = NULL;
        return pp_err_nomem(err);
    }
    return 0;
}

/* Where the state is when dpkg's database is at `admindir`: beside it, as in the table. */
static int state_beside(const struct pp_session *session, const char *admindir, char **state,
                        struct pp_err *err) {
    const struct pp_table *table = &session->table;
    size_t parent_len = (size_t)(strrchr(table->admindir, '/') - table->admindir) + 1;

    if (strncmp(table->state, table->admindir, parent_len) != 0)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: the table does not tell where the state is beside it; give --state",
                          admindir);
    if (asprintf(state, "%.*s%s", (int)(strrchr(admindir, '/') - admindir) + 1, admindir,
                 table->state + parent_len) < 0) {
        *state = NULL;
        return pp_err_nomem(err);
    }
    return 0;
}

static bool exists(const char *path) {
    struct stat st;

    return lstat(path, &st) == 0;
}

/* The folder with the values moved where its rootfs is there, or was recorded there. */
static int find_folder(const struct pp_session *session, const char *path, char **found,
                       struct pp_err *err) {
    PP_AUTO_FREE char *moved = pp_values_move(&session->values, path);
    PP_AUTO_FREE char *default_full = NULL;
    PP_AUTO_FREE char *moved_full = NULL;
    PP_AUTO_FREE char *base = NULL;
    int parent = -1;

    if (moved == NULL || below_root(session, path, &default_full, err) < 0 ||
        below_root(session, moved, &moved_full, err) < 0)
        return pp_err_nomem(err);
    for (size_t i = 0; i < session->table.count; i++) {
        const char *default_path = session->table.placeholders[i].default_path;

        if (pp_path_below(path, default_path) != NULL &&
            (parent < 0 ||
             strlen(default_path) > strlen(session->table.placeholders[parent].default_path)))
            parent = (int)i;
    }
    if (parent >= 0 && below_root(session, session->values.values[parent].path, &base, err) < 0)
        return pp_err_nomem(err);
    *found = exists(moved_full) || (!exists(default_full) && base != NULL && exists(base))
                 ? strdup(moved_full)
                 : strdup(default_full);
    return *found == NULL ? pp_err_nomem(err) : 0;
}

int pp_session_find_folders(struct pp_session *session, struct pp_err *err) {
    const struct pp_session_options *options = &session->options;
    int rc = 0;

    if (options->admindir != NULL) {
        session->admindir = realpath(options->admindir, NULL);
        if (session->admindir == NULL)
            return pp_err_sys(err, "%s: cannot find dpkg's database", options->admindir);
        if (options->state == NULL)
            rc = state_beside(session, session->admindir, &session->state, err);
    } else {
        rc = find_folder(session, session->table.admindir, &session->admindir, err);
    }
    if (rc >= 0 && options->state != NULL) {
        session->state = strdup(options->state);
        rc = session->state == NULL ? pp_err_nomem(err) : 0;
    } else if (rc >= 0 && session->state == NULL) {
        rc = find_folder(session, session->table.state, &session->state, err);
    }
    return rc;
}

int pp_session_become_owner(struct pp_session *session, struct pp_err *err) {
    PP_AUTO_FREE char *absolute = NULL;
    char folder[PATH_MAX];
    int64_t became;

    if (session->options.fresh || session->became != 0)
        return 0;
    if (session->state[0] != '/' && getcwd(folder, sizeof(folder)) == NULL)
        return pp_err_sys(err, "cannot find the working folder");
    if (asprintf(&absolute, "%s%s%s", session->state[0] != '/' ? folder : "",
                 session->state[0] != '/' ? "/" : "", session->state) < 0) {
        absolute = NULL;
        return pp_err_nomem(err);
    }
    became = pp_owner_become_below(session->root_path, absolute, err);
    if (became > 0)
        session->became = became;
    return became < 0 ? -(int)err->kind : 0;
}

static bool same_folder(const char *left, const char *right) {
    struct stat a;
    struct stat b;

    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool pp_session_value_fits(const struct pp_session *session, size_t index) {
    const char *default_path = session->table.placeholders[index].default_path;
    const char *tail = pp_path_below(session->table.admindir, default_path);
    PP_AUTO_FREE char *named = NULL;
    PP_AUTO_FREE char *named_admindir = NULL;
    PP_AUTO_FREE char *usual = NULL;

    if (session->table.placeholders[index].is_volatile)
        return asprintf(&named, "%s%s", session->root_path, session->values.values[index].path) >=
                   0 &&
               same_folder(named, named);
    return asprintf(&named, "%s%s", session->root_path, session->values.values[index].path) >= 0 &&
           asprintf(&usual, "%s%s", session->root_path, default_path) >= 0 &&
           asprintf(&named_admindir, "%s%s", named, tail != NULL ? tail : "") >= 0 &&
           (same_folder(named, usual) ||
            (tail != NULL && same_folder(named_admindir, session->admindir)));
}

bool pp_session_is_moved(const struct pp_session *session) {
    PP_AUTO_FREE char *moved = pp_values_move(&session->values, session->table.admindir);
    PP_AUTO_FREE char *full = NULL;

    return moved != NULL && asprintf(&full, "%s%s", session->root_path, moved) >= 0 &&
           same_folder(full, session->admindir);
}

char *pp_session_locate(const struct pp_session *session, const char *path) {
    PP_AUTO_FREE char *moved = pp_values_move(&session->values, path);
    struct stat st;

    if (moved == NULL)
        return NULL;
    /* The default path may be there and be another user's: it is not the second guess. */
    if (!session->moved && fstatat(session->root, moved + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return strdup(path + 1);
    return strdup(moved + 1);
}

/* Most paths are told from the root on, with no symlink on the way: so they are what they seem. */
static bool is_plain(const struct pp_session *session, const char *path, struct pp_place *place) {
    const char *rest = pp_path_below(path, session->root_path);
    struct pp_err failure = PP_ERR_INIT;

    return rest != NULL && rest[0] == '/' &&
           pp_beneath_find(session->root, rest + 1, PP_BENEATH_STRICT, place, &failure) >= 0;
}

int pp_session_path(const struct pp_session *session, const char *path, struct pp_place *place,
                    char **relative, struct pp_err *err) {
    PP_AUTO_FREE char *folder = NULL;
    PP_AUTO_FREE char *copy = strdup(path);
    const char *name;
    const char *rest;
    char *slash;
    size_t len;

    if (copy == NULL)
        return pp_err_nomem(err);
    for (len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--)
        copy[len - 1] = '\0';
    /* The folder is resolved; the last component is not followed, unless it is no name. */
    slash = strrchr(copy, '/');
    name = slash != NULL ? slash + 1 : copy;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        folder = realpath(copy, NULL);
        name = "";
    } else if (is_plain(session, copy, place)) {
        *relative = strdup((const char *)place->path.data);
        return *relative == NULL ? pp_err_nomem(err) : 0;
    } else if (slash != NULL) {
        *slash = '\0';
        folder = realpath(slash == copy ? "/" : copy, NULL);
    } else {
        folder = realpath(".", NULL);
    }
    if (folder == NULL)
        return pp_err_sys(err, "%s: cannot find it", path);
    if (strcmp(folder, "/") == 0)
        folder[0] = '\0';
    rest = pp_path_below(folder, session->root_path);
    if (rest == NULL && name[0] != '\0' && strcmp(session->root_path, "") != 0) {
        /* The root itself, by its own name. */
        PP_AUTO_FREE char *whole = realpath(path, NULL);

        if (whole != NULL && strcmp(whole, session->root_path) == 0) {
            *relative = strdup("");
            return *relative == NULL ? pp_err_nomem(err) : 0;
        }
    }
    if (rest == NULL)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: lies outside the root '%s'; give another --root", path,
                          session->root_path);
    if (asprintf(relative, "%s%s%s", rest[0] == '/' ? rest + 1 : rest,
                 rest[0] != '\0' && name[0] != '\0' ? "/" : "", name) < 0) {
        *relative = NULL;
        return pp_err_nomem(err);
    }
    return 0;
}
