#include "ledger/pristine.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "ledger/intent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "pristine"
#define NAME_LEN (2 * PP_SHA256_LEN)

/* Opens the folder; -1 without an error when there is none. */
static int open_folder(const struct pp_state *state) {
    return openat(state->dir, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int copy_digested(const struct pp_blob *from, int to, bool md5, struct pp_digest *digest,
                         struct pp_err *err) {
    struct pp_digester digester;
    uint8_t data[65536];
    uint64_t offset = 0;
    ssize_t len;

    pp_digester_init(&digester, md5);
    while ((len = pp_blob_read(from, offset, data, sizeof(data), err)) > 0) {
        int rc = pp_io_write(to, data, (size_t)len, err);

        if (rc < 0)
            return rc;
        pp_digester_update(&digester, data, (size_t)len);
        offset += (uint64_t)len;
    }
    if (len < 0)
        return (int)len;
    pp_digester_final(&digester, digest);
    return 0;
}

static int keep_at(int dir, const struct pp_blob *shipped, const char *temporary, bool sync,
                   bool md5, struct pp_digest *digest, struct pp_err *err) {
    PP_AUTO_CLOSE int copy =
        openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    char name[NAME_LEN + 1];
    int rc;

    if (copy < 0)
        return pp_err_sys(err, "cannot keep its shipped bytes");
    rc = copy_digested(shipped, copy, md5, digest, err);
    if (rc < 0)
        return pp_err_context(err, "its shipped bytes");
    pp_hex(digest->sha256, PP_SHA256_LEN, name);
    if ((sync && fsync(copy) < 0) || renameat(dir, temporary, dir, name) < 0 ||
        (sync && fsync(dir) < 0))
        return pp_err_sys(err, "cannot keep its shipped bytes");
    return 0;
}

int pp_pristine_keep(const struct pp_state *state, const struct pp_blob *shipped,
                     const char *temporary, bool sync, bool md5, struct pp_digest *digest,
                     struct pp_err *err) {
    PP_AUTO_CLOSE int dir = open_folder(state);
    int rc;

    if (dir < 0 && errno == ENOENT) {
        if (mkdirat(state->dir, FOLDER, 0700) < 0 && errno != EEXIST)
            return pp_err_sys(err, "cannot make a folder for shipped bytes");
        if (sync && fsync(state->dir) < 0)
            return pp_err_sys(err, "cannot get the state folder onto the disk");
        dir = open_folder(state);
    }
    if (dir < 0)
        return pp_err_sys(err, "cannot open %s/" FOLDER, state->path);
    rc = keep_at(dir, shipped, temporary, sync, md5, digest, err);
    if (rc < 0)
        unlinkat(dir, temporary, 0);
    return rc;
}

int pp_pristine_open(const struct pp_state *state, const uint8_t sha256[PP_SHA256_LEN],
                     struct pp_err *err) {
    char path[sizeof(FOLDER "/") + NAME_LEN] = FOLDER "/";
    int fd;

    pp_hex(sha256, PP_SHA256_LEN, path + sizeof(FOLDER "/") - 1);
    fd = openat(state->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return pp_err_sys(err, "its shipped bytes are not there");
    return fd;
}

static int digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_name(const char *name, uint8_t sha256[PP_SHA256_LEN]) {
    if (strlen(name) != NAME_LEN)
        return false;
    for (size_t i = 0; i < PP_SHA256_LEN; i++) {
        int high = digit(name[2 * i]);
        int low = digit(name[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        sha256[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int pp_pristine_sweep(const struct pp_state *state, struct pp_ledger *ledger, struct pp_err *err) {
    PP_AUTO_CLOSEDIR DIR *folder = NULL;
    struct dirent *entry;
    int dir = open_folder(state);

    if (dir < 0)
        return errno == ENOENT ? 0 : pp_err_sys(err, "cannot open %s/" FOLDER, state->path);
    folder = fdopendir(dir);
    if (folder == NULL) {
        close(dir);
        return pp_err_nomem(err);
    }
    while (errno = 0, (entry = readdir(folder)) != NULL) {
        uint8_t sha256[PP_SHA256_LEN];
        int rc = 0;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (parse_name(entry->d_name, sha256))
            rc = pp_ledger_names_pristine(ledger, sha256, err);
        if (rc == 0 && unlinkat(dir, entry->d_name, 0) < 0)
            rc = pp_err_sys(err, "cannot drop %s/" FOLDER "/%s", state->path, entry->d_name);
        if (rc < 0)
            return rc;
    }
    return errno == 0 ? 0 : pp_err_sys(err, "cannot list %s/" FOLDER, state->path);
}
