#include "dpkg/dpkg_rows.h"

#include "base/array.h"
#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/identity.h"
#include "journal/make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void pp_rows_done(struct pp_rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->items[i].path);
        free(rows->items[i].package);
    }
    free(rows->items);
    *rows = (struct pp_rows)PP_ROWS_INIT;
}

static int copy_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct pp_rows *rows = context;
    struct pp_row *row;

    if ((rows->count & (rows->count + 1)) == 0) {
        struct pp_row *items = pp_array_resize(rows->items, 2 * (rows->count + 1), sizeof(*items));

        if (items == NULL)
            return pp_err_nomem(err);
        rows->items = items;
    }
    row = &rows->items[rows->count++];
    *row = (struct pp_row){.path = strdup(file->path),
                           .package = strdup(file->package),
                           .kind = file->kind,
                           .size = file->size,
                           .shipped = file->shipped,
                           .current = file->current};
    return row->path == NULL || row->package == NULL ? pp_err_nomem(err) : 0;
}

static int compare_rows(const void *left, const void *right) {
    return strcmp(((const struct pp_row *)left)->path, ((const struct pp_row *)right)->path);
}

int pp_rows_load(struct pp_rows *rows, struct pp_ledger *ledger, const char *package,
                 struct pp_err *err) {
    int rc = pp_ledger_files(ledger, &(struct pp_ledger_filter){.package = package}, copy_row, rows,
                             err);

    if (rc >= 0 && rows->count > 0)
        qsort(rows->items, rows->count, sizeof(*rows->items), compare_rows);
    return rc;
}

const struct pp_row *pp_rows_find(const struct pp_rows *rows, const char *path) {
    struct pp_row wanted = {.path = (char *)path};

    if (rows->count == 0)
        return NULL;
    return bsearch(&wanted, rows->items, rows->count, sizeof(*rows->items), compare_rows);
}

/* A failure that may pass tells nothing of the file: it must not cost a row. */
static int pass_transient(const struct pp_err *failure, const char *path, struct pp_err *err) {
    if (!pp_err_is_transient(failure))
        return 0;
    *err = *failure;
    return pp_err_context(err, "%s", path);
}

enum look {
    GONE,
    SEEN,
    UNREADABLE, /* and so nobody can tell that it changed */
};

/* What the file is, and its digest. Returns an `enum look`. */
static int digest_of(const struct pp_record *record, const char *path, bool md5, struct stat *st,
                     struct pp_digest *digest, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err failure = PP_ERR_INIT;
    struct pp_identity identity;
    int rc = pp_beneath_find(record->session->root, path, PP_BENEATH_STRICT, &place, &failure);

    if (rc >= 0 && fstatat(place.dir, place.name, st, AT_SYMLINK_NOFOLLOW) < 0)
        rc = pp_err_sys(&failure, "cannot look at it");
    if (rc >= 0) {
        identity = pp_identity_of(st);
        rc = pp_make_digest(place.dir, place.name, &identity, md5, digest, &failure);
    }
    if (rc >= 0)
        return SEEN;
    if (pp_err_says_gone(&failure))
        return GONE;
    rc = pass_transient(&failure, path, err);
    return rc < 0 ? rc : UNREADABLE;
}

int pp_row_fits(const struct pp_record *record, const struct pp_row *row, struct pp_err *err) {
    struct pp_digest digest;
    struct stat st;
    int rc = digest_of(record, row->path, false, &st, &digest, err);

    if (rc != SEEN)
        return rc < 0 ? rc : rc == UNREADABLE;
    if (S_ISLNK(st.st_mode) != (row->kind == PP_LEDGER_SYMLINK))
        return 0;
    return memcmp(digest.sha256, row->current.sha256, sizeof(digest.sha256)) == 0;
}

int pp_dpkg_has_md5(const struct pp_record *record, const char *path, const char *md5,
                    struct pp_err *err) {
    char found[2 * PP_MD5_LEN + 1];
    struct pp_digest digest;
    struct stat st;
    int rc = digest_of(record, path, true, &st, &digest, err);

    if (rc != SEEN)
        return rc < 0 ? rc : 0;
    pp_hex(digest.md5, PP_MD5_LEN, found);
    return strcmp(found, md5) == 0;
}

int pp_dpkg_resolve(const struct pp_record *record, const struct pp_dpkg_info *info,
                    const struct pp_dpkg_package *package, const char *path,
                    struct pp_buffer *resolved, struct pp_err *lasting, struct pp_err *err) {
    PP_AUTO_FREE char *located =
        pp_session_locate(record->session, pp_dpkg_info_divert(info, package, path));
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err failure = PP_ERR_INIT;

    if (located == NULL)
        return pp_err_nomem(err);
    if (pp_beneath_find(record->session->root, located, PP_BENEATH_FOLLOW, &place, &failure) < 0) {
        if (lasting != NULL && !pp_err_says_gone(&failure))
            *lasting = failure;
        return pass_transient(&failure, located, err);
    }
    resolved->len = 0;
    return pp_buffer_append(resolved, place.path.data, place.path.len, err) < 0 ? -(int)err->kind
                                                                                : 1;
}

/* ---- following dpkg ---- */

static bool has_suffix(const char *path, const char *suffix) {
    size_t len = strlen(path);
    size_t suffix_len = strlen(suffix);

    return len > suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

/* The row of `from` stands under another path from now on. */
static int move_row(struct pp_ledger *ledger, const char *from, const char *to,
                    struct pp_err *err) {
    int rc = pp_ledger_copy(ledger, from, to, err);

    return rc < 0 ? rc : pp_ledger_forget(ledger, from, err);
}

/* CONF.dpkg-new becomes CONF, or CONF.dpkg-dist where the user keeps the edited one, who may take
 * that for CONF later, or delete it. */
static int follow_conffile(struct pp_record *record, const struct pp_row *row, const char *suffix,
                           struct pp_err *err) {
    static const char *const suffixes[] = {"", PP_DPKG_DIST};
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    size_t stem_len = strlen(row->path) - strlen(suffix);
    int rc = pp_row_fits(record, row, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < PP_ARRAY_LEN(suffixes); i++) {
        struct pp_row moved = *row;
        PP_AUTO_FREE char *path = NULL;

        if (asprintf(&path, "%.*s%s", (int)stem_len, row->path, suffixes[i]) < 0) {
            path = NULL;
            return pp_err_nomem(err);
        }
        moved.path = path;
        rc = pp_row_fits(record, &moved, err);
        if (rc != 0)
            return rc < 0 ? rc : move_row(ledger, row->path, path, err);
    }
    return pp_ledger_forget(ledger, row->path, err);
}

/* Does dpkg still have files of this package, or at least its conffiles? */
static bool is_known(const struct pp_dpkg *dpkg, const char *key) {
    const struct pp_dpkg_package *package = pp_dpkg_find(dpkg, key);

    return package != NULL &&
           (pp_dpkg_has_files(package) || strcmp(package->status, "config-files") == 0 ||
            strcmp(package->status, "half-installed") == 0);
}

/* The same package of another architecture that is still there: it may share the file. */
static const struct pp_dpkg_package *find_other(const struct pp_dpkg *dpkg, const char *key) {
    size_t name_len = strcspn(key, ":");

    for (size_t i = 0; i < dpkg->count; i++)
        if (strncmp(dpkg->packages[i].key, key, name_len + 1) == 0 &&
            strcmp(dpkg->packages[i].key, key) != 0 && pp_dpkg_has_files(&dpkg->packages[i]))
            return &dpkg->packages[i];
    return NULL;
}

/* The package of a row is gone: so is the row, unless another one has the file. */
static int leave_package(struct pp_record *record, const struct pp_dpkg *dpkg,
                         const struct pp_row *row, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    const struct pp_dpkg_package *other = find_other(dpkg, row->package);
    int rc = other != NULL ? pp_row_fits(record, row, err) : 0;

    if (rc < 0)
        return rc;
    rc = rc > 0 ? pp_ledger_assign(ledger, row->path, other->key, err)
                : pp_ledger_forget(ledger, row->path, err);
    return rc < 0 ? rc : pp_ledger_expire(ledger, row->package, err);
}

/* Of a package that was removed only the conffiles stay. */
static bool is_gone(const struct pp_record *record, const struct pp_row *row) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct stat st;

    return pp_beneath_find(record->session->root, row->path, PP_BENEATH_STRICT, &place, &err) < 0
               ? pp_err_says_gone(&err)
               : fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* A later version of the package no longer asks to be patched: what it brought is its own. */
static bool has_opted_out(const struct pp_dpkg *dpkg, const char *key) {
    const struct pp_dpkg_package *package = pp_dpkg_find(dpkg, key);

    return package != NULL && pp_dpkg_has_files(package) && package->variables[0] == '\0';
}

/* Does the package have files, and still ask for them to be patched? */
static bool takes_part(const struct pp_dpkg *dpkg, const char *key) {
    const struct pp_dpkg_package *package = pp_dpkg_find(dpkg, key);

    return package != NULL && pp_dpkg_has_files(package) && package->variables[0] != '\0';
}

/* Names of packages. */
struct keys {
    const struct pp_dpkg *dpkg;
    char **items;
    size_t count;
};

static void keys_done(struct keys *keys) {
    for (size_t i = 0; i < keys->count; i++)
        free(keys->items[i]);
    free(keys->items);
}

/* Most packages are as they were: their rows are not even looked at. */
static int note_other(void *context, const char *package, struct pp_err *err) {
    struct keys *keys = context;
    char **items;

    if (package[0] == '\0' || takes_part(keys->dpkg, package))
        return 0;
    items = pp_array_resize(keys->items, keys->count + 1, sizeof(char *));
    if (items == NULL)
        return pp_err_nomem(err);
    keys->items = items;
    items[keys->count] = strdup(package);
    return items[keys->count++] == NULL ? pp_err_nomem(err) : 0;
}

static int follow_row(struct pp_record *record, const struct pp_dpkg *dpkg,
                      const struct pp_row *row, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    int rc;

    if (!is_known(dpkg, row->package))
        return leave_package(record, dpkg, row, err);
    if (!pp_dpkg_has_files(pp_dpkg_find(dpkg, row->package)) && is_gone(record, row))
        return pp_ledger_forget(ledger, row->path, err);
    if (!has_opted_out(dpkg, row->package))
        return 0;
    rc = pp_row_fits(record, row, err);
    return rc == 0 ? pp_ledger_forget(ledger, row->path, err) : rc;
}

/* A package that does not take part any more. One that is gone may have left no row. */
static int follow_package(struct pp_record *record, const struct pp_dpkg *dpkg, const char *key,
                          struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    PP_AUTO_ROWS struct pp_rows rows = PP_ROWS_INIT;
    int rc = pp_rows_load(&rows, ledger, key, err);

    for (size_t i = 0; rc >= 0 && i < rows.count; i++)
        rc = follow_row(record, dpkg, &rows.items[i], err);
    return rc >= 0 && !is_known(dpkg, key) ? pp_ledger_expire(ledger, key, err) : rc;
}

int pp_dpkg_rows_leave(struct pp_record *record, const struct pp_dpkg *dpkg, struct pp_err *err) {
    PP_AUTO(keys_done) struct keys keys = {.dpkg = dpkg};
    int rc = pp_ledger_package_names(pp_journal_ledger(record->journal), note_other, &keys, err);

    for (size_t i = 0; rc >= 0 && i < keys.count; i++)
        rc = follow_package(record, dpkg, keys.items[i], err);
    return rc < 0 ? rc : 0;
}

static int follow_conffiles(struct pp_record *record, const char *suffix, struct pp_err *err) {
    const struct pp_ledger_filter filter = {.suffix = suffix};
    PP_AUTO_ROWS struct pp_rows rows = PP_ROWS_INIT;
    int rc = pp_ledger_files(pp_journal_ledger(record->journal), &filter, copy_row, &rows, err);

    for (size_t i = 0; rc >= 0 && i < rows.count; i++)
        if (rows.items[i].package[0] != '\0')
            rc = follow_conffile(record, &rows.items[i], suffix, err);
    return rc;
}

int pp_dpkg_rows_rename(struct pp_record *record, struct pp_err *err) {
    int rc = follow_conffiles(record, PP_DPKG_NEW, err);

    if (rc >= 0)
        rc = follow_conffiles(record, PP_DPKG_DIST, err);
    return rc < 0 ? rc : 0;
}

int pp_dpkg_rows_follow(struct pp_record *record, const struct pp_dpkg *dpkg, struct pp_err *err) {
    int rc = pp_dpkg_rows_rename(record, err);

    return rc < 0 ? rc : pp_dpkg_rows_leave(record, dpkg, err);
}

static int is_conffile(void *context, const char *path, const char *md5, struct pp_err *err) {
    (void)md5;
    (void)err;
    /* Rows have no symlinks on their way, conffiles may: the name says enough. */
    return has_suffix(context, strrchr(path, '/') != NULL ? strrchr(path, '/') : path) ? 1 : 0;
}

int pp_dpkg_rows_expire(struct pp_record *record, const struct pp_dpkg_package *package,
                        struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    PP_AUTO_ROWS struct pp_rows rows = PP_ROWS_INIT;
    int rc = pp_rows_load(&rows, ledger, package->key, err);

    for (size_t i = 0; rc >= 0 && i < rows.count; i++) {
        const struct pp_row *row = &rows.items[i];

        rc = pp_row_fits(record, row, err);
        /* A conffile that the user edited is still ours to know: dpkg asks about it. */
        if (rc == 0 && !is_gone(record, row))
            rc = pp_dpkg_conffiles(package, is_conffile, row->path, err);
        if (rc == 0)
            rc = pp_ledger_forget(ledger, row->path, err);
    }
    return rc < 0 ? rc : 0;
}

/* ---- md5sums ---- */

/* One line, "HASH  PATH": with the hash of the row, if there is one. Returns 1 when it changed. */
static int mend_line(struct pp_record *record, const struct pp_dpkg_info *info,
                     const struct pp_dpkg_package *package, const struct pp_rows *rows,
                     const char *line, struct pp_buffer *mended, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer resolved = PP_BUFFER_INIT;
    PP_AUTO_FREE char *path = NULL;
    char md5[2 * PP_MD5_LEN + 1];
    const struct pp_row *row = NULL;
    int rc = 0;

    if (strlen(line) > 2 * PP_MD5_LEN + 2) {
        if (asprintf(&path, "/%s", line + 2 * PP_MD5_LEN + 2) < 0) {
            path = NULL;
            return pp_err_nomem(err);
        }
        rc = pp_dpkg_resolve(record, info, package, path, &resolved, NULL, err);
        if (rc > 0)
            row = pp_rows_find(rows, (const char *)resolved.data);
        /* dpkg's own sums, made where a package has none, list conffiles too. */
        if (rc > 0 && row == NULL) {
            rc = pp_buffer_printf(&resolved, err, PP_DPKG_NEW);
            row = rc >= 0 ? pp_rows_find(rows, (const char *)resolved.data) : NULL;
        }
    }
    if (rc < 0 || row == NULL || row->kind == PP_LEDGER_SYMLINK ||
        !pp_digest_has_md5(&row->current))
        return rc < 0 ? rc : pp_buffer_printf(mended, err, "%s\n", line);
    pp_hex(row->current.md5, PP_MD5_LEN, md5);
    rc = pp_buffer_printf(mended, err, "%s%s\n", md5, line + 2 * PP_MD5_LEN);
    return rc < 0 ? rc : strncmp(md5, line, 2 * PP_MD5_LEN) != 0;
}

int pp_dpkg_rows_sums(struct pp_record *record, const struct pp_dpkg_info *info,
                      const struct pp_dpkg_package *package, const struct pp_rows *rows,
                      struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer mended = PP_BUFFER_INIT;
    struct stat st;
    bool changed = false;
    char *rest;
    char *line;
    int rc = pp_dpkg_info_read(info, package, "md5sums", &text, &st, err);

    if (rc <= 0)
        return rc;
    rest = (char *)text.data;
    while (rc >= 0 && (line = strsep(&rest, "\n")) != NULL) {
        if (line[0] == '\0')
            continue;
        rc = mend_line(record, info, package, rows, line, &mended, err);
        changed = changed || rc > 0;
    }
    if (rc >= 0 && changed && !record->options.dry_run)
        rc = pp_dpkg_info_replace(info, package, "md5sums", &mended, err);
    return rc < 0 ? rc : changed;
}
