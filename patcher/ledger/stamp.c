#include "ledger/database.h"

#include <string.h>

bool pp_ledger_same_stamp(const struct pp_ledger_stamp *one, const struct pp_ledger_stamp *other) {
    return strcmp(one->version, other->version) == 0 &&
           one->list_mtime.tv_sec == other->list_mtime.tv_sec &&
           one->list_mtime.tv_nsec == other->list_mtime.tv_nsec &&
           one->list_ino == other->list_ino && one->list_size == other->list_size &&
           memcmp(one->config, other->config, sizeof(one->config)) == 0;
}

/* False when the row makes no sense: the package is looked at again. */
static bool read_stamp(sqlite3_stmt *stmt, struct pp_ledger_stamp *stamp) {
    const void *config = sqlite3_column_blob(stmt, 6);

    *stamp = (struct pp_ledger_stamp){
        .version = (const char *)sqlite3_column_text(stmt, 1),
        .list_mtime = {.tv_sec = (time_t)sqlite3_column_int64(stmt, 2),
                       .tv_nsec = (long)sqlite3_column_int64(stmt, 3)},
        .list_ino = (uint64_t)sqlite3_column_int64(stmt, 4),
        .list_size = (uint64_t)sqlite3_column_int64(stmt, 5),
    };
    if (stamp->version == NULL || config == NULL ||
        sqlite3_column_bytes(stmt, 6) != (int)sizeof(stamp->config))
        return false;
    memcpy(stamp->config, config, sizeof(stamp->config));
    return true;
}

int pp_ledger_stamps(struct pp_ledger *ledger,
                     int (*each)(void *context, const char *package,
                                 const struct pp_ledger_stamp *stamp, struct pp_err *err),
                     void *context, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger,
        "SELECT name, version, list_mtime, list_mtime_ns, list_ino, list_size, config "
        "FROM package WHERE version IS NOT NULL ORDER BY name",
        err);
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        struct pp_ledger_stamp stamp;

        rc = read_stamp(stmt, &stamp)
                 ? each(context, (const char *)sqlite3_column_text(stmt, 0), &stamp, err)
                 : 0;
        if (rc < 0)
            pp_database_end(stmt);
    }
    return rc < 0 ? rc : 0;
}

int pp_ledger_put_stamp(struct pp_ledger *ledger, const char *package,
                        const struct pp_ledger_stamp *stamp, struct pp_err *err) {
    int64_t number;
    int rc = pp_database_package(ledger, package, &number, err);

    return rc < 0 ? rc
                  : pp_database_run(ledger, err,
                                    "UPDATE package SET version = ?, list_mtime = ?, "
                                    "list_mtime_ns = ?, list_ino = ?, list_size = ?, config = ? "
                                    "WHERE id = ?",
                                    "tiiiibi", stamp->version, (int64_t)stamp->list_mtime.tv_sec,
                                    (int64_t)stamp->list_mtime.tv_nsec, (int64_t)stamp->list_ino,
                                    (int64_t)stamp->list_size, stamp->config, sizeof(stamp->config),
                                    number);
}

int pp_ledger_expire(struct pp_ledger *ledger, const char *package, struct pp_err *err) {
    if (package == NULL)
        return pp_database_run(ledger, err, "UPDATE package SET version = NULL", "");
    return pp_database_run(ledger, err, "UPDATE package SET version = NULL WHERE name = ?", "t",
                           package);
}

int pp_ledger_package_names(struct pp_ledger *ledger,
                            int (*each)(void *context, const char *package, struct pp_err *err),
                            void *context, struct pp_err *err) {
    sqlite3_stmt *stmt =
        pp_database_prepare(ledger,
                            "SELECT name FROM package WHERE version IS NOT NULL "
                            "OR EXISTS(SELECT 1 FROM file WHERE package = package.id)",
                            err);
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        rc = each(context, (const char *)sqlite3_column_text(stmt, 0), err);
        if (rc < 0)
            pp_database_end(stmt);
    }
    return rc < 0 ? rc : 0;
}

int pp_ledger_packages(struct pp_ledger *ledger,
                       int (*each)(void *context, const char *package, const char *version,
                                   size_t file_count, struct pp_err *err),
                       void *context, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger,
        "SELECT name, ifnull(version, ''), (SELECT count(*) FROM file WHERE package = package.id) "
        "AS files FROM package WHERE version IS NOT NULL OR files > 0 ORDER BY name",
        err);
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        rc = each(context, (const char *)sqlite3_column_text(stmt, 0),
                  (const char *)sqlite3_column_text(stmt, 1), (size_t)sqlite3_column_int64(stmt, 2),
                  err);
        if (rc < 0)
            pp_database_end(stmt);
    }
    return rc;
}
