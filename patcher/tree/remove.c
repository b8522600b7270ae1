#include "tree/remove.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Opens a folder for reading and removing, which its mode may not allow. NULL when it is gone. */
static DIR *open_folder(int dir, const char *name, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    PP_AUTO_CLOSE int readable = -1;
    DIR *folder;

    if (fd < 0) {
        if (errno != ENOENT)
            pp_err_sys(err, "cannot open the folder %s", name);
        return NULL;
    }
    readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable < 0 && fchmodat(dir, name, 0700, 0) == 0)
        readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder = readable >= 0 ? fdopendir(readable) : NULL;
    if (folder == NULL) {
        pp_err_sys(err, "cannot open the folder %s", name);
        return NULL;
    }
    readable = -1;
    fchmod(dirfd(folder), 0700);
    return folder;
}

static int remove_content(DIR *folder, struct pp_err *err) {
    const struct dirent *entry;

    while (errno = 0, (entry = readdir(folder)) != NULL) {
        int rc;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        rc = pp_tree_remove(dirfd(folder), entry->d_name, err);
        if (rc < 0)
            return rc;
    }
    return errno == 0 ? 0 : pp_err_sys(err, "cannot read a folder");
}

int pp_tree_remove(int dir, const char *name, struct pp_err *err) {
    PP_AUTO_CLOSEDIR DIR *folder = NULL;
    struct pp_err failure = PP_ERR_INIT;
    int rc;

    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    /* A folder gives EISDIR on Linux, EPERM elsewhere. */
    if (errno != EISDIR && errno != EPERM)
        return pp_err_sys(err, "cannot remove %s", name);
    folder = open_folder(dir, name, &failure);
    if (folder == NULL && failure.kind == PP_ERR_NONE)
        return 0;
    rc = folder != NULL ? remove_content(folder, &failure) : -1;
    if (rc < 0) {
        *err = failure;
        return pp_err_context(err, "%s", name);
    }
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return pp_err_sys(err, "cannot remove the folder %s", name);
    return 0;
}
