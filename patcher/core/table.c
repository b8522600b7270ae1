#include "core/table.h"

#include "base/cleanup.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pp_table_done(struct pp_table *table) {
    for (size_t i = 0; i < table->count; i++) {
        struct pp_placeholder *placeholder = &table->placeholders[i];

        free(placeholder->name);
        free(placeholder->default_path);
        free(placeholder->text);
        free(placeholder->env);
        free(placeholder->unscoped);
    }
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

static int set_string(struct parse *parse, char **field, const char *value) {
    char *copy = strdup(value);

    if (copy == NULL) {
        parse->rc = pp_err_nomem(parse->err);
        return 0;
    }
    free(*field);
    *field = copy;
    return 1;
}

static int add_executable(struct parse *parse, const char *path) {
    const char *const old = parse->table->executables;
    PP_AUTO_FREE char *text = NULL;

    if (asprintf(&text, "%s%s%s", old != NULL ? old : "", old != NULL ? " " : "", path) < 0) {
        text = NULL;
        parse->rc = pp_err_nomem(parse->err);
        return 0;
    }
    return set_string(parse, &parse->table->executables, text);
}

static struct pp_placeholder *section_placeholder(struct parse *parse, const char *name) {
    struct pp_table *table = parse->table;
    struct pp_placeholder *placeholder;
    int index = pp_table_find(table, name);

    if (index >= 0)
        return &table->placeholders[index];
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

/* inih's handler: 1 for fine, 0 for an error. */
static int on_key(void *user, const char *section, const char *name, const char *value) {
    struct parse *parse = user;
    struct pp_table *table = parse->table;
    struct pp_placeholder *placeholder;

    if (parse->rc < 0)
        return 0;
    if (strcmp(section, "table") == 0) {
        if (strcmp(name, "name") == 0)
            return set_string(parse, &table->name, value);
        if (strcmp(name, "state") == 0)
            return set_string(parse, &table->state, value);
        if (strcmp(name, "admindir") == 0)
            return set_string(parse, &table->admindir, value);
        if (strcmp(name, "scope") == 0)
            return set_string(parse, &table->scope, value);
        if (strcmp(name, "executable") == 0)
            return add_executable(parse, value);
    } else {
        placeholder = section_placeholder(parse, section);
        if (placeholder == NULL)
            return 0;
        if (strcmp(name, "default") == 0)
            return set_string(parse, &placeholder->default_path, value);
        if (strcmp(name, "env") == 0)
            return set_string(parse, &placeholder->env, value);
        if (strcmp(name, "unscoped") == 0)
            return set_string(parse, &placeholder->unscoped, value);
        if (strcmp(name, "length") == 0) {
            char *end;
            unsigned long len = strtoul(value, &end, 10);

            if (*value < '0' || *value > '9' || *end != '\0' || len > PP_PLACEHOLDER_LEN_MAX) {
                parse->rc = pp_err_set(parse->err, PP_ERR_REFUSED,
                                       "[%s]: length '%s' is not a number up to %d", section, value,
                                       PP_PLACEHOLDER_LEN_MAX);
                return 0;
            }
            placeholder->len = len;
            return 1;
        }
    }
    parse->rc = pp_err_set(parse->err, PP_ERR_REFUSED, "[%s]: unknown key '%s'", section, name);
    return 0;
}

static bool is_clean_path(const char *path) {
    size_t len = strlen(path);

    return path[0] == '/' && len > 1 && path[len - 1] != '/' && strstr(path, "//") == NULL &&
           strstr(path, "/./") == NULL && strstr(path, "/../") == NULL;
}

static int check_placeholder(struct pp_placeholder *placeholder, struct pp_err *err) {
    size_t default_len;

    if (placeholder->default_path == NULL || !is_clean_path(placeholder->default_path))
        return pp_err_set(err, PP_ERR_REFUSED,
                          "[%s]: default must be an absolute path without doubled or trailing "
                          "slashes",
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
    if (table->scope == NULL || table->executables == NULL)
        return pp_err_nomem(err);
    if (table->scope[0] != '\0' && pp_table_find(table, table->scope) < 0)
        return pp_err_set(err, PP_ERR_REFUSED, "[table]: scope '%s' is no placeholder",
                          table->scope);
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
        rc = pp_err_set(err, PP_ERR_REFUSED, "line %d is neither a section nor KEY = VALUE", line);
    else
        rc = check_table(table, err);
    if (rc < 0) {
        pp_table_done(table);
        return pp_err_context(err, "%s", path != NULL ? path : "default table");
    }
    return 0;
}
