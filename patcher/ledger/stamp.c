#include "ledger/database.h"

int pp_ledger_has_stamp(struct pp_ledger *ledger, const char *package,
                        const struct pp_ledger_stamp *stamp, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger,
        "SELECT 1 FROM package WHERE name = ? AND version = ? AND list_mtime = ? "
        "AND list_mtime_ns = ? AND list_ino = ? AND list_size = ? AND config = ?",
        err);
    int rc = stmt == NULL ? -(int)err->kind
                          : pp_database_bind(ledger, stmt, err, "ttiiiib", package, stamp->version,
                                             (int64_t)stamp->list_mtime.tv_sec,
                                             (int64_t)stamp->list_mtime.tv_nsec,
                                             (int64_t)stamp->list_ino, (int64_t)stamp->list_size,
                                             stamp->config, sizeof(stamp->config));

    if (rc >= 0)
        rc = pp_database_step(ledger, stmt, err);
    if (rc > 0)
        pp_database_end(stmt);
    return rc;
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
