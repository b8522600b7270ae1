#include "bootstrap/bootstrap_dpkg.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "core/interest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_LEN_MAX ((size_t)256 << 20)

/* A stanza of the status file; texts borrow from it. */
struct package {
    const char *name;
    const char *arch;
    bool is_same; /* Multi-Arch: same */
};

struct takeover {
    struct pp_bootstrap_record *record;
    int admindir;
    int info;
};

/* Opens a folder of the tree; -1 without an error when it is not there, or a symlink. */
static int open_folder(int dir, const char *path, struct pp_err *err) {
    struct pp_err problem = PP_ERR_INIT;
    int fd = pp_beneath_open(dir, path, PP_BENEATH_STRICT, O_RDONLY | O_DIRECTORY, &problem);

    if (fd < 0 && problem.kind == PP_ERR_NOMEM)
        *err = problem;
    return fd < 0 ? -1 : fd;
}

/* Reads a file that is nobody's symlink. Returns 1, or 0 when it is not there. */
static int read_file(int dir, const char *name, struct pp_buffer *text, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    text->len = 0;
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP ? 0 : pp_err_sys(err, "%s: cannot open", name);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if (pp_io_read_all(fd, FILE_LEN_MAX, text, err) < 0)
        return pp_err_context(err, "%s", name);
    return 1;
}

static int write_file(const struct takeover *takeover, int dir, const char *name, int flags,
                      const void *text, size_t len, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(dir, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | flags, 0644);
    int rc;

    if (fd < 0)
        return pp_err_sys(err, "%s: cannot write", name);
    rc = pp_io_write(fd, text, len, err);
    if (rc >= 0 && takeover->record->each && fdatasync(fd) < 0)
        rc = pp_err_sys(err, "cannot get it onto the disk");
    return rc < 0 ? pp_err_context(err, "%s", name) : 0;
}

/* The path of the row for a path that a package lists, without its first slash. Returns 1, or 0
 * when it lies outside the destination. */
static int row_path(const struct takeover *takeover, const char *listed, struct pp_buffer *path,
                    struct pp_err *err) {
    const struct pp_bootstrap_record *record = takeover->record;
    PP_AUTO_FREE char *full = NULL;
    PP_AUTO_FREE char *moved = NULL;
    const char *rest;
    int rc;

    if (asprintf(&full, "/%s", listed) < 0) {
        full = NULL;
        return pp_err_nomem(err);
    }
    moved = pp_values_move(&record->session->values, full);
    if (moved == NULL)
        return pp_err_nomem(err);
    rest = pp_path_below(moved, record->dest->value);
    if (rest == NULL || rest[0] == '\0')
        return 0;
    rc = pp_bootstrap_record_path(record, rest + 1, path, err);
    return rc < 0 ? rc : 1;
}

/* Reads a file of a package: "NAME:ARCH.KIND" where several architectures may be installed, unless
 * the database is of before there were such. Returns 1 and its name, or 0 when there is none. */
static int read_info(const struct takeover *takeover, const struct package *package,
                     const char *kind, char **name, struct pp_buffer *text, struct pp_err *err) {
    int rc = 0;

    for (int with_arch = package->is_same ? 1 : 0; rc == 0 && with_arch >= 0; with_arch--) {
        free(*name);
        if (asprintf(name, "%s%s%s.%s", package->name, with_arch ? ":" : "",
                     with_arch ? package->arch : "", kind) < 0) {
            *name = NULL;
            return pp_err_nomem(err);
        }
        rc = read_file(takeover->info, *name, text, err);
    }
    return rc;
}

/* ---- md5sums ---- */

struct sums {
    enum pp_ledger_kind kind;
    char shipped[2 * PP_MD5_LEN + 1];
    char current[2 * PP_MD5_LEN + 1];
};

static int take_sums(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct sums *sums = context;

    (void)err;
    sums->kind = file->kind;
    pp_hex(file->shipped.md5, PP_MD5_LEN, sums->shipped);
    pp_hex(file->current.md5, PP_MD5_LEN, sums->current);
    return 1;
}

/* "HASH  PATH": the hash of a patched file is written over that of the shipped one. Returns 1 when
 * it was. */
static int mend_line(const struct takeover *takeover, char *line, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    struct sums sums;
    int rc;

    if (strlen(line) <= 2 * PP_MD5_LEN + 2)
        return 0;
    rc = row_path(takeover, line + 2 * PP_MD5_LEN + 2, &path, err);
    if (rc > 0)
        rc = pp_ledger_find(takeover->record->ledger, (const char *)path.data, take_sums, &sums,
                            err);
    if (rc <= 0 || sums.kind == PP_LEDGER_SYMLINK ||
        strncmp(line, sums.shipped, 2 * PP_MD5_LEN) != 0)
        return rc < 0 ? rc : 0;
    memcpy(line, sums.current, 2 * PP_MD5_LEN);
    return 1;
}

/* Calls `each` with every line, as a string; adds up what it returns. */
static int each_line(const struct takeover *takeover, struct pp_buffer *text,
                     int (*each)(const struct takeover *takeover, char *line, struct pp_err *err),
                     struct pp_err *err) {
    char *line = (char *)text->data;
    int count = 0;

    while (line < (char *)text->data + text->len) {
        char *end = memchr(line, '\n', (size_t)((char *)text->data + text->len - line));
        int rc;

        if (end != NULL)
            *end = '\0';
        rc = each(takeover, line, err);
        if (rc < 0)
            return rc;
        count += rc;
        if (end == NULL)
            break;
        *end = '\n';
        line = end + 1;
    }
    return count;
}

static int mend_sums(const struct takeover *takeover, const struct package *package,
                     struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_FREE char *name = NULL;
    int rc = read_info(takeover, package, "md5sums", &name, &text, err);

    if (rc > 0)
        rc = each_line(takeover, &text, mend_line, err);
    return rc <= 0 ? rc : write_file(takeover, takeover->info, name, 0, text.data, text.len, err);
}

/* ---- conffiles, in the status file ---- */

/* The hash of a line " PATH HASH[ FLAG]..."; NULL when it is none. */
static char *find_hash(char *line) {
    static const char *const flags[] = {" remove-on-upgrade", " obsolete"};
    size_t len = strlen(line);

    for (size_t i = 0; i < PP_ARRAY_LEN(flags); i++) {
        size_t flag_len = strlen(flags[i]);

        if (len > flag_len && strcmp(line + len - flag_len, flags[i]) == 0)
            len -= flag_len;
    }
    return len > 2 * PP_MD5_LEN + 3 && line[1] == '/' && line[len - 2 * PP_MD5_LEN - 1] == ' '
               ? line + len - 2 * PP_MD5_LEN
               : NULL;
}

/* dpkg records what it finds when it configures a package, which is the patched file: so shall its
 * record be where it was made of the shipped one. Returns 1 when it was changed. */
static int mend_conffile(const struct takeover *takeover, char *line, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    char *hash = find_hash(line);
    struct sums sums;
    int rc;

    if (hash == NULL)
        return 0;
    hash[-1] = '\0';
    rc = row_path(takeover, line + 2, &path, err);
    hash[-1] = ' ';
    if (rc > 0)
        rc = pp_ledger_find(takeover->record->ledger, (const char *)path.data, take_sums, &sums,
                            err);
    if (rc <= 0 || sums.kind == PP_LEDGER_SYMLINK ||
        strncmp(hash, sums.shipped, 2 * PP_MD5_LEN) != 0)
        return rc < 0 ? rc : 0;
    memcpy(hash, sums.current, 2 * PP_MD5_LEN);
    return 1;
}

/* ---- whose the rows are ---- */

static int assign_rows(const struct takeover *takeover, const struct package *package,
                       struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    PP_AUTO_FREE char *name = NULL;
    PP_AUTO_FREE char *key = NULL;
    char *rest;
    char *line;
    int rc = read_info(takeover, package, "list", &name, &text, err);

    if (rc <= 0)
        return rc;
    if (asprintf(&key, "%s:%s", package->name, package->arch) < 0) {
        key = NULL;
        return pp_err_nomem(err);
    }
    rest = (char *)text.data;
    while (rc >= 0 && (line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '/')
            continue;
        rc = row_path(takeover, line + 1, &path, err);
        if (rc > 0)
            rc = pp_ledger_assign(takeover->record->ledger, (const char *)path.data, key, err);
    }
    return rc;
}

/* ---- packages ---- */

static int take_package(const struct takeover *takeover, const struct package *package,
                        struct pp_err *err) {
    int rc;

    /* A name that is none could lead out of the folder. */
    if (package->name == NULL || package->arch == NULL || strchr(package->name, '/') != NULL ||
        strchr(package->arch, '/') != NULL)
        return 0;
    rc = mend_sums(takeover, package, err);
    if (rc >= 0)
        rc = assign_rows(takeover, package, err);
    if (rc >= 0 && strcmp(package->name, PP_OWN_NAME) == 0)
        rc = pp_interest_write(takeover->admindir, takeover->record->each, err);
    return rc;
}

static const char *field(const char *line, const char *name) {
    size_t len = strlen(name);

    return strncmp(line, name, len) == 0 ? line + len + strspn(line + len, " \t") : NULL;
}

/* Returns how many records of conffiles were changed. */
static int take_packages(const struct takeover *takeover, char *status, struct pp_err *err) {
    struct package package = {NULL, NULL, false};
    bool in_conffiles = false;
    char *line;
    int mended = 0;
    int rc = 0;

    while (rc >= 0 && (line = strsep(&status, "\n")) != NULL) {
        const char *value;

        if ((value = field(line, "Package:")) != NULL)
            package.name = value;
        else if ((value = field(line, "Architecture:")) != NULL)
            package.arch = value;
        else if ((value = field(line, "Multi-Arch:")) != NULL)
            package.is_same = strcmp(value, "same") == 0;
        if (line[0] != ' ')
            in_conffiles = field(line, "Conffiles:") != NULL;
        else if (in_conffiles)
            rc = mend_conffile(takeover, line, err);
        mended += rc > 0 ? 1 : 0;
        if (rc >= 0 && (line[0] == '\0' || status == NULL)) {
            rc = take_package(takeover, &package, err);
            package = (struct package){NULL, NULL, false};
        }
    }
    return rc < 0 ? rc : mended;
}

int pp_bootstrap_dpkg(struct pp_bootstrap_record *record, struct pp_err *err) {
    const struct pp_bootstrap_dest *dest = record->dest;
    PP_AUTO_CLOSE int admindir =
        dest->admindir != NULL ? open_folder(dest->staging, dest->admindir, err) : -1;
    PP_AUTO_CLOSE int info = admindir >= 0 ? open_folder(admindir, "info", err) : -1;
    PP_AUTO_BUFFER struct pp_buffer status = PP_BUFFER_INIT;
    struct takeover takeover = {record, admindir, info};
    int rc;

    if (info < 0)
        return -(int)err->kind;
    rc = read_file(admindir, "status", &status, err);
    if (rc > 0 && memchr(status.data, '\0', status.len) != NULL)
        rc = pp_err_set(err, PP_ERR_REFUSED, "status: holds a NUL byte");
    if (rc > 0)
        rc = take_packages(&takeover, (char *)status.data, err);
    /* Lines were ended where they are looked at. */
    for (size_t i = 0; i < status.len; i++)
        if (status.data[i] == '\0')
            status.data[i] = '\n';
    if (rc > 0)
        rc = write_file(&takeover, admindir, "status", 0, status.data, status.len, err);
    return rc < 0 ? pp_err_context(err, "%s/%s", dest->path, dest->admindir) : 0;
}
