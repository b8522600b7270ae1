#include "ledger/database.h"

#include <string.h>

static bool same_value(sqlite3_stmt *stmt, const struct pp_ledger_value *value) {
    const char *name = (const char *)sqlite3_column_text(stmt, 2);
    const char *text = (const char *)sqlite3_column_text(stmt, 3);

    return name != NULL && text != NULL && strcmp(name, value->name) == 0 &&
           strcmp(text, value->value) == 0;
}

/* Looks for a set among those that are there; `set` is 0 when there is none, `last` the highest
 * number in use. */
static int find_set(struct pp_ledger *ledger, const struct pp_ledger_value *values,
                    size_t value_count, int64_t *set, int64_t *last, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger, "SELECT value_set, number, name, value FROM value ORDER BY value_set, number", err);
    int64_t current = 0;
    size_t same_count = 0; /* of the current set; more than there are: it differs */
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    *set = 0;
    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        int64_t number = sqlite3_column_int64(stmt, 0);

        if (number != current) {
            if (current != 0 && same_count == value_count)
                *set = current;
            current = number;
            same_count = 0;
        }
        if (same_count < value_count && same_value(stmt, &values[same_count]))
            same_count++;
        else
            same_count = value_count + 1;
    }
    if (current != 0 && same_count == value_count)
        *set = current;
    *last = current;
    return rc;
}

static int add_set(struct pp_ledger *ledger, const struct pp_ledger_value *values,
                   size_t value_count, int64_t set, struct pp_err *err) {
    struct pp_err ignored = PP_ERR_INIT;
    int rc = pp_database_run(ledger, err, "SAVEPOINT value_set", "");

    for (size_t i = 0; rc >= 0 && i < value_count; i++)
        rc = pp_database_run(ledger, err, "INSERT INTO value VALUES(?, ?, ?, ?)", "iitt", set,
                             (int64_t)i, values[i].name, values[i].value);
    if (rc >= 0)
        rc = pp_database_run(ledger, err, "RELEASE value_set", "");
    if (rc < 0) {
        pp_database_run(ledger, &ignored, "ROLLBACK TO value_set", "");
        pp_database_run(ledger, &ignored, "RELEASE value_set", "");
    }
    return rc;
}

int pp_ledger_set(struct pp_ledger *ledger, const struct pp_ledger_value *values,
                  size_t value_count, uint32_t *set, struct pp_err *err) {
    int64_t found;
    int64_t last;
    int rc = find_set(ledger, values, value_count, &found, &last, err);

    if (rc >= 0 && found == 0) {
        found = last + 1;
        rc = add_set(ledger, values, value_count, found, err);
    }
    if (rc >= 0)
        *set = (uint32_t)found;
    return rc;
}

int pp_ledger_values(struct pp_ledger *ledger, uint32_t set,
                     int (*each)(void *context, const struct pp_ledger_value *value,
                                 struct pp_err *err),
                     void *context, struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger, "SELECT name, value FROM value WHERE value_set = ? ORDER BY number", err);
    int count = 0;
    int rc =
        stmt != NULL ? pp_database_bind(ledger, stmt, err, "i", (int64_t)set) : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        struct pp_ledger_value value = {(const char *)sqlite3_column_text(stmt, 0),
                                        (const char *)sqlite3_column_text(stmt, 1)};

        count++;
        rc = each(context, &value, err);
        if (rc < 0)
            pp_database_end(stmt);
    }
    if (rc >= 0 && count == 0)
        rc = pp_database_damaged(ledger->db, "values are missing", err);
    return rc < 0 ? rc : count;
}

int pp_ledger_sets_used(struct pp_ledger *ledger,
                        int (*each)(void *context, uint32_t set, struct pp_err *err), void *context,
                        struct pp_err *err) {
    sqlite3_stmt *stmt = pp_database_prepare(
        ledger,
        "WITH RECURSIVE used(number) AS (SELECT min(value_set) FROM file UNION ALL SELECT "
        "(SELECT min(value_set) FROM file WHERE value_set > number) FROM used WHERE number NOT "
        "NULL) SELECT number FROM used WHERE number NOT NULL",
        err);
    int rc = stmt != NULL ? 0 : -(int)err->kind;

    while (rc >= 0 && (rc = pp_database_step(ledger, stmt, err)) > 0) {
        rc = each(context, (uint32_t)sqlite3_column_int64(stmt, 0), err);
        if (rc < 0)
            pp_database_end(stmt);
    }
    return rc < 0 ? rc : 0;
}
