/* The placeholder table: which padded default paths there are.
 *
 * A table is an INI file: a section [table] with `name`, `state`, `admindir`, `scope`, any number
 * of `tables` (folders with more tables) and of `executable` (both on the default path), and one
 * section a placeholder with `default`, `length` (bytes), `env` (names of variables, first set
 * wins) and `unscoped` (names that count only beside a variable of the placeholder `scope`).
 * `volatile = yes`: the value is another at each start of the app, or nearly so; a new one needs no
 * --revalue. A line is up to 198 bytes long: inih reads it.
 */
#ifndef PP_VALUES_TABLE_H
#define PP_VALUES_TABLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define PP_PLACEHOLDER_MAX 64       /* placeholders in a table, with those added to it */
#define PP_PLACEHOLDER_LEN_MAX 1024 /* bytes of a placeholder */

struct pp_placeholder {
    char *name;
    char *default_path; /* without trailing slashes */
    char *text;         /* the default padded to `len` */
    size_t len;
    char *env;      /* space-separated names; "" for none */
    char *unscoped; /* the same */
    char *scope;    /* the table's; "" for none */
    bool is_volatile;
};

struct pp_table {
    char *name;
    char *state;    /* absolute, on the default path */
    char *admindir; /* the same */
    char *scope;    /* name of a placeholder, or "" */
    char *tables;   /* space-separated folders, on the default path; "" for none */
    char *added;    /* space-separated names of the tables that were added, each with a space */
    /* Space-separated, "" for none: a file of a bootstrap that is one of these paths, or lies below
     * one, is executable whatever the archive says. */
    char *executables;
    struct pp_placeholder placeholders[PP_PLACEHOLDER_MAX];
    size_t count;
};

#define PP_TABLE_INIT                                                                              \
    { .name = NULL, .count = 0 }
#define PP_AUTO_TABLE PP_AUTO(pp_table_done)

/* The default table, as text. */
extern const char pp_table_builtin[];

/* Reads and checks a table; `path` NULL is the default one. PP_ERR_REFUSED names the section and
 * what is wrong. */
int pp_table_load(struct pp_table *table, const char *path, struct pp_err *err);
void pp_table_done(struct pp_table *table);

/* Adds the placeholders of another table, which is read from a file; its other keys do not count. A
 * table of a name that is there is not added again. Returns 1, or 0 for that. PP_ERR_REFUSED: the
 * table is as it was; two placeholders have one name, or one text, or there are too many. */
int pp_table_add(struct pp_table *table, const char *path, struct pp_err *err);
/* Is it this table, or one that was added? */
bool pp_table_has(const struct pp_table *table, const char *name);

/* Index of a placeholder by name, or -1. */
int pp_table_find(const struct pp_table *table, const char *name);

/* The placeholder whose default is the longest proper parent path of the given one's, or -1. */
int pp_table_parent(const struct pp_table *table, size_t index);

/* Is `path` the folder `parent` or below it? Returns what follows the parent ("" or "/..."), or
 * NULL. */
const char *pp_path_below(const char *path, const char *parent);

#endif
