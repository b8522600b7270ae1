#include "ledger/intent.h"

#include "base/buffer.h"
#include "ledger/database.h"

#include <string.h>

int pp_ledger_put_intent(struct pp_ledger *ledger, const struct pp_ledger_intent *intent,
                         struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger,
        "INSERT OR REPLACE INTO intent(" PP_ROW_COLUMNS ", undo, ino, temporary, old) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        err);
    int rc = stmt != NULL ? pp_row_bind(ledger, stmt, &intent->file, err) : -(int)err->kind;
    int at = PP_ROW_COLUMN_COUNT;

    if (rc < 0)
        return rc;
    if (sqlite3_bind_int(stmt, ++at, intent->undo) != SQLITE_OK ||
        sqlite3_bind_int64(stmt, ++at, (int64_t)intent->ino) != SQLITE_OK ||
        sqlite3_bind_text(stmt, ++at, intent->temporary, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_blob(stmt, ++at, intent->temporary != NULL ? intent->old : NULL, PP_SHA256_LEN,
                          SQLITE_STATIC) != SQLITE_OK)
        return pp_database_fail(ledger, err);
    return pp_database_step(ledger, stmt, err);
}

int pp_ledger_drop_intent(struct pp_ledger *ledger, const char *path, struct pp_err *err) {
    struct pp_database_path key;
    int rc = pp_database_path(ledger, path, false, &key, err);

    return rc < 0 ? rc
                  : pp_database_run(ledger, err, "DELETE FROM intent WHERE folder = ? AND name = ?",
                                    "it", key.folder, key.name);
}

/* The row that is now may name shipped bytes that the one to be does not. */
#define NOTE_SWEEP                                                                                 \
    "INSERT OR IGNORE INTO sweep SELECT 1 FROM file JOIN intent USING(folder, name) "              \
    "WHERE folder = ? AND name = ? AND file.kind = 1 "                                             \
    "AND (intent.undo OR intent.shipped <> file.shipped)"

int pp_ledger_settle(struct pp_ledger *ledger, const char *path, struct pp_err *err) {
    struct pp_database_path key;
    int rc = pp_database_path(ledger, path, false, &key, err);

    if (rc >= 0)
        rc = pp_database_run(ledger, err, NOTE_SWEEP, "it", key.folder, key.name);
    if (rc >= 0)
        rc = pp_database_run(ledger, err,
                             "DELETE FROM file WHERE folder = ?1 AND name = ?2 AND EXISTS("
                             "SELECT 1 FROM intent WHERE folder = ?1 AND name = ?2 AND undo)",
                             "it", key.folder, key.name);
    if (rc >= 0)
        rc = pp_database_run(ledger, err,
                             "INSERT OR REPLACE INTO file(" PP_ROW_COLUMNS ") "
                             "SELECT " PP_ROW_COLUMNS " FROM intent "
                             "WHERE folder = ? AND name = ? AND NOT undo",
                             "it", key.folder, key.name);
    return rc < 0 ? rc : pp_ledger_drop_intent(ledger, path, err);
}

static int read_intent(sqlite3_stmt *stmt, struct pp_buffer *path, struct pp_ledger_intent *intent,
                       struct pp_err *err) {
    int at = PP_ROW_COLUMN_COUNT;
    const void *old;
    int rc = pp_row_read(stmt, path, &intent->file, err);

    if (rc < 0)
        return rc;
    intent->undo = sqlite3_column_int(stmt, at++) != 0;
    intent->ino = (uint64_t)sqlite3_column_int64(stmt, at++);
    intent->temporary = (const char *)sqlite3_column_text(stmt, at++);
    old = sqlite3_column_blob(stmt, at);
    if (intent->temporary == NULL)
        return 0;
    if (old == NULL || sqlite3_column_bytes(stmt, at) != PP_SHA256_LEN ||
        strchr(intent->temporary, '/') != NULL)
        return pp_database_damaged(sqlite3_db_handle(stmt), "an intent makes no sense", err);
    memcpy(intent->old, old, PP_SHA256_LEN);
    return 0;
}

int pp_ledger_intents(struct pp_ledger *ledger,
                      int (*each)(void *context, const struct pp_ledger_intent *intent,
                                  struct pp_err *err),
                      void *context, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    struct pp_ledger_intent intent;
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger,
        "SELECT " PP_ROW_SELECT ", row.undo, row.ino, row.temporary, row.old FROM intent AS row "
        "JOIN folder ON folder.id = row.folder JOIN package ON package.id = row.package "
        "ORDER BY folder.path, row.name",
        err);
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        rc = read_intent(stmt, &path, &intent, err);
        if (rc >= 0)
            rc = each(context, &intent, err);
        if (rc < 0)
            pp_database_end(stmt);
    }
    return rc;
}

int pp_ledger_put_temporary(struct pp_ledger *ledger, const char *path, struct pp_err *err) {
    struct pp_database_path key;
    int rc = pp_database_path(ledger, path, true, &key, err);

    return rc < 0 ? rc
                  : pp_database_run(ledger, err,
                                    "INSERT OR IGNORE INTO temporary(folder, name) VALUES(?, ?)",
                                    "it", key.folder, key.name);
}

/* Temporaries that no intent is going to rename. */
#define STRAY                                                                                      \
    "NOT EXISTS(SELECT 1 FROM intent WHERE intent.folder = temporary.folder "                      \
    "AND intent.temporary = temporary.name)"

int pp_ledger_temporaries(struct pp_ledger *ledger,
                          int (*each)(void *context, const char *path, struct pp_err *err),
                          void *context, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    sqlite3_stmt *stmt = pp_database_prepare(ledger,
                                             "SELECT folder.path, temporary.name FROM temporary "
                                             "JOIN folder ON folder.id = temporary.folder "
                                             "WHERE " STRAY " ORDER BY 1, 2",
                                             err);
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        const char *folder = (const char *)sqlite3_column_text(stmt, 0);
        const char *name = (const char *)sqlite3_column_text(stmt, 1);

        path.len = 0;
        rc = pp_buffer_printf(&path, err, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
        if (rc >= 0)
            rc = each(context, (const char *)path.data, err);
        if (rc < 0)
            pp_database_end(stmt);
    }
    return rc;
}

int pp_ledger_clear_temporaries(struct pp_ledger *ledger, struct pp_err *err) {
    int rc = pp_database_run(ledger, err, "DELETE FROM temporary WHERE " STRAY, "");

    return rc < 0 ? rc
                  : pp_database_run(ledger, err,
                                    "DELETE FROM folder_time WHERE folder NOT IN "
                                    "(SELECT folder FROM intent WHERE temporary IS NOT NULL)",
                                    "");
}

int pp_ledger_put_folder_time(struct pp_ledger *ledger, const char *path,
                              const struct timespec *mtime, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer inside = PP_BUFFER_INIT;
    struct pp_database_path key;
    int rc = pp_buffer_printf(&inside, err, "%s%s.", path, path[0] != '\0' ? "/" : "");

    if (rc >= 0)
        rc = pp_database_path(ledger, (const char *)inside.data, true, &key, err);
    return rc < 0 ? rc
                  : pp_database_run(ledger, err,
                                    "INSERT OR IGNORE INTO folder_time VALUES(?, ?, ?)", "iii",
                                    key.folder, (int64_t)mtime->tv_sec, (int64_t)mtime->tv_nsec);
}

int pp_ledger_folder_times(struct pp_ledger *ledger,
                           int (*each)(void *context, const char *path,
                                       const struct timespec *mtime, struct pp_err *err),
                           void *context, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger, "SELECT path, mtime, mtime_ns FROM folder_time JOIN folder ON id = folder", err);
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        struct timespec mtime = {.tv_sec = (time_t)sqlite3_column_int64(stmt, 1),
                                 .tv_nsec = (long)sqlite3_column_int64(stmt, 2)};

        rc = each(context, (const char *)sqlite3_column_text(stmt, 0), &mtime, err);
        if (rc < 0)
            pp_database_end(stmt);
    }
    return rc;
}

/* Does a query give a row? Returns 1 or 0. */
static int has_row(struct pp_ledger *ledger, sqlite3_stmt *stmt, struct pp_err *err) {
    int rc = stmt != NULL ? pp_database_step(ledger, stmt, err) : -(int)err->kind;

    if (rc > 0)
        pp_database_end(stmt);
    return rc;
}

int pp_ledger_pending(struct pp_ledger *ledger, struct pp_err *err) {
    return has_row(ledger,
                   pp_database_prepare(ledger,
                                       "SELECT 1 WHERE EXISTS(SELECT 1 FROM intent) "
                                       "OR EXISTS(SELECT 1 FROM temporary)",
                                       err),
                   err);
}

int pp_ledger_names_pristine(struct pp_ledger *ledger, const uint8_t sha256[PP_SHA256_LEN],
                             struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger,
        "SELECT 1 FROM file WHERE kind = 1 AND shipped >= ?1 AND shipped <= ?2 "
        "UNION ALL SELECT 1 FROM intent WHERE kind = 1 AND shipped >= ?1 AND shipped <= ?2",
        err);
    struct pp_digest last;
    int rc;

    if (stmt == NULL)
        return -(int)err->kind;
    memcpy(last.sha256, sha256, PP_SHA256_LEN);
    memset(last.md5, 0xff, PP_MD5_LEN);
    rc = pp_database_bind(ledger, stmt, err, "bb", sha256, (size_t)PP_SHA256_LEN, &last,
                          sizeof(last));
    return rc < 0 ? rc : has_row(ledger, stmt, err);
}

int pp_ledger_sweep_due(struct pp_ledger *ledger, struct pp_err *err) {
    return has_row(ledger, pp_database_prepare(ledger, "SELECT 1 FROM sweep", err), err);
}

int pp_ledger_swept(struct pp_ledger *ledger, struct pp_err *err) {
    return pp_database_run(ledger, err, "DELETE FROM sweep", "");
}
