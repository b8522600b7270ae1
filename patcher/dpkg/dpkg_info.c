#include "dpkg/dpkg_info.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_LEN_MAX ((size_t)256 << 20)
#define TEMPORARY_NAME "pathpatch-tmp"

void pp_dpkg_info_done(struct pp_dpkg_info *info) {
    pp_cleanup_close(&info->admindir);
    pp_cleanup_close(&info->info);
    pp_buffer_done(&info->diversions_text);
    free(info->diversions);
    *info = (struct pp_dpkg_info)PP_DPKG_INFO_INIT;
}

/* Three lines a diversion: from, to, package. */
static int parse_diversions(struct pp_dpkg_info *info, struct pp_err *err) {
    char *rest = (char *)info->diversions_text.data;
    struct pp_digester digester;
    struct pp_digest digest;

    pp_digester_init(&digester, false);
    pp_digester_update(&digester, info->diversions_text.data, info->diversions_text.len);
    pp_digester_final(&digester, &digest);
    memcpy(info->diversions_sha256, digest.sha256, sizeof(digest.sha256));

    for (;;) {
        const char *from = strsep(&rest, "\n");
        const char *to = strsep(&rest, "\n");
        const char *by = strsep(&rest, "\n");
        struct pp_diversion *diversions;

        if (by == NULL)
            return 0;
        diversions =
            pp_array_resize(info->diversions, info->diversion_count + 1, sizeof(*diversions));
        if (diversions == NULL)
            return pp_err_nomem(err);
        info->diversions = diversions;
        diversions[info->diversion_count++] = (struct pp_diversion){from, to, by};
    }
}

int pp_dpkg_info_open(struct pp_dpkg_info *info, const char *admindir, struct pp_err *err) {
    PP_AUTO_CLOSE int diversions = -1;

    *info = (struct pp_dpkg_info)PP_DPKG_INFO_INIT;
    info->admindir = open(admindir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (info->admindir < 0)
        return pp_err_sys(err, "%s: cannot open dpkg's database", admindir);
    info->info = openat(info->admindir, "info", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (info->info < 0)
        return pp_err_sys(err, "%s/info: cannot open", admindir);
    diversions = openat(info->admindir, "diversions", O_RDONLY | O_CLOEXEC);
    if (diversions < 0)
        return errno == ENOENT ? 0 : pp_err_sys(err, "%s/diversions: cannot open", admindir);
    if (pp_io_read_all(diversions, FILE_LEN_MAX, &info->diversions_text, err) < 0)
        return pp_err_context(err, "%s/diversions", admindir);
    return parse_diversions(info, err);
}

const char *pp_dpkg_info_divert(const struct pp_dpkg_info *info,
                                const struct pp_dpkg_package *package, const char *path) {
    for (size_t i = 0; i < info->diversion_count; i++)
        if (strcmp(info->diversions[i].from, path) == 0 &&
            strcmp(info->diversions[i].by, package->name) != 0)
            return info->diversions[i].to;
    return path;
}

/* `stem_len` bytes of the key name a package in file names. */
static int find_file(const struct pp_dpkg_info *info, const char *key, size_t stem_len,
                     const char *kind, char **name, struct stat *st, struct pp_err *err) {
    if (asprintf(name, "%.*s.%s", (int)stem_len, key, kind) < 0) {
        *name = NULL;
        return pp_err_nomem(err);
    }
    if (fstatat(info->info, *name, st, 0) == 0)
        return 1;
    return errno == ENOENT ? 0 : pp_err_sys(err, "info/%s: cannot look at it", *name);
}

/* The name of a package's file: with its architecture where several may be installed. */
static int file_name(const struct pp_dpkg_info *info, const struct pp_dpkg_package *package,
                     const char *kind, char **name, struct stat *st, struct pp_err *err) {
    size_t stem_len = strlen(package->multi_arch_same ? package->key : package->name);

    return find_file(info, package->key, stem_len, kind, name, st, err);
}

int pp_dpkg_info_stat_key(const struct pp_dpkg_info *info, const char *key, const char *kind,
                          struct stat *st, struct pp_err *err) {
    PP_AUTO_FREE char *name = NULL;
    PP_AUTO_FREE char *whole = NULL;
    int rc = find_file(info, key, strcspn(key, ":"), kind, &name, st, err);

    return rc != 0 ? rc : find_file(info, key, strlen(key), kind, &whole, st, err);
}

int pp_dpkg_info_stat(const struct pp_dpkg_info *info, const struct pp_dpkg_package *package,
                      const char *kind, struct stat *st, struct pp_err *err) {
    PP_AUTO_FREE char *name = NULL;

    return file_name(info, package, kind, &name, st, err);
}

int pp_dpkg_info_read(const struct pp_dpkg_info *info, const struct pp_dpkg_package *package,
                      const char *kind, struct pp_buffer *text, struct stat *st,
                      struct pp_err *err) {
    PP_AUTO_FREE char *name = NULL;
    PP_AUTO_CLOSE int fd = -1;
    int rc = file_name(info, package, kind, &name, st, err);

    if (rc <= 0)
        return rc;
    fd = openat(info->info, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pp_err_sys(err, "info/%s: cannot open", name);
    if (pp_io_read_all(fd, FILE_LEN_MAX, text, err) < 0)
        return pp_err_context(err, "info/%s", name);
    return 1;
}

static int write_temporary(const struct pp_dpkg_info *info, const struct pp_buffer *text,
                           mode_t mode, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = -1;

    /* One left by a run that was killed is nobody's. */
    unlinkat(info->info, TEMPORARY_NAME, 0);
    fd = openat(info->info, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return pp_err_sys(err, "cannot create a temporary file");
    if (pp_io_write(fd, text->data, text->len, err) < 0)
        return -(int)err->kind;
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return pp_err_sys(err, "cannot write");
    return 0;
}

int pp_dpkg_info_replace(const struct pp_dpkg_info *info, const struct pp_dpkg_package *package,
                         const char *kind, const struct pp_buffer *text, struct pp_err *err) {
    PP_AUTO_FREE char *name = NULL;
    struct stat st;
    int rc = file_name(info, package, kind, &name, &st, err);

    if (rc <= 0)
        return rc;
    rc = write_temporary(info, text, st.st_mode & 0777, err);
    if (rc >= 0 && renameat(info->info, TEMPORARY_NAME, info->info, name) < 0)
        rc = pp_err_sys(err, "cannot replace it");
    if (rc < 0)
        unlinkat(info->info, TEMPORARY_NAME, 0);
    return rc < 0 ? pp_err_context(err, "info/%s", name) : 0;
}
