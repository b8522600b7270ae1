/* SQLite, as the ledger uses it: opening, statements that are prepared once, errors. */
#ifndef PP_LEDGER_DATABASE_H
#define PP_LEDGER_DATABASE_H

#include "base/buffer.h"
#include "base/error.h"
#include "ledger/ledger.h"

#include <sqlite3.h>
#include <stdint.h>

#define PP_STATEMENT_MAX 48

struct pp_ledger {
    sqlite3 *db;
    char *path;     /* NULL: in memory */
    int64_t folder; /* number of the folder asked for last, and its path; 0: none */
    struct pp_buffer folder_path;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } statements[PP_STATEMENT_MAX];
};

/* The statement of a string literal, prepared at its first use, reset and ready to be bound; NULL
 * on failure. Borrowed. */
sqlite3_stmt *pp_database_prepare(struct pp_ledger *ledger, const char *sql, struct pp_err *err);
/* Returns 1 with a row, or 0 at the end. After anything but a row the statement is reset. */
int pp_database_step(struct pp_ledger *ledger, sqlite3_stmt *stmt, struct pp_err *err);
/* Lets go of a statement that was not stepped to its end. */
void pp_database_end(sqlite3_stmt *stmt);
/* Sets the error of the last call. */
int pp_database_fail(struct pp_ledger *ledger, struct pp_err *err);

/* Sets PP_ERR_DAMAGED, and leaves the log behind: the next one who opens the ledger checks it. */
int pp_database_damaged(sqlite3 *db, const char *what, struct pp_err *err);

/* Bind and run a statement that gives no rows; the arguments follow the format: `i` int64_t,
 * `t` text (may be NULL), `b` bytes (pointer, size_t). They are borrowed. */
int pp_database_bind(struct pp_ledger *ledger, sqlite3_stmt *stmt, struct pp_err *err,
                     const char *format, ...);
int pp_database_run(struct pp_ledger *ledger, struct pp_err *err, const char *sql,
                    const char *format, ...);

/* A path as the tables hold it. */
struct pp_database_path {
    const char *name; /* borrowed from the path */
    int64_t folder;   /* its number; 0: the ledger does not know it */
};
/* `create`: gives the folder a number if it has none. */
int pp_database_path(struct pp_ledger *ledger, const char *path, bool create,
                     struct pp_database_path *result, struct pp_err *err);
/* The number of a package; it is given one if it has none. */
int pp_database_package(struct pp_ledger *ledger, const char *name, int64_t *package,
                        struct pp_err *err);

/* Rows, whichever table they are in. The columns: */
#define PP_ROW_SELECT                                                                              \
    "folder.path, row.name, package.name, row.kind, row.size, row.mtime, row.mtime_ns, "           \
    "row.shipped, row.current, row.value_set, row.hits, row.members"
#define PP_ROW_COLUMN_COUNT 12
#define PP_ROW_COLUMNS                                                                             \
    "folder, name, package, kind, size, mtime, mtime_ns, shipped, current, value_set, hits, "      \
    "members"
/* Binds a file to the first parameters, in that order. */
int pp_row_bind(struct pp_ledger *ledger, sqlite3_stmt *stmt, const struct pp_ledger_file *file,
                struct pp_err *err);
/* Reads a row of PP_ROW_SELECT; the file borrows from the statement and from `path`. */
int pp_row_read(sqlite3_stmt *stmt, struct pp_buffer *path, struct pp_ledger_file *file,
                struct pp_err *err);

#endif
