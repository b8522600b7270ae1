#include "core/session_values.h"

#include "base/cleanup.h"
#include "core/session_folders.h"
#include "ledger/state.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pp_session_forget_values(struct pp_session *session) {
    pp_values_done(&session->values);
    pp_envfile_done(&session->recorded);
    pp_envfile_done(&session->env_file);
    free(session->state);
    free(session->admindir);
    session->state = session->admindir = NULL;
    session->ignored = -1;
    memset(session->disbelieved, 0, sizeof(session->disbelieved));
}

static const char *environment(const char *name) {
    return getenv(name);
}

/* Which variables do not count: each that does not name what is being patched, and all of them
 * where one names the place of another database. */
static void check_environment(struct pp_session *session) {
    const struct pp_table *table = &session->table;
    bool *disbelieved = session->disbelieved;
    bool foreign = false;

    for (size_t i = 0; i < table->count; i++) {
        disbelieved[i] = session->values.values[i].origin == PP_VALUE_ENVIRONMENT &&
                         !pp_session_value_fits(session, i);
        foreign = foreign ||
                  (disbelieved[i] &&
                   pp_path_below(table->admindir, table->placeholders[i].default_path) != NULL);
    }
    for (size_t i = 0; i < table->count && foreign; i++)
        disbelieved[i] = true;
}

/* A placeholder that has another value than its variable gave; -1: none. */
static int find_ignored(const struct pp_values *given, const struct pp_values *values) {
    for (size_t i = 0; i < given->table->count; i++)
        if (given->values[i].origin == PP_VALUE_ENVIRONMENT &&
            strcmp(given->values[i].path, values->values[i].path) != 0)
            return (int)i;
    return -1;
}

int pp_session_read_recorded(struct pp_session *session, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int rc = pp_state_read_values(session->state, &text, err);

    if (rc > 0)
        rc = pp_envfile_parse(&session->recorded, (char *)text.data, err);
    return rc < 0 ? pp_err_context(err, "%s", session->state) : 0;
}

static struct pp_value_sources sources_of(struct pp_session *session) {
    const struct pp_session_options *options = &session->options;
    bool checked = options->environment == PP_ENVIRONMENT_CHECKED;

    return (struct pp_value_sources){
        .set = options->set,
        .env_file = &session->env_file,
        .environment = options->environment != PP_ENVIRONMENT_IGNORED ? environment : NULL,
        .disbelieved = checked ? session->disbelieved : NULL,
        .recorded = &session->recorded,
        .any_bytes = options->any_bytes,
    };
}

int pp_session_settle(struct pp_session *session, struct pp_err *err) {
    struct pp_value_sources sources = sources_of(session);
    int differs;

    pp_values_done(&session->values);
    if (pp_values_resolve(&session->values, &session->table, &sources, err) < 0)
        return -(int)err->kind;
    differs = pp_values_differ(&session->values, &session->recorded);
    if (differs >= 0 && !session->options.revalue)
        return pp_err_set(
            err, PP_ERR_REFUSED,
            "%s: the value '%s' (from %s) differs from '%s', which this root was patched with; "
            "--revalue rewrites the whole tree",
            session->table.placeholders[differs].name, session->values.values[differs].path,
            pp_value_origin_name(session->values.values[differs].origin),
            pp_envfile_get(&session->recorded, session->table.placeholders[differs].name));
    session->moved = pp_session_is_moved(session);
    return 0;
}

static int resolve(struct pp_session *session, struct pp_err *err) {
    const struct pp_session_options *options = &session->options;
    struct pp_value_sources sources = sources_of(session);
    PP_AUTO_VALUES struct pp_values given = {.table = NULL};
    int rc = 0;

    if (options->env_file != NULL)
        rc = pp_envfile_load(&session->env_file, options->env_file, err);
    /* The state may lie on a path that depends on the values: first those that were given. */
    if (rc >= 0)
        rc = pp_values_resolve(&session->values, &session->table, &sources, err);
    if (rc >= 0)
        rc = pp_session_find_folders(session, err);
    if (rc >= 0)
        rc = pp_session_become_owner(session, err);
    if (rc >= 0 && !options->fresh)
        rc = pp_session_read_recorded(session, err);
    if (rc < 0)
        return rc;
    if (options->environment == PP_ENVIRONMENT_CHECKED)
        check_environment(session);
    given = session->values;
    session->values = (struct pp_values){.table = &session->table};
    rc = pp_session_settle(session, err);
    if (rc >= 0)
        session->ignored = find_ignored(&given, &session->values);
    return rc;
}

/* ---- more tables ---- */

static int compare_names(const struct dirent **left, const struct dirent **right) {
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int is_table(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);

    return len > 4 && strcmp(entry->d_name + len - 4, ".ini") == 0;
}

/* Adds what is in a folder. A table that is no good concerns only the packages that name it: the
 * first such is noted. Returns how many were added. */
static int add_folder(struct pp_session *session, const char *path, struct pp_err *err) {
    PP_AUTO_FREE char *located = NULL;
    PP_AUTO_FREE char *folder = NULL;
    struct dirent **entries = NULL;
    int added = 0;
    int rc = 0;
    int count;

    located = pp_session_locate(session, path);
    if (located == NULL || asprintf(&folder, "%s/%s", session->root_path, located) < 0) {
        folder = NULL;
        return pp_err_nomem(err);
    }
    count = scandir(folder, &entries, is_table, compare_names);
    for (int i = 0; i < count; i++) {
        PP_AUTO_FREE char *file = NULL;
        struct pp_err problem = PP_ERR_INIT;

        if (asprintf(&file, "%s/%s", folder, entries[i]->d_name) < 0) {
            file = NULL;
            rc = pp_err_nomem(err);
        } else if (rc >= 0) {
            int one = pp_table_add(&session->table, file, &problem);

            added += one > 0 ? 1 : 0;
            if (one < 0 && session->table_problem.kind == PP_ERR_NONE)
                session->table_problem = problem;
        }
        free(entries[i]);
    }
    free(entries);
    return rc < 0 ? rc : added;
}

static int add_tables(struct pp_session *session, struct pp_err *err) {
    PP_AUTO_FREE char *folders = strdup(session->table.tables);
    char *rest = folders;
    char *folder;
    int added = 0;

    if (folders == NULL)
        return pp_err_nomem(err);
    while ((folder = strsep(&rest, " ")) != NULL) {
        int rc = folder[0] == '/' ? add_folder(session, folder, err) : 0;

        if (rc < 0)
            return rc;
        added += rc;
    }
    return added;
}

/* The words of --set that this table knows. Returns how many it does not. */
static int known_words(const struct pp_session *session, const char **known) {
    int unknown = 0;

    for (const char *const *set = session->options.set; set != NULL && *set != NULL; set++) {
        PP_AUTO_FREE char *name = strndup(*set, strcspn(*set, "="));

        if (name != NULL && pp_table_find(&session->table, name) >= 0)
            *known++ = *set;
        else
            unknown++;
    }
    *known = NULL;
    return unknown;
}

static size_t count_words(const char *const *set) {
    size_t count = 0;

    while (set != NULL && set[count] != NULL)
        count++;
    return count;
}

/* Where more tables are depends on the values, and the values on the tables: the default table's
 * values come first. */
int pp_session_resolve(struct pp_session *session, struct pp_err *err) {
    const char *const *set = session->options.set;
    PP_AUTO_FREE const char **known = calloc(count_words(set) + 1, sizeof(*known));
    int unknown;
    int rc;

    if (known == NULL)
        return pp_err_nomem(err);
    if (session->options.table != NULL || session->options.alone)
        return resolve(session, err);
    unknown = known_words(session, known);
    session->options.set = known;
    rc = resolve(session, err);
    session->options.set = set;
    if (rc >= 0)
        rc = add_tables(session, err);
    if (rc < 0 || (rc == 0 && unknown == 0))
        return rc;
    pp_session_forget_values(session);
    return resolve(session, err);
}
