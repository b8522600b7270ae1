#include "values/values.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pp_value_origin_name(enum pp_value_origin origin) {
    static const char *const names[] = {
        "nowhere",          "--set",      "the env-file", "the environment", "the recorded values",
        "a parent's value", "the default"};

    return names[origin];
}

void pp_values_done(struct pp_values *values) {
    for (size_t i = 0; i < PP_PLACEHOLDER_MAX; i++) {
        free(values->values[i].path);
        free(values->values[i].text);
        values->values[i] = (struct pp_value){.path = NULL, .text = NULL};
    }
}

/* The first of the space-separated names that a source has a value for. */
static const char *look_up(const char *names, const struct pp_value_sources *sources,
                           enum pp_value_origin origin) {
    while (*names != '\0') {
        size_t len = strcspn(names, " ");
        char name[256];
        const char *value = NULL;

        if (len > 0 && len < sizeof(name)) {
            memcpy(name, names, len);
            name[len] = '\0';
            value = origin == PP_VALUE_ENVFILE ? pp_envfile_get(sources->env_file, name)
                                               : sources->environment(name);
            if (value != NULL && value[0] != '\0')
                return value;
        }
        names += len + strspn(names + len, " ");
    }
    return NULL;
}

static const char *from_set(const struct pp_placeholder *placeholder, const char *const *set) {
    const char *value = NULL;

    for (; set != NULL && *set != NULL; set++) {
        size_t len = strlen(placeholder->name);

        if (strncmp(*set, placeholder->name, len) == 0 && (*set)[len] == '=')
            value = *set + len + 1;
    }
    return value;
}

static const char *from_environment(const struct pp_table *table, size_t index,
                                    const struct pp_value_sources *sources,
                                    enum pp_value_origin origin) {
    const struct pp_placeholder *placeholder = &table->placeholders[index];
    const char *value = look_up(placeholder->env, sources, origin);
    int scope;

    if (value != NULL || placeholder->unscoped[0] == '\0')
        return value;
    scope = pp_table_find(table, placeholder->scope);
    if (scope < 0 || look_up(table->placeholders[scope].env, sources, origin) == NULL)
        return NULL;
    return look_up(placeholder->unscoped, sources, origin);
}

/* "PARENT" and what follows in it; the parent may be the root. */
static char *join(const char *parent, const char *rest) {
    char *path;

    if (strcmp(parent, "/") == 0)
        parent = rest[0] == '\0' ? "/" : "";
    return asprintf(&path, "%s%s", parent, rest) < 0 ? NULL : path;
}

/* The recorded value; NULL where it is what follows from the parent's recorded one: it goes with
 * its parent, which may have another value by now. */
static const char *from_recorded(const struct pp_table *table, size_t index,
                                 const struct pp_envfile *recorded) {
    const char *value = pp_envfile_get(recorded, table->placeholders[index].name);
    int parent = pp_table_parent(table, index);
    const char *base =
        parent >= 0 ? pp_envfile_get(recorded, table->placeholders[parent].name) : NULL;
    const char *rest;
    PP_AUTO_FREE char *derived = NULL;

    if (value == NULL || base == NULL)
        return value;
    rest =
        table->placeholders[index].default_path + strlen(table->placeholders[parent].default_path);
    derived = join(base, rest);
    return derived != NULL && strcmp(value, derived) == 0 ? NULL : value;
}

static const char *find_value(const struct pp_table *table, size_t index,
                              const struct pp_value_sources *sources,
                              enum pp_value_origin *origin) {
    const char *value = from_set(&table->placeholders[index], sources->set);

    *origin = PP_VALUE_SET;
    if (value == NULL && sources->env_file != NULL) {
        *origin = PP_VALUE_ENVFILE;
        value = from_environment(table, index, sources, PP_VALUE_ENVFILE);
    }
    if (value == NULL && sources->environment != NULL &&
        (sources->disbelieved == NULL || !sources->disbelieved[index])) {
        *origin = PP_VALUE_ENVIRONMENT;
        value = from_environment(table, index, sources, PP_VALUE_ENVIRONMENT);
    }
    if (value == NULL && sources->recorded != NULL) {
        *origin = PP_VALUE_RECORDED;
        value = from_recorded(table, index, sources->recorded);
    }
    return value;
}

static bool is_allowed(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || strchr("._/+,=@~-", byte) != NULL;
}

static const char *path_fault(const char *path, size_t len, bool any_bytes) {
    if (len == 0)
        return "it is empty";
    if (path[0] != '/')
        return "it is relative; give an absolute path";
    if (path[len - 1] == ' ')
        return "it ends with a space";
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)path[i];

        if (byte < 0x20 || byte == 0x7f)
            return "it holds a control byte";
        if (!any_bytes && !is_allowed(path[i]))
            return "it holds a byte outside [A-Za-z0-9._/+,=@~-], which breaks scripts that it "
                   "lands in; --any-bytes allows it";
    }
    for (size_t i = 0; i < len;) {
        size_t part = strcspn(path + i + 1, "/");

        if (i + 1 + part > len)
            part = len - i - 1;
        if (part == 0 && len > 1)
            return "it holds an empty component (//)";
        if ((part == 1 && path[i + 1] == '.') ||
            (part == 2 && path[i + 1] == '.' && path[i + 2] == '.'))
            return "it holds a . or .. component";
        i += part + 1;
    }
    return NULL;
}

/* Checks a path of `len` bytes for what is refused in any value of the placeholder. */
static int check_path(const struct pp_placeholder *placeholder, const char *path, size_t len,
                      enum pp_value_origin origin, bool any_bytes, struct pp_err *err) {
    const char *fault = path_fault(path, len, any_bytes);
    const char *advice = origin == PP_VALUE_RECORDED
                             ? "pathpatch dpkg configure --set NAME=PATH records another"
                             : "choose a shorter path";

    if (fault != NULL && origin == PP_VALUE_RECORDED)
        return pp_err_set(err, PP_ERR_REFUSED, "%s: the value '%.*s' (from %s) is refused: %s; %s",
                          placeholder->name, (int)len, path, pp_value_origin_name(origin), fault,
                          advice);
    if (fault != NULL)
        return pp_err_set(err, PP_ERR_REFUSED, "%s: the value '%.*s' (from %s) is refused: %s",
                          placeholder->name, (int)len, path, pp_value_origin_name(origin), fault);
    if (len > placeholder->len)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: the value '%.*s' (from %s) is %zu bytes long, %zu over the limit of "
                          "%zu; %s",
                          placeholder->name, (int)len, path, pp_value_origin_name(origin), len,
                          len - placeholder->len, placeholder->len, advice);
    return 0;
}

static size_t trimmed_len(const char *path) {
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    return len;
}

int pp_value_pad(const struct pp_placeholder *placeholder, const char *path, struct pp_buffer *text,
                 struct pp_err *err) {
    size_t len = trimmed_len(path);
    int rc = check_path(placeholder, path, len, PP_VALUE_RECORDED, true, err);

    if (rc >= 0)
        rc = pp_buffer_reserve(text, placeholder->len, err);
    if (rc < 0)
        return rc;
    memcpy(text->data + text->len, path, len);
    memset(text->data + text->len + len, '/', placeholder->len - len);
    /* Slashes alone would be padding, of what stands before them. */
    if (len == 1)
        text->data[text->len + 1] = '.';
    text->len += placeholder->len;
    text->data[text->len] = '\0';
    return 0;
}

static int set_value(struct pp_values *values, size_t index, const char *path,
                     enum pp_value_origin origin, bool any_bytes, struct pp_err *err) {
    const struct pp_placeholder *placeholder = &values->table->placeholders[index];
    struct pp_value *value = &values->values[index];
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    size_t len = trimmed_len(path);

    if (check_path(placeholder, path, len, origin, any_bytes, err) < 0 ||
        pp_value_pad(placeholder, path, &text, err) < 0)
        return -(int)err->kind;
    value->path = strndup(path, len);
    if (value->path == NULL)
        return pp_err_nomem(err);
    value->text = (char *)text.data;
    text = (struct pp_buffer)PP_BUFFER_INIT;
    value->origin = origin;
    return 0;
}

/* The longest ancestor placeholder whose value was given; its default is a parent path. */
static int set_ancestor(const struct pp_values *values, size_t index) {
    int at = pp_table_parent(values->table, index);

    while (at >= 0 &&
           (values->values[at].path == NULL || values->values[at].origin == PP_VALUE_DEFAULT ||
            values->values[at].origin == PP_VALUE_DERIVED))
        at = pp_table_parent(values->table, (size_t)at);
    return at;
}

static int derive(struct pp_values *values, size_t index, struct pp_err *err) {
    const struct pp_table *table = values->table;
    const char *path = table->placeholders[index].default_path;
    PP_AUTO_FREE char *derived = NULL;
    int parent = set_ancestor(values, index);
    enum pp_value_origin origin = PP_VALUE_DEFAULT;

    if (parent >= 0) {
        const char *base = values->values[parent].path;
        const char *rest = path + strlen(table->placeholders[parent].default_path);

        derived = join(base, rest);
        if (derived == NULL)
            return pp_err_nomem(err);
        path = derived;
        origin = PP_VALUE_DERIVED;
    }
    /* Its odd bytes were allowed where the parent, or the table, brought them. */
    return set_value(values, index, path, origin, true, err);
}

/* Would this placeholder be found in the padded value, or could it be, with what stands behind
 * that?
 */
static bool forms(const struct pp_value *value, size_t value_len,
                  const struct pp_placeholder *other) {
    size_t path_len = strlen(value->path);

    for (size_t at = 0; at < path_len; at++) {
        size_t rest = value_len - at;
        size_t common = rest < other->len ? rest : other->len;

        if (memcmp(value->text + at, other->text, common) == 0)
            return true;
    }
    return false;
}

static int check_forms(const struct pp_values *values, size_t index, struct pp_err *err) {
    const struct pp_table *table = values->table;
    const struct pp_placeholder *placeholder = &table->placeholders[index];
    const struct pp_value *value = &values->values[index];

    if (strcmp(value->path, placeholder->default_path) == 0)
        return 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct pp_placeholder *other = &table->placeholders[i];
        bool again = forms(value, placeholder->len, other);

        /* What holds it could not be told from what it was written into. */
        if (again || strstr(other->text + 1, value->text) != NULL)
            return pp_err_set(err, PP_ERR_REFUSED,
                              "%s: the value '%s' (%zu bytes, limit %zu) would, once padded, %s "
                              "the placeholder %s%s; choose another path",
                              placeholder->name, value->path, strlen(value->path), placeholder->len,
                              again ? "form" : "be a part of", other->name, again ? " again" : "");
    }
    return 0;
}

static int check_names(const struct pp_table *table, const char *const *set, struct pp_err *err) {
    for (; set != NULL && *set != NULL; set++) {
        size_t len = strcspn(*set, "=");
        PP_AUTO_FREE char *name = strndup(*set, len);

        if (name == NULL)
            return pp_err_nomem(err);
        if ((*set)[len] != '=')
            return pp_err_set(err, PP_ERR_USAGE, "--set %s: give it as NAME=VALUE", *set);
        if (pp_table_find(table, name) < 0)
            return pp_err_set(err, PP_ERR_REFUSED,
                              "--set %s: the table '%s' has no placeholder of that name", *set,
                              table->name);
    }
    return 0;
}

/* `at` counts placeholders: after an error it is the one whose value is refused. */
static int resolve(struct pp_values *values, const struct pp_value_sources *sources, size_t *at,
                   struct pp_err *err) {
    size_t count = values->table->count;
    int rc = 0;

    for (*at = 0; *at < count; ++*at) {
        enum pp_value_origin origin;
        const char *path = find_value(values->table, *at, sources, &origin);

        if (path == NULL)
            continue;
        values->values[*at].origin = origin;
        /* What is recorded was allowed when it was given. */
        rc = set_value(values, *at, path, origin, sources->any_bytes || origin == PP_VALUE_RECORDED,
                       err);
        if (rc < 0)
            return rc;
    }
    for (*at = 0; *at < count; ++*at) {
        rc = values->values[*at].path == NULL ? derive(values, *at, err) : 0;
        if (rc < 0)
            return rc;
    }
    for (*at = 0; *at < count; ++*at) {
        rc = check_forms(values, *at, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int pp_values_resolve(struct pp_values *values, const struct pp_table *table,
                      const struct pp_value_sources *sources, struct pp_err *err) {
    int rc = check_names(table, sources->set, err);
    bool again = rc >= 0;

    *values = (struct pp_values){.table = table};
    while (again) {
        size_t at;

        rc = resolve(values, sources, &at, err);
        again = rc < 0 && err->kind == PP_ERR_REFUSED && sources->disbelieved != NULL &&
                values->values[at].origin == PP_VALUE_ENVIRONMENT;
        if (again) {
            sources->disbelieved[at] = true;
            pp_err_clear(err);
        }
        if (rc < 0)
            pp_values_done(values);
    }
    return rc;
}

struct pp_matcher *pp_values_matcher(const struct pp_values *values, const struct pp_pattern *more,
                                     size_t more_count, struct pp_err *err) {
    const struct pp_table *table = values->table;
    PP_AUTO_FREE struct pp_pattern *patterns = calloc(table->count + more_count, sizeof(*patterns));
    const char *guards[PP_PLACEHOLDER_MAX];

    if (patterns == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    for (size_t i = 0; i < table->count; i++) {
        patterns[i] = (struct pp_pattern){.find = table->placeholders[i].text,
                                          .put = values->values[i].text,
                                          .len = table->placeholders[i].len};
        guards[i] = values->values[i].text;
    }
    if (more_count > 0)
        memcpy(patterns + table->count, more, more_count * sizeof(*patterns));
    return pp_matcher_new(patterns, table->count + more_count, guards, table->count, err);
}

bool pp_values_is_default(const struct pp_values *values, size_t index) {
    return strcmp(values->values[index].path, values->table->placeholders[index].default_path) == 0;
}

bool pp_values_are_default(const struct pp_values *values) {
    for (size_t i = 0; i < values->table->count; i++)
        if (!pp_values_is_default(values, i))
            return false;
    return true;
}

int pp_values_differ(const struct pp_values *values, const struct pp_envfile *recorded) {
    for (size_t i = 0; i < values->table->count; i++) {
        const struct pp_placeholder *placeholder = &values->table->placeholders[i];
        const char *path = pp_envfile_get(recorded, placeholder->name);

        if (!placeholder->is_volatile && path != NULL && strcmp(path, values->values[i].path) != 0)
            return (int)i;
    }
    return -1;
}

char *pp_values_move(const struct pp_values *values, const char *path) {
    const struct pp_table *table = values->table;
    size_t best_len = 0;
    int best = -1;

    for (size_t i = 0; i < table->count; i++) {
        size_t len = strlen(table->placeholders[i].default_path);

        if (len > best_len && pp_path_below(path, table->placeholders[i].default_path) != NULL) {
            best = (int)i;
            best_len = len;
        }
    }
    if (best < 0)
        return strdup(path);
    return join(values->values[best].path, path + best_len);
}
