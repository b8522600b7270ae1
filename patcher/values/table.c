#include "values/table.h"

#include "base/cleanup.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* inih keeps this many bytes of a section's name, and cuts the rest off. */
#define NAME_LEN_MAX 48

static void placeholder_done(struct pp_placeholder *placeholder) {
    free(placeholder->name);
    free(placeholder->default_path);
    free(placeholder->text);
    free(placeholder->env);
    free(placeholder->unscoped);
    free(placeholder->scope);
}

void pp_table_done(struct pp_table *table) {
    for (size_t i = 0; i < table->count; i++)
        placeholder_done(&table->placeholders[i]);
    free(table->tables);
    free(table->added);
    free(table->name);
    free(table->state);
    free(table->admindir);
    free(table->scope);
    free(table->executables);
    *table = (struct pp_table)PP_TABLE_INIT;
}

int pp_table_find(const struct pp_table *table, const char *name) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->placeholders[i].name, name) == 0)
            return (int)i;
    return -1;
}

const char *pp_path_below(const char *path, const char *parent) {
    size_t len = strlen(parent);

    if (strncmp(path, parent, len) != 0 || (path[len] != '\0' && path[len] != '/'))
        return NULL;
    return path + len;
}

int pp_table_parent(const struct pp_table *table, size_t index) {
    const char *path = table->placeholders[index].default_path;
    size_t best_len = 0;
    int best = -1;

    for (size_t i = 0; i < table->count; i++) {
        const char *parent = table->placeholders[i].default_path;
        const char *rest = pp_path_below(path, parent);

        if (rest != NULL && rest[0] == '/' && strlen(parent) > best_len) {
            best_len = strlen(parent);
            best = (int)i;
        }
    }
    return best;
}

struct parse {
    struct pp_table *table;
    struct pp_err *err;
    int rc;
};

/* A key of a section, with its value. */
struct key {
    const char *section;
    const char *name;
    const char *value;
};

/* Also what an indented line becomes: to inih it goes on with the key before. */
static int refuse_twice(struct parse *parse, const struct key *key) {
    parse->rc = pp_err_set(parse->err, PP_ERR_REFUSED, "[%s]: '%s' is given twice", key->section,
                           key->name);
    return 0;
}

static int set_string(struct parse *parse, char **field, const struct key *key) {
    if (*field != NULL)
        return refuse_twice(parse, key);
    *field = strdup(key->value);
    if (*field == NULL) {
        parse->rc = pp_err_nomem(parse->err);
        return 0;
    }
    return 1;
}

static int set_len(struct parse *parse, size_t *field, const struct key *key) {
    char *end;
    unsigned long len = strtoul(key->value, &end, 10);

    if (*field != 0)
        return refuse_twice(parse, key);
    if (key->value[0] < '0' || key->value[0] > '9' || *end != '\0' ||
        len > PP_PLACEHOLDER_LEN_MAX) {
        parse->rc =
            pp_err_set(parse->err, PP_ERR_REFUSED, "[%s]: length '%s' is not a number up to %d",
                       key->section, key->value, PP_PLACEHOLDER_LEN_MAX);
        return 0;
    }
    *field = len;
    return 1;
}

static int set_flag(struct parse *parse, bool *field, const struct key *key) {
    *field = strcmp(key->value, "yes") == 0;
    if (*field || strcmp(key->value, "no") == 0)
        return 1;
    parse->rc = pp_err_set(parse->err, PP_ERR_REFUSED, "[%s]: %s '%s' is neither yes nor no",
                           key->section, key->name, key->value);
    return 0;
}

/* Adds a word to a list of them. */
static int add_word(struct parse *parse, char **words, const char *path) {
    char *const old = *words;
    char *text;

    if (asprintf(&text, "%s%s%s", old != NULL ? old : "", old != NULL ? " " : "", path) < 0) {
        parse->rc = pp_err_nomem(parse->err);
        return 0;
    }
    free(old);
    *words = text;
    return 1;
}

/* A name is a word of --set NAME=VALUE and of the recorded values. inih cuts longer ones. */
static bool is_name(const char *name) {
    size_t len = strlen(name);

    return len > 0 && len <= NAME_LEN_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static struct pp_placeholder *section_placeholder(struct parse *parse, const char *name) {
    struct pp_table *table = parse->table;
    struct pp_placeholder *placeholder;
    int index = pp_table_find(table, name);

    if (index >= 0)
        return &table->placeholders[index];
    if (!is_name(name)) {
        parse->rc = pp_err_set(parse->err, PP_ERR_REFUSED,
                               "[%s]: the name must be 1 to %d letters, digits and underscores",
                               name, NAME_LEN_MAX);
        return NULL;
    }
    if (table->count == PP_PLACEHOLDER_MAX) {
        parse->rc = pp_err_set(parse->err, PP_ERR_REFUSED, "[%s]: more than %d placeholders", name,
                               PP_PLACEHOLDER_MAX);
        return NULL;
    }
    placeholder = &table->placeholders[table->count];
    *placeholder = (struct pp_placeholder){.name = strdup(name)};
    table->count++;
    if (placeholder->name == NULL) {
        parse->rc = pp_err_nomem(parse->err);
        return NULL;
    }
    return placeholder;
}

static int set_table_key(struct parse *parse, const struct key *key) {
    struct pp_table *table = parse->table;

    if (strcmp(key->name, "name") == 0)
        return set_string(parse, &table->name, key);
    if (strcmp(key->name, "state") == 0)
        return set_string(parse, &table->state, key);
    if (strcmp(key->name, "admindir") == 0)
        return set_string(parse, &table->admindir, key);
    if (strcmp(key->name, "scope") == 0)
        return set_string(parse, &table->scope, key);
    if (strcmp(key->name, "executable") == 0)
        return add_word(parse, &table->executables, key->value);
    if (strcmp(key->name, "tables") == 0)
        return add_word(parse, &table->tables, key->value);
    return -1;
}

static int set_placeholder_key(struct parse *parse, const struct key *key) {
    struct pp_placeholder *placeholder = section_placeholder(parse, key->section);

    if (placeholder == NULL)
        return 0;
    if (strcmp(key->name, "default") == 0)
        return set_string(parse, &placeholder->default_path, key);
    if (strcmp(key->name, "env") == 0)
        return set_string(parse, &placeholder->env, key);
    if (strcmp(key->name, "unscoped") == 0)
        return set_string(parse, &placeholder->unscoped, key);
    if (strcmp(key->name, "length") == 0)
        return set_len(parse, &placeholder->len, key);
    if (strcmp(key->name, "volatile") == 0)
        return set_flag(parse, &placeholder->is_volatile, key);
    return -1;
}

/* inih's handler: 1 for fine, 0 for an error. */
static int on_key(void *user, const char *section, const char *name, const char *value) {
    struct parse *parse = user;
    struct key key = {section, name, value};
    int result;

    if (parse->rc < 0)
        return 0;
    result = strcmp(section, "table") == 0 ? set_table_key(parse, &key)
                                           : set_placeholder_key(parse, &key);
    if (result >= 0)
        return result;
    parse->rc = pp_err_set(parse->err, PP_ERR_REFUSED, "[%s]: unknown key '%s'", section, name);
    return 0;
}

static bool has_suffix(const char *path, const char *suffix) {
    size_t len = strlen(path);
    size_t suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
}

static bool is_clean_path(const char *path) {
    for (const char *at = path; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return path[0] == '/' && !has_suffix(path, "/") && strstr(path, "//") == NULL &&
           strstr(path, "/./") == NULL && strstr(path, "/../") == NULL && !has_suffix(path, "/.") &&
           !has_suffix(path, "/..");
}

static int check_placeholder(struct pp_placeholder *placeholder, struct pp_err *err) {
    size_t default_len;

    if (placeholder->default_path == NULL || !is_clean_path(placeholder->default_path))
        return pp_err_set(err, PP_ERR_REFUSED,
                          "[%s]: default must be an absolute path without doubled or trailing "
                          "slashes, . and .. components and control bytes",
                          placeholder->name);
    default_len = strlen(placeholder->default_path);
    if (default_len >= placeholder->len)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "[%s]: default is %zu bytes long, which is not shorter than length %zu",
                          placeholder->name, default_len, placeholder->len);
    placeholder->text = malloc(placeholder->len + 1);
    if (placeholder->env == NULL)
        placeholder->env = strdup("");
    if (placeholder->unscoped == NULL)
        placeholder->unscoped = strdup("");
    if (placeholder->text == NULL || placeholder->env == NULL || placeholder->unscoped == NULL)
        return pp_err_nomem(err);
    memset(placeholder->text, '/', placeholder->len);
    memcpy(placeholder->text, placeholder->default_path, default_len);
    placeholder->text[placeholder->len] = '\0';
    return 0;
}

static int check_table(struct pp_table *table, struct pp_err *err) {
    if (table->name == NULL || table->name[0] == '\0')
        return pp_err_set(err, PP_ERR_REFUSED, "[table]: name is missing");
    if (table->state == NULL || !is_clean_path(table->state))
        return pp_err_set(err, PP_ERR_REFUSED, "[table]: state must be an absolute path");
    if (table->admindir == NULL || !is_clean_path(table->admindir))
        return pp_err_set(err, PP_ERR_REFUSED, "[table]: admindir must be an absolute path");
    if (table->count == 0)
        return pp_err_set(err, PP_ERR_REFUSED, "no placeholder in the table");
    for (size_t i = 0; i < table->count; i++) {
        int rc = check_placeholder(&table->placeholders[i], err);

        if (rc < 0)
            return rc;
        for (size_t k = 0; k < i; k++)
            if (strcmp(table->placeholders[k].text, table->placeholders[i].text) == 0)
                return pp_err_set(err, PP_ERR_REFUSED, "[%s] and [%s] have one text",
                                  table->placeholders[k].name, table->placeholders[i].name);
    }
    if (table->scope == NULL)
        table->scope = strdup("");
    if (table->executables == NULL)
        table->executables = strdup("");
    if (table->tables == NULL)
        table->tables = strdup("");
    table->added = strdup("");
    if (table->scope == NULL || table->executables == NULL || table->tables == NULL ||
        table->added == NULL)
        return pp_err_nomem(err);
    if (table->scope[0] != '\0' && pp_table_find(table, table->scope) < 0)
        return pp_err_set(err, PP_ERR_REFUSED, "[table]: scope '%s' is no placeholder",
                          table->scope);
    for (size_t i = 0; i < table->count; i++) {
        table->placeholders[i].scope = strdup(table->scope);
        if (table->placeholders[i].scope == NULL)
            return pp_err_nomem(err);
    }
    return 0;
}

int pp_table_load(struct pp_table *table, const char *path, struct pp_err *err) {
    struct parse parse = {.table = table, .err = err};
    int line;
    int rc;

    *table = (struct pp_table)PP_TABLE_INIT;
    line = path != NULL ? ini_parse(path, on_key, &parse)
                        : ini_parse_string(pp_table_builtin, on_key, &parse);
    if (parse.rc < 0)
        rc = parse.rc;
    else if (line == -1)
        rc = pp_err_sys(err, "cannot open the table");
    else if (line != 0)
        rc = pp_err_set(err, PP_ERR_REFUSED,
                        "line %d is neither a section nor KEY = VALUE, or is too long", line);
    else
        rc = check_table(table, err);
    if (rc < 0) {
        pp_table_done(table);
        return pp_err_context(err, "%s", path != NULL ? path : "default table");
    }
    return 0;
}

bool pp_table_has(const struct pp_table *table, const char *name) {
    size_t len = strlen(name);

    if (strcmp(table->name, name) == 0)
        return true;
    for (const char *at = table->added; *at != '\0'; at += strcspn(at, " ") + 1)
        if (strcspn(at, " ") == len && strncmp(at, name, len) == 0)
            return true;
    return false;
}

static int check_added(const struct pp_table *table, const struct pp_table *more,
                       struct pp_err *err) {
    if (strchr(more->name, ' ') != NULL)
        return pp_err_set(err, PP_ERR_REFUSED, "[table]: the name '%s' holds a space", more->name);
    if (table->count + more->count > PP_PLACEHOLDER_MAX)
        return pp_err_set(err, PP_ERR_REFUSED, "more than %d placeholders, with those of '%s'",
                          PP_PLACEHOLDER_MAX, table->name);
    for (size_t i = 0; i < more->count; i++)
        for (size_t k = 0; k < table->count; k++) {
            const struct pp_placeholder *left = &more->placeholders[i];
            const struct pp_placeholder *right = &table->placeholders[k];

            if (strcmp(left->name, right->name) == 0 || strcmp(left->text, right->text) == 0)
                return pp_err_set(err, PP_ERR_REFUSED,
                                  "[%s] and [%s] of another table have one name or one text",
                                  left->name, right->name);
        }
    return 0;
}

int pp_table_add(struct pp_table *table, const char *path, struct pp_err *err) {
    PP_AUTO_TABLE struct pp_table more;
    char *added;

    if (pp_table_load(&more, path, err) < 0)
        return -(int)err->kind;
    if (pp_table_has(table, more.name))
        return 0;
    if (check_added(table, &more, err) < 0)
        return pp_err_context(err, "%s", path);
    if (asprintf(&added, "%s%s ", table->added, more.name) < 0)
        return pp_err_nomem(err);
    free(table->added);
    table->added = added;
    memcpy(&table->placeholders[table->count], more.placeholders,
           more.count * sizeof(more.placeholders[0]));
    table->count += more.count;
    more.count = 0;
    return 1;
}
