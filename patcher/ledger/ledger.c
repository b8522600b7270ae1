#include "ledger/ledger.h"

#include "base/buffer.h"
#include "ledger/database.h"

#include <stdlib.h>
#include <string.h>

#define ROW_JOINS                                                                                  \
    " FROM folder CROSS JOIN file AS row ON row.folder = folder.id "                               \
    "CROSS JOIN package ON package.id = row.package "

int pp_row_bind(struct pp_ledger *ledger, sqlite3_stmt *stmt, const struct pp_ledger_file *file,
                struct pp_err *err) {
    struct pp_database_path path;
    int64_t package;
    int rc = pp_database_path(ledger, file->path, true, &path, err);

    if (rc >= 0)
        rc = pp_database_package(ledger, file->package, &package, err);
    if (rc < 0)
        return rc;
    return pp_database_bind(ledger, stmt, err, "itiiiiibbibb", path.folder, path.name, package,
                            (int64_t)file->kind, (int64_t)file->size, (int64_t)file->mtime.tv_sec,
                            (int64_t)file->mtime.tv_nsec, &file->shipped, sizeof(file->shipped),
                            &file->current, sizeof(file->current), (int64_t)file->set,
                            file->hits_len > 0 ? file->hits : (const void *)"", file->hits_len,
                            file->members_len > 0 ? file->members : NULL, file->members_len);
}

/* Returns false when the column is not as long as a digest. */
static bool read_digest(sqlite3_stmt *stmt, int column, struct pp_digest *digest) {
    const void *bytes = sqlite3_column_blob(stmt, column);

    if (bytes == NULL || sqlite3_column_bytes(stmt, column) != (int)sizeof(*digest))
        return false;
    memcpy(digest, bytes, sizeof(*digest));
    return true;
}

int pp_row_read(sqlite3_stmt *stmt, struct pp_buffer *path, struct pp_ledger_file *file,
                struct pp_err *err) {
    const char *folder = (const char *)sqlite3_column_text(stmt, 0);
    const char *name = (const char *)sqlite3_column_text(stmt, 1);
    int64_t kind = sqlite3_column_int64(stmt, 3);
    int64_t set = sqlite3_column_int64(stmt, 9);
    int rc;

    file->package = (const char *)sqlite3_column_text(stmt, 2);
    if (folder == NULL || name == NULL || file->package == NULL || kind < 0 ||
        kind > PP_LEDGER_SYMLINK || set < 0 || set > UINT32_MAX ||
        !read_digest(stmt, 7, &file->shipped) || !read_digest(stmt, 8, &file->current))
        return pp_database_damaged(sqlite3_db_handle(stmt), "a row makes no sense", err);
    path->len = 0;
    rc = pp_buffer_append(path, folder, strlen(folder), err);
    if (rc >= 0 && path->len > 0)
        rc = pp_buffer_append(path, "/", 1, err);
    if (rc >= 0)
        rc = pp_buffer_append(path, name, strlen(name), err);
    if (rc < 0)
        return rc;
    file->path = (const char *)path->data;
    file->kind = (enum pp_ledger_kind)kind;
    file->size = (uint64_t)sqlite3_column_int64(stmt, 4);
    file->mtime.tv_sec = (time_t)sqlite3_column_int64(stmt, 5);
    file->mtime.tv_nsec = (long)sqlite3_column_int64(stmt, 6);
    file->set = (uint32_t)set;
    file->hits = sqlite3_column_blob(stmt, 10);
    file->hits_len = (size_t)sqlite3_column_bytes(stmt, 10);
    file->members = sqlite3_column_blob(stmt, 11);
    file->members_len = (size_t)sqlite3_column_bytes(stmt, 11);
    if (file->members_len > 0 && file->members[file->members_len - 1] != '\0')
        return pp_database_damaged(sqlite3_db_handle(stmt), "member names are cut", err);
    return 0;
}

/* Hands the rows of a bound statement to `each`. */
static int walk_rows(struct pp_ledger *ledger, sqlite3_stmt *stmt, pp_ledger_file_fn *each,
                     void *context, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    struct pp_ledger_file file;
    int rc;

    while ((rc = pp_database_step(ledger, stmt, err)) > 0) {
        rc = pp_row_read(stmt, &path, &file, err);
        if (rc >= 0)
            rc = each(context, &file, err);
        if (rc != 0) {
            pp_database_end(stmt);
            break;
        }
    }
    return rc;
}

int pp_ledger_find(struct pp_ledger *ledger, const char *path, pp_ledger_file_fn *found,
                   void *context, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger, "SELECT " PP_ROW_SELECT ROW_JOINS "WHERE row.folder = ? AND row.name = ?", err);
    struct pp_database_path key;
    int rc = stmt != NULL ? pp_database_path(ledger, path, false, &key, err) : -(int)err->kind;

    if (rc < 0 || key.folder == 0)
        return rc;
    rc = pp_database_bind(ledger, stmt, err, "it", key.folder, key.name);
    return rc < 0 ? rc : walk_rows(ledger, stmt, found, context, err);
}

/* Parameters: first folder, one past the last, the folder that may lie before the rest of its
 * own ("a-b" sorts between "a" and "a/b"), and the folder and name to start after. */
#define RANGE                                                                                      \
    "WHERE folder.path >= ?1 AND folder.path < ?2 AND (folder.path = ?1 OR folder.path >= ?3) "    \
    "AND (folder.path, row.name) > (?4, ?5) "
#define ORDER "ORDER BY folder.path, row.name"

struct range {
    struct pp_buffer begin; /* "PATH/" */
    struct pp_buffer end;   /* "PATH0", '0' being next to '/' */
    struct pp_buffer after; /* folder to start after */
    const char *after_name;
};

static void range_done(struct range *range) {
    pp_buffer_done(&range->begin);
    pp_buffer_done(&range->end);
    pp_buffer_done(&range->after);
}

static int range_init(struct range *range, const struct pp_ledger_filter *filter,
                      struct pp_err *err) {
    const char *under = filter->under != NULL ? filter->under : "";
    const char *after = filter->after != NULL ? filter->after : "";
    const char *slash = strrchr(after, '/');
    bool all = under[0] == '\0';
    int rc;

    *range = (struct range){.after_name = slash != NULL ? slash + 1 : after};
    rc = pp_buffer_printf(&range->begin, err, all ? "%s" : "%s/", under);
    if (rc >= 0)
        rc = pp_buffer_printf(&range->end, err, all ? "\xff\xff\xff\xff" : "%s0", under);
    if (rc >= 0)
        rc = pp_buffer_append(&range->after, after, slash != NULL ? (size_t)(slash - after) : 0,
                              err);
    return rc;
}

static int walk_range(struct pp_ledger *ledger, const struct pp_ledger_filter *filter,
                      pp_ledger_file_fn *each, void *context, struct pp_err *err) {
    PP_AUTO(range_done) struct range range;
    int rc = range_init(&range, filter, err);
    sqlite3_stmt *stmt;

    if (rc < 0)
        return rc;
    stmt = pp_database_prepare(ledger,
                               filter->package == NULL
                                   ? "SELECT " PP_ROW_SELECT ROW_JOINS RANGE ORDER
                                   : "SELECT " PP_ROW_SELECT " FROM package "
                                     "CROSS JOIN file AS row ON row.package = package.id "
                                     "CROSS JOIN folder ON folder.id = row.folder " RANGE
                                     "AND package.name = ?6 " ORDER,
                               err);
    if (stmt == NULL)
        return -(int)err->kind;
    rc = pp_database_bind(ledger, stmt, err, filter->package == NULL ? "ttttt" : "tttttt",
                          filter->under != NULL ? filter->under : "", range.end.data,
                          range.begin.data, range.after.data, range.after_name, filter->package);
    return rc < 0 ? rc : walk_rows(ledger, stmt, each, context, err);
}

/* The row of the path that a filter names, when the rest of the filter fits. */
struct single {
    const char *package;
    pp_ledger_file_fn *each;
    void *context;
};

static int visit_single(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    const struct single *single = context;

    if (single->package != NULL && strcmp(single->package, file->package) != 0)
        return 0;
    return single->each(single->context, file, err);
}

/* No index knows how names end: all rows are read, but little of each. */
static int walk_suffix(struct pp_ledger *ledger, const char *suffix, pp_ledger_file_fn *each,
                       void *context, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(ledger,
                                             "SELECT " PP_ROW_SELECT " FROM file AS row "
                                             "CROSS JOIN folder ON folder.id = row.folder "
                                             "CROSS JOIN package ON package.id = row.package "
                                             "WHERE substr(row.name, -length(?1)) = ?1 " ORDER,
                                             err);
    int rc = stmt != NULL ? pp_database_bind(ledger, stmt, err, "t", suffix) : -(int)err->kind;

    return rc < 0 ? rc : walk_rows(ledger, stmt, each, context, err);
}

int pp_ledger_files(struct pp_ledger *ledger, const struct pp_ledger_filter *filter,
                    pp_ledger_file_fn *each, void *context, struct pp_err *err) {
    struct single single = {filter->package, each, context};
    int rc = 0;

    if (filter->suffix != NULL)
        return walk_suffix(ledger, filter->suffix, each, context, err);
    if (filter->under != NULL && filter->after == NULL)
        rc = pp_ledger_find(ledger, filter->under, visit_single, &single, err);
    return rc != 0 ? rc : walk_range(ledger, filter, each, context, err);
}

int pp_ledger_put(struct pp_ledger *ledger, const struct pp_ledger_file *file, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(ledger,
                                             "INSERT OR REPLACE INTO file(" PP_ROW_COLUMNS ") "
                                             "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                             err);
    int rc = stmt != NULL ? pp_row_bind(ledger, stmt, file, err) : -(int)err->kind;

    return rc < 0 ? rc : pp_database_step(ledger, stmt, err);
}

/* Shipped bytes that a row names may have to go when the row does. */
static int note_sweep(struct pp_ledger *ledger, const struct pp_database_path *key,
                      struct pp_err *err) {
    return pp_database_run(ledger, err,
                           "INSERT OR IGNORE INTO sweep SELECT 1 FROM file "
                           "WHERE folder = ? AND name = ? AND kind = 1",
                           "it", key->folder, key->name);
}

int pp_ledger_forget(struct pp_ledger *ledger, const char *path, struct pp_err *err) {
    struct pp_database_path key;
    int rc = pp_database_path(ledger, path, false, &key, err);

    if (rc < 0 || key.folder == 0)
        return rc;
    rc = note_sweep(ledger, &key, err);
    return rc < 0 ? rc
                  : pp_database_run(ledger, err, "DELETE FROM file WHERE folder = ? AND name = ?",
                                    "it", key.folder, key.name);
}

int pp_ledger_copy(struct pp_ledger *ledger, const char *path, const char *to, struct pp_err *err) {
    struct pp_database_path from;
    struct pp_database_path key;
    int rc = pp_database_path(ledger, path, false, &from, err);

    if (rc < 0 || from.folder == 0)
        return rc;
    rc = pp_database_path(ledger, to, true, &key, err);
    return rc < 0 ? rc
                  : pp_database_run(ledger, err,
                                    "INSERT OR REPLACE INTO file(" PP_ROW_COLUMNS ") SELECT ?, ?, "
                                    "package, kind, size, mtime, mtime_ns, shipped, current, "
                                    "value_set, hits, members FROM file "
                                    "WHERE folder = ? AND name = ?",
                                    "itit", key.folder, key.name, from.folder, from.name);
}

int pp_ledger_assign(struct pp_ledger *ledger, const char *path, const char *package,
                     struct pp_err *err) {
    struct pp_database_path key;
    int64_t number;
    int rc = pp_database_path(ledger, path, false, &key, err);

    if (rc < 0 || key.folder == 0)
        return rc;
    rc = pp_database_package(ledger, package, &number, err);
    return rc < 0 ? rc
                  : pp_database_run(ledger, err,
                                    "UPDATE file SET package = ? WHERE folder = ? AND name = ?",
                                    "iit", number, key.folder, key.name);
}

int pp_ledger_put_digests(struct pp_ledger *ledger, const char *path,
                          const struct pp_digest *shipped, const struct pp_digest *current,
                          struct pp_err *err) {
    struct pp_database_path key;
    int rc = pp_database_path(ledger, path, false, &key, err);

    return rc < 0 ? rc
                  : pp_database_run(ledger, err,
                                    "UPDATE file SET shipped = ?, current = ? "
                                    "WHERE folder = ? AND name = ?",
                                    "bbit", shipped, sizeof(*shipped), current, sizeof(*current),
                                    key.folder, key.name);
}

int pp_ledger_put_set(struct pp_ledger *ledger, const char *path, uint32_t set,
                      struct pp_err *err) {
    struct pp_database_path key;
    int rc = pp_database_path(ledger, path, false, &key, err);

    if (rc < 0 || key.folder == 0)
        return rc;
    return pp_database_run(ledger, err,
                           "UPDATE file SET value_set = ? WHERE folder = ? AND name = ?", "iit",
                           (int64_t)set, key.folder, key.name);
}

int64_t pp_ledger_count(struct pp_ledger *ledger, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(ledger, "SELECT count(*) FROM file", err);
    int64_t count = stmt != NULL ? pp_database_step(ledger, stmt, err) : -(int)err->kind;

    if (count > 0) {
        count = sqlite3_column_int64(stmt, 0);
        pp_database_end(stmt);
    }
    return count;
}
