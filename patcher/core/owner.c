#include "core/owner.h"

#include "base/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The user's own groups. Whoever owns a folder may not be in its group, since users can make
 * folders in one that gives its group on: that counts only for users that nobody knows. */
static int take_groups(const struct stat *st) {
    const struct passwd *user = getpwuid(st->st_uid);
    gid_t group = user != NULL ? user->pw_gid : st->st_gid;

    if ((user != NULL ? initgroups(user->pw_name, group) : setgroups(1, &group)) < 0)
        return -1;
    return setresgid(group, group, group);
}

static int64_t become(const struct stat *st, const char *path, struct pp_err *err) {
    const char *name = path[0] != '\0' ? path : "/";
    unsigned long user = st->st_uid;

    if (take_groups(st) < 0 || setresuid(st->st_uid, st->st_uid, st->st_uid) < 0)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s belongs to user %lu, and root cannot become that user here: %s; run "
                          "as that user",
                          name, user, strerror(errno));
    /* Capabilities that were told to stay would let it back. */
    if (setresuid(0, 0, 0) == 0)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s belongs to user %lu, and root would keep its capabilities as that "
                          "user; run as that user",
                          name, user);
    if (access(name, X_OK) < 0)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s belongs to user %lu, who cannot reach it (%s); let them through the "
                          "folders above it",
                          name, user, strerror(errno));
    return (int64_t)user;
}

int64_t pp_owner_become(int dir, const char *path, struct pp_err *err) {
    struct stat st;

    if (geteuid() != 0)
        return 0;
    if (fstat(dir, &st) < 0)
        return pp_err_sys(err, "cannot look at %s", path);
    return st.st_uid != 0 ? become(&st, path, err) : 0;
}

int64_t pp_owner_become_below(const char *root_path, const char *path, struct pp_err *err) {
    size_t root_len = strlen(root_path);
    PP_AUTO_FREE char *way = strdup(path);
    PP_AUTO_FREE char *found = NULL;
    struct stat owner = {0};

    if (way == NULL)
        return pp_err_nomem(err);
    if (geteuid() != 0 || strncmp(path, root_path, root_len) != 0 || path[root_len] != '/')
        return 0;
    for (char *end = way + root_len; *end != '\0';) {
        char cut;
        struct stat st;

        end += strspn(end, "/");
        end += strcspn(end, "/");
        cut = *end;
        *end = '\0';
        /* A symlink leads wherever its owner likes. */
        if (lstat(way, &st) < 0)
            break;
        if (st.st_uid == 0 && S_ISLNK(st.st_mode) && stat(way, &st) < 0)
            break;
        if (st.st_uid != 0) {
            owner = st;
            free(found);
            found = strdup(way);
            if (found == NULL)
                return pp_err_nomem(err);
        }
        *end = cut;
    }
    return found != NULL ? become(&owner, found, err) : 0;
}
