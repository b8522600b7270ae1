#include "ledger/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x70706c67 /* "pplg" */
#define NAME "ledger.db"

/* STATE/lock keeps us apart: only somebody else's program, sqlite3(1) say, may have it open. */
#define BUSY_MS 5000

/* The columns of a row; an intent has them, too. Digests are SHA-256 and MD5 in a row. */
#define FILE_COLUMNS                                                                               \
    "folder INTEGER NOT NULL, name TEXT NOT NULL, package INTEGER NOT NULL, "                      \
    "kind INTEGER NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, "                       \
    "mtime_ns INTEGER NOT NULL, shipped BLOB NOT NULL, current BLOB NOT NULL, "                    \
    "value_set INTEGER NOT NULL, hits BLOB NOT NULL, members BLOB"

static const char *const schema[] = {
    "CREATE TABLE folder(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE)",
    "CREATE TABLE package(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version TEXT, "
    "list_mtime INTEGER, list_mtime_ns INTEGER, list_ino INTEGER, list_size INTEGER, config BLOB)",
    "CREATE TABLE value(value_set INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, "
    "value TEXT NOT NULL, PRIMARY KEY(value_set, number)) WITHOUT ROWID",
    "CREATE TABLE file(" FILE_COLUMNS ", PRIMARY KEY(folder, name)) WITHOUT ROWID",
    "CREATE INDEX file_pristine ON file(shipped) WHERE kind = 1",
    "CREATE INDEX file_package ON file(package)",
    "CREATE TABLE intent(" FILE_COLUMNS ", undo INTEGER NOT NULL, ino INTEGER NOT NULL, "
    "temporary TEXT, old BLOB, PRIMARY KEY(folder, name)) WITHOUT ROWID",
    "CREATE TABLE temporary(folder INTEGER NOT NULL, name TEXT NOT NULL, "
    "PRIMARY KEY(folder, name)) WITHOUT ROWID",
    "CREATE TABLE folder_time(folder INTEGER PRIMARY KEY, mtime INTEGER NOT NULL, "
    "mtime_ns INTEGER NOT NULL)",
    "CREATE TABLE sweep(due INTEGER PRIMARY KEY)",
};
#define SCHEMA_COUNT (sizeof(schema) / sizeof(schema[0]))

int pp_database_damaged(sqlite3 *db, const char *what, struct pp_err *err) {
    const char *path = sqlite3_db_filename(db, "main");

    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    return pp_err_set(err, PP_ERR_DAMAGED,
                      "the ledger %s is damaged: %s; apply starts a new one, and keeps this one "
                      "beside it",
                      path != NULL ? path : "", what);
}

/* SQLite takes it for damage, too, when the disk cannot be read. */
static bool is_unreadable(int last) {
    return last == EIO || last == ENXIO;
}

static int unreadable(struct pp_ledger *ledger, int last, struct pp_err *err) {
    sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    errno = last;
    return pp_err_sys(err, "cannot read the ledger %s", ledger->path);
}

int pp_database_fail(struct pp_ledger *ledger, struct pp_err *err) {
    /* A commit that fails does not tell SQLite's own errno; that of the call is still there. */
    int last = errno;
    int code = sqlite3_extended_errcode(ledger->db);
    int told = sqlite3_system_errno(ledger->db);
    const char *text = sqlite3_errmsg(ledger->db);
    const char *name = ledger->path != NULL ? ledger->path : "in memory";

    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return is_unreadable(last) ? unreadable(ledger, last, err)
                                   : pp_database_damaged(ledger->db, text, err);
    case SQLITE_NOMEM:
        return pp_err_nomem(err);
    case SQLITE_BUSY:
        return pp_err_set(
            err, PP_ERR_SYSTEM,
            "another program has the ledger %s open (fuser tells which); close it and "
            "run again",
            name);
    case SQLITE_FULL:
        errno = ENOSPC;
        return pp_err_sys(err, "cannot write the ledger %s", name);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        /* SQLite tries once more, only to read: what was wrong with writing is lost. */
        if ((code & 0xff) == SQLITE_CANTOPEN && told == ENOENT)
            return pp_err_set(err, PP_ERR_SYSTEM,
                              "the ledger %s or its log cannot be made; is there room, and may we "
                              "write there?",
                              name);
        errno = told != 0 ? told : last;
        if (errno != 0)
            return pp_err_sys(err, "the ledger %s: %s", name, text);
        return pp_err_set(err, PP_ERR_SYSTEM, "the ledger %s: %s", name, text);
    default:
        return pp_err_set(err, PP_ERR_SYSTEM, "the ledger %s: %s", name, text);
    }
}

sqlite3_stmt *pp_database_prepare(struct pp_ledger *ledger, const char *sql, struct pp_err *err) {
    size_t i = 0;

    while (i < PP_STATEMENT_MAX && ledger->statements[i].sql != NULL) {
        if (ledger->statements[i].sql == sql)
            return ledger->statements[i].stmt;
        i++;
    }
    if (i == PP_STATEMENT_MAX) {
        pp_err_nomem(err);
        return NULL;
    }
    errno = 0;
    if (sqlite3_prepare_v3(ledger->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                           &ledger->statements[i].stmt, NULL) != SQLITE_OK) {
        pp_database_fail(ledger, err);
        return NULL;
    }
    ledger->statements[i].sql = sql;
    return ledger->statements[i].stmt;
}

int pp_database_step(struct pp_ledger *ledger, sqlite3_stmt *stmt, struct pp_err *err) {
    int rc = 0;
    int code;

    errno = 0;
    code = sqlite3_step(stmt);

    if (code == SQLITE_ROW)
        return 1;
    if (code != SQLITE_DONE)
        rc = pp_database_fail(ledger, err);
    pp_database_end(stmt);
    return rc;
}

void pp_database_end(sqlite3_stmt *stmt) {
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

static int bind_list(sqlite3_stmt *stmt, const char *format, va_list args) {
    int code = SQLITE_OK;

    for (int i = 1; format[i - 1] != '\0' && code == SQLITE_OK; i++) {
        const void *bytes;

        switch (format[i - 1]) {
        case 'i':
            code = sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
            break;
        case 't':
            code = sqlite3_bind_text(stmt, i, va_arg(args, const char *), -1, SQLITE_STATIC);
            break;
        default:
            bytes = va_arg(args, const void *);
            code = sqlite3_bind_blob64(stmt, i, bytes, va_arg(args, size_t), SQLITE_STATIC);
            break;
        }
    }
    return code;
}

int pp_database_bind(struct pp_ledger *ledger, sqlite3_stmt *stmt, struct pp_err *err,
                     const char *format, ...) {
    va_list args;
    int code;

    va_start(args, format);
    code = bind_list(stmt, format, args);
    va_end(args);
    return code == SQLITE_OK ? 0 : pp_database_fail(ledger, err);
}

int pp_database_run(struct pp_ledger *ledger, struct pp_err *err, const char *sql,
                    const char *format, ...) {
    sqlite3_stmt *stmt = pp_database_prepare(ledger, sql, err);
    va_list args;
    int code;

    if (stmt == NULL)
        return -(int)err->kind;
    va_start(args, format);
    code = bind_list(stmt, format, args);
    va_end(args);
    return code == SQLITE_OK ? pp_database_step(ledger, stmt, err) : pp_database_fail(ledger, err);
}

/* For pragmas and the schema: no arguments, rows do not matter. */
static int execute(struct pp_ledger *ledger, const char *sql, struct pp_err *err) {
    errno = 0;
    if (sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return pp_database_fail(ledger, err);
    return 0;
}

static int read_number(struct pp_ledger *ledger, const char *sql, int64_t *number,
                       struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(ledger, sql, err);
    int rc = stmt != NULL ? pp_database_step(ledger, stmt, err) : -(int)err->kind;

    if (rc <= 0)
        return rc;
    *number = sqlite3_column_int64(stmt, 0);
    pp_database_end(stmt);
    return 0;
}

/* The database could have been made by anybody who got at the folder once: its schema is ours to
 * the letter, or it is not ours. So no view, trigger or expression of others ever runs. */
static int check_schema(struct pp_ledger *ledger, struct pp_err *err) {
    sqlite3_stmt *stmt =
        pp_database_prepare(ledger, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL", err);
    size_t count = 0;
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        const char *sql = (const char *)sqlite3_column_text(stmt, 0);
        size_t i = 0;

        while (i < SCHEMA_COUNT && (sql == NULL || strcmp(sql, schema[i]) != 0))
            i++;
        if (i == SCHEMA_COUNT) {
            pp_database_end(stmt);
            return pp_database_damaged(ledger->db, "not our schema", err);
        }
        count++;
    }
    if (rc >= 0 && count != SCHEMA_COUNT)
        rc = pp_database_damaged(ledger->db, "tables are missing", err);
    return rc;
}

static int check_pages(struct pp_ledger *ledger, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(ledger, "PRAGMA integrity_check(1)", err);
    int rc = stmt != NULL ? pp_database_step(ledger, stmt, err) : -(int)err->kind;
    int last = errno;
    const char *text;

    if (rc <= 0)
        return rc;
    text = (const char *)sqlite3_column_text(stmt, 0);
    if (text == NULL || strcmp(text, "ok") != 0)
        rc = is_unreadable(last) ? unreadable(ledger, last, err)
                                 : pp_database_damaged(ledger->db, text != NULL ? text : "", err);
    pp_database_end(stmt);
    return rc < 0 ? rc : 0;
}

static int check_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    (void)context;
    (void)file;
    (void)err;
    return 0;
}

int pp_ledger_check(struct pp_ledger *ledger, struct pp_err *err) {
    int64_t lost_count = 0;
    int rc = check_pages(ledger, err);

    if (rc >= 0)
        rc = pp_ledger_files(ledger, &(struct pp_ledger_filter){0}, check_row, NULL, err);
    if (rc >= 0)
        rc = read_number(ledger,
                         "SELECT count(*) FROM (SELECT value_set FROM file UNION "
                         "SELECT value_set FROM intent) WHERE value_set != 0 AND value_set NOT IN "
                         "(SELECT value_set FROM value)",
                         &lost_count, err);
    return rc < 0 || lost_count == 0 ? rc
                                     : pp_database_damaged(ledger->db, "values are missing", err);
}

static int make_schema(struct pp_ledger *ledger, struct pp_err *err) {
    char mark[96];
    int rc = execute(ledger, "BEGIN IMMEDIATE", err);

    for (size_t i = 0; i < SCHEMA_COUNT && rc >= 0; i++)
        rc = execute(ledger, schema[i], err);
    snprintf(mark, sizeof(mark), "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
             APPLICATION_ID, SCHEMA_VERSION);
    return rc < 0 ? rc : execute(ledger, mark, err);
}

static int set_up(struct pp_ledger *ledger, bool durable, bool check, struct pp_err *err) {
    int64_t version = 0;
    int64_t application = 0;
    int64_t table_count = 0;
    int rc;

    sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
    sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL);
    sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    /* Exclusive before the log is opened: no shared memory. */
    rc =
        execute(ledger,
                "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA temp_store=MEMORY; "
                "PRAGMA cell_size_check=ON",
                err);
    if (rc >= 0)
        rc = execute(ledger, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF", err);
    if (rc >= 0)
        rc = read_number(ledger, "PRAGMA user_version", &version, err);
    if (rc >= 0)
        rc = read_number(ledger, "PRAGMA application_id", &application, err);
    if (rc >= 0)
        rc = read_number(ledger, "SELECT count(*) FROM sqlite_schema", &table_count, err);
    if (rc < 0)
        return rc;
    if (version == 0 && table_count == 0)
        rc = make_schema(ledger, err);
    else if (application != APPLICATION_ID)
        rc = pp_database_damaged(ledger->db, "not a ledger", err);
    else if (version != SCHEMA_VERSION)
        rc = pp_err_set(err, PP_ERR_UNSUPPORTED,
                        "the ledger was written by a newer version (schema %lld, this one knows "
                        "%d); use that version",
                        (long long)version, SCHEMA_VERSION);
    if (rc >= 0)
        rc = check_schema(ledger, err);
    return rc < 0 || !check ? rc : pp_ledger_check(ledger, err);
}

/* SQLite follows symlinks; there must be none of our names. A log that is there was left by a run
 * that came to a bad end. */
static int check_files(const struct pp_state *state, bool *has_log, struct pp_err *err) {
    static const char *const names[] = {NAME, NAME "-wal", NAME "-journal", NAME "-shm"};
    struct stat st;

    *has_log = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (fstatat(state->dir, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno != ENOENT)
                return pp_err_sys(err, "cannot look at %s", names[i]);
        } else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
            return pp_err_set(err, PP_ERR_REFUSED, "%s/%s is not a file of ours", state->path,
                              names[i]);
        } else {
            *has_log = *has_log || i > 0;
        }
    }
    return 0;
}

static int open_file(struct pp_ledger *ledger, const struct pp_state *state, bool *has_log,
                     struct pp_err *err) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc;

    if (state == NULL) {
        rc = sqlite3_open_v2(":memory:", &ledger->db, flags, NULL);
    } else {
        rc = check_files(state, has_log, err);
        if (rc < 0)
            return rc;
        if (asprintf(&ledger->path, "%s/" NAME, state->path) < 0) {
            ledger->path = NULL;
            return pp_err_nomem(err);
        }
        rc = sqlite3_open_v2(ledger->path, &ledger->db, flags, NULL);
    }
    if (ledger->db == NULL)
        return pp_err_nomem(err);
    if (rc != SQLITE_OK)
        return pp_database_fail(ledger, err);
    sqlite3_busy_timeout(ledger->db, BUSY_MS);
    /* SQLite tries once more, only to read: what was wrong with writing is lost. */
    if (sqlite3_db_readonly(ledger->db, "main") == 1)
        return pp_err_set(err, PP_ERR_SYSTEM, "the ledger %s can only be read; may we write there?",
                          ledger->path);
    return 0;
}

struct pp_ledger *pp_ledger_open(const struct pp_state *state, bool durable, struct pp_err *err) {
    struct pp_ledger *ledger = calloc(1, sizeof(*ledger));
    bool has_log = false;

    if (ledger == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    if (open_file(ledger, state, &has_log, err) < 0 || set_up(ledger, durable, has_log, err) < 0) {
        pp_ledger_close(ledger);
        return NULL;
    }
    return ledger;
}

void pp_ledger_close(struct pp_ledger *ledger) {
    if (ledger == NULL)
        return;
    pp_buffer_done(&ledger->folder_path);
    for (size_t i = 0; i < PP_STATEMENT_MAX; i++)
        sqlite3_finalize(ledger->statements[i].stmt);
    sqlite3_close(ledger->db);
    free(ledger->path);
    free(ledger);
}

int pp_ledger_exists(const struct pp_state *state, struct pp_err *err) {
    struct stat st;

    if (fstatat(state->dir, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : pp_err_sys(err, "cannot look at the ledger");
}

int pp_ledger_set_aside(const struct pp_state *state, struct pp_err *err) {
    if ((unlinkat(state->dir, NAME "-wal", 0) < 0 && errno != ENOENT) ||
        (renameat(state->dir, NAME, state->dir, NAME ".damaged") < 0 && errno != ENOENT))
        return pp_err_sys(err, "cannot set the damaged ledger aside");
    return 0;
}

bool pp_ledger_begun(const struct pp_ledger *ledger) {
    return sqlite3_get_autocommit(ledger->db) == 0;
}

int pp_ledger_begin(struct pp_ledger *ledger, struct pp_err *err) {
    return pp_ledger_begun(ledger) ? 0 : pp_database_run(ledger, err, "BEGIN IMMEDIATE", "");
}

int pp_ledger_commit(struct pp_ledger *ledger, struct pp_err *err) {
    return pp_database_run(ledger, err, "COMMIT", "");
}

void pp_ledger_rollback(struct pp_ledger *ledger) {
    struct pp_err ignored = PP_ERR_INIT;

    ledger->folder = 0;
    if (pp_ledger_begun(ledger))
        pp_database_run(ledger, &ignored, "ROLLBACK", "");
}

/* The number in the first column of a query with one text, or 0 when there is no row. */
static int find_number(struct pp_ledger *ledger, const char *sql, const char *text, int64_t *number,
                       struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(ledger, sql, err);
    int rc = stmt != NULL ? pp_database_bind(ledger, stmt, err, "t", text) : -(int)err->kind;

    *number = 0;
    if (rc >= 0)
        rc = pp_database_step(ledger, stmt, err);
    if (rc <= 0)
        return rc;
    *number = sqlite3_column_int64(stmt, 0);
    pp_database_end(stmt);
    return 0;
}

int pp_database_path(struct pp_ledger *ledger, const char *path, bool create,
                     struct pp_database_path *result, struct pp_err *err) {
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    const char *folder;
    int rc;

    result->name = slash != NULL ? slash + 1 : path;
    if (ledger->folder == 0 || len != ledger->folder_path.len ||
        memcmp(path, ledger->folder_path.data, len) != 0) {
        ledger->folder = 0;
        ledger->folder_path.len = 0;
        rc = pp_buffer_append(&ledger->folder_path, path, len, err);
        if (rc < 0)
            return rc;
        folder = (const char *)ledger->folder_path.data;
        rc = find_number(ledger, "SELECT id FROM folder WHERE path = ?", folder, &ledger->folder,
                         err);
        if (rc >= 0 && ledger->folder == 0 && create) {
            rc = pp_database_run(ledger, err, "INSERT INTO folder(path) VALUES(?)", "t", folder);
            ledger->folder = sqlite3_last_insert_rowid(ledger->db);
        }
        if (rc < 0) {
            ledger->folder = 0;
            return rc;
        }
    }
    result->folder = ledger->folder;
    return 0;
}

int pp_database_package(struct pp_ledger *ledger, const char *name, int64_t *package,
                        struct pp_err *err) {
    int rc = find_number(ledger, "SELECT id FROM package WHERE name = ?", name, package, err);

    if (rc < 0 || *package != 0)
        return rc;
    rc = pp_database_run(ledger, err, "INSERT INTO package(name) VALUES(?)", "t", name);
    *package = sqlite3_last_insert_rowid(ledger->db);
    return rc;
}
