#include "core/interest.h"

#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_FILE "info/" PP_OWN_NAME ".triggers"
#define TRIGGER_FILE "triggers/" PP_OWN_NAME

static bool is_there(int admindir, const char *path) {
    struct stat st;

    return fstatat(admindir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int pp_interest_known(int admindir, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_CLOSE int fd = openat(admindir, TRIGGER_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : pp_err_sys(err, TRIGGER_FILE ": cannot open");
    if (pp_io_read_all(fd, 1 << 20, &text, err) < 0)
        return pp_err_context(err, TRIGGER_FILE);
    return text.len > 0 && strstr((const char *)text.data, PP_OWN_NAME) != NULL ? 1 : 0;
}

static int write_new(int admindir, const char *path, const char *text, bool sync,
                     struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(admindir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd < 0)
        return errno == EEXIST ? 0 : pp_err_sys(err, "%s: cannot write", path);
    if (pp_io_write(fd, text, strlen(text), err) < 0)
        return pp_err_context(err, "%s", path);
    return sync && fdatasync(fd) < 0 ? pp_err_sys(err, "%s: cannot get it onto the disk", path) : 0;
}

int pp_interest_write(int admindir, bool sync, struct pp_err *err) {
    int rc = 0;

    if (mkdirat(admindir, "triggers", 0755) < 0 && errno != EEXIST)
        return pp_err_sys(err, "triggers: cannot make the folder");
    if (!is_there(admindir, OWN_FILE))
        rc = write_new(admindir, OWN_FILE, "interest-await " PP_OWN_NAME "\n", sync, err);
    return rc < 0 ? rc : write_new(admindir, TRIGGER_FILE, PP_OWN_NAME "\n", sync, err);
}
