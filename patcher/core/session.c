#include "core/session.h"

#include "base/cleanup.h"
#include "core/owner.h"
#include "ledger/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the field Dynamic-Variables calls the default table. */
#define DEFAULT_TABLE "yes"

/* What resolve() made. */
static void forget_values(struct pp_session *session) {
    pp_values_done(&session->values);
    pp_envfile_done(&session->recorded);
    pp_envfile_done(&session->env_file);
    free(session->state);
    free(session->admindir);
    session->state = session->admindir = NULL;
    session->ignored = -1;
    memset(session->disbelieved, 0, sizeof(session->disbelieved));
}

void pp_session_done(struct pp_session *session) {
    if (session->matcher != NULL)
        pp_budget_done(&session->budget);
    pp_matcher_free(session->matcher);
    forget_values(session);
    pp_values_done(&session->was);
    pp_table_done(&session->table);
    if (session->root >= 0)
        close(session->root);
    free(session->root_path);
    *session = (struct pp_session){.root = -1};
}

static int open_root(struct pp_session *session, struct pp_err *err) {
    const char *root = session->options.root != NULL ? session->options.root : "/";

    session->root_path = realpath(root, NULL);
    if (session->root_path == NULL)
        return pp_err_sys(err, "%s: cannot find the root", root);
    session->root = open(session->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (session->root < 0)
        return pp_err_sys(err, "%s: cannot open the root", root);
    if (strcmp(session->root_path, "/") == 0)
        session->root_path[0] = '\0';
    session->became = pp_owner_become(session->root, session->root_path, err);
    return session->became < 0 ? -(int)err->kind : 0;
}

bool pp_session_serves(const struct pp_session *session, const char *variables) {
    if (strcmp(variables, DEFAULT_TABLE) == 0)
        return session->options.table == NULL;
    return variables[0] != '\0' && pp_table_has(&session->table, variables);
}

static int below_root(const struct pp_session *session, const char *path, char **full,
                      struct pp_err *err) {
    if (asprintf(full, "%s%s", session->root_path, path) < 0) {
        *full = NULL;
        return pp_err_nomem(err);
    }
    return 0;
}

/* Where the state is when dpkg's database is at `admindir`: beside it, as in the table. */
static int state_beside(const struct pp_session *session, const char *admindir, char **state,
                        struct pp_err *err) {
    const struct pp_table *table = &session->table;
    size_t parent_len = (size_t)(strrchr(table->admindir, '/') - table->admindir) + 1;

    if (strncmp(table->state, table->admindir, parent_len) != 0)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: the table does not tell where the state is beside it; give --state",
                          admindir);
    if (asprintf(state, "%.*s%s", (int)(strrchr(admindir, '/') - admindir) + 1, admindir,
                 table->state + parent_len) < 0) {
        *state = NULL;
        return pp_err_nomem(err);
    }
    return 0;
}

static bool exists(const char *path) {
    struct stat st;

    return lstat(path, &st) == 0;
}

/* The folder with the values moved where its rootfs is there, or was recorded there. */
static int find_folder(const struct pp_session *session, const char *path, char **found,
                       struct pp_err *err) {
    PP_AUTO_FREE char *moved = pp_values_move(&session->values, path);
    PP_AUTO_FREE char *default_full = NULL;
    PP_AUTO_FREE char *moved_full = NULL;
    PP_AUTO_FREE char *base = NULL;
    int parent = -1;

    if (moved == NULL || below_root(session, path, &default_full, err) < 0 ||
        below_root(session, moved, &moved_full, err) < 0)
        return pp_err_nomem(err);
    for (size_t i = 0; i < session->table.count; i++) {
        const char *default_path = session->table.placeholders[i].default_path;

        if (pp_path_below(path, default_path) != NULL &&
            (parent < 0 ||
             strlen(default_path) > strlen(session->table.placeholders[parent].default_path)))
            parent = (int)i;
    }
    if (parent >= 0 && below_root(session, session->values.values[parent].path, &base, err) < 0)
        return pp_err_nomem(err);
    *found = exists(moved_full) || (!exists(default_full) && base != NULL && exists(base))
                 ? strdup(moved_full)
                 : strdup(default_full);
    return *found == NULL ? pp_err_nomem(err) : 0;
}

static int find_folders(struct pp_session *session, struct pp_err *err) {
    const struct pp_session_options *options = &session->options;
    int rc = 0;

    if (options->admindir != NULL) {
        session->admindir = realpath(options->admindir, NULL);
        if (session->admindir == NULL)
            return pp_err_sys(err, "%s: cannot find dpkg's database", options->admindir);
        if (options->state == NULL)
            rc = state_beside(session, session->admindir, &session->state, err);
    } else {
        rc = find_folder(session, session->table.admindir, &session->admindir, err);
    }
    if (rc >= 0 && options->state != NULL) {
        session->state = strdup(options->state);
        rc = session->state == NULL ? pp_err_nomem(err) : 0;
    } else if (rc >= 0 && session->state == NULL) {
        rc = find_folder(session, session->table.state, &session->state, err);
    }
    return rc;
}

/* The state is the first that is written to. Root may own the root, and not what is below it. */
static int become_owner(struct pp_session *session, struct pp_err *err) {
    PP_AUTO_FREE char *absolute = NULL;
    char folder[PATH_MAX];
    int64_t became;

    if (session->options.fresh || session->became != 0)
        return 0;
    if (session->state[0] != '/' && getcwd(folder, sizeof(folder)) == NULL)
        return pp_err_sys(err, "cannot find the working folder");
    if (asprintf(&absolute, "%s%s%s", session->state[0] != '/' ? folder : "",
                 session->state[0] != '/' ? "/" : "", session->state) < 0) {
        absolute = NULL;
        return pp_err_nomem(err);
    }
    became = pp_owner_become_below(session->root_path, absolute, err);
    if (became > 0)
        session->became = became;
    return became < 0 ? -(int)err->kind : 0;
}

static const char *environment(const char *name) {
    return getenv(name);
}

static bool same_folder(const char *left, const char *right) {
    struct stat a;
    struct stat b;

    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Does the value name the folder that is being patched: by holding dpkg's database, or by being the
 * one on the default path? One that is volatile lies elsewhere: it must be there. */
static bool value_fits(const struct pp_session *session, size_t index) {
    const char *default_path = session->table.placeholders[index].default_path;
    const char *tail = pp_path_below(session->table.admindir, default_path);
    PP_AUTO_FREE char *named = NULL;
    PP_AUTO_FREE char *named_admindir = NULL;
    PP_AUTO_FREE char *usual = NULL;

    if (session->table.placeholders[index].is_volatile)
        return asprintf(&named, "%s%s", session->root_path, session->values.values[index].path) >=
                   0 &&
               same_folder(named, named);
    return asprintf(&named, "%s%s", session->root_path, session->values.values[index].path) >= 0 &&
           asprintf(&usual, "%s%s", session->root_path, default_path) >= 0 &&
           asprintf(&named_admindir, "%s%s", named, tail != NULL ? tail : "") >= 0 &&
           (same_folder(named, usual) ||
            (tail != NULL && same_folder(named_admindir, session->admindir)));
}

/* Does dpkg work where the values say, and not on the default path? That is known by its database.
 */
static bool is_moved(const struct pp_session *session) {
    PP_AUTO_FREE char *moved = pp_values_move(&session->values, session->table.admindir);
    PP_AUTO_FREE char *full = NULL;

    return moved != NULL && asprintf(&full, "%s%s", session->root_path, moved) >= 0 &&
           same_folder(full, session->admindir);
}

char *pp_session_locate(const struct pp_session *session, const char *path) {
    PP_AUTO_FREE char *moved = pp_values_move(&session->values, path);
    struct stat st;

    if (moved == NULL)
        return NULL;
    /* The default path may be there and be another user's: it is not the second guess. */
    if (!is_moved(session) && fstatat(session->root, moved + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return strdup(path + 1);
    return strdup(moved + 1);
}

/* Which variables do not count: each that does not name what is being patched, and all of them
 * where one names the place of another database. */
static void check_environment(struct pp_session *session) {
    const struct pp_table *table = &session->table;
    bool *disbelieved = session->disbelieved;
    bool foreign = false;

    for (size_t i = 0; i < table->count; i++) {
        disbelieved[i] =
            session->values.values[i].origin == PP_VALUE_ENVIRONMENT && !value_fits(session, i);
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

static int read_recorded(struct pp_session *session, struct pp_err *err) {
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

/* The values, now that those that were recorded are known. */
static int settle(struct pp_session *session, struct pp_err *err) {
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
        rc = find_folders(session, err);
    if (rc >= 0)
        rc = become_owner(session, err);
    if (rc >= 0 && !options->fresh)
        rc = read_recorded(session, err);
    if (rc < 0)
        return rc;
    if (options->environment == PP_ENVIRONMENT_CHECKED)
        check_environment(session);
    given = session->values;
    session->values = (struct pp_values){.table = &session->table};
    rc = settle(session, err);
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
static int resolve_all(struct pp_session *session, struct pp_err *err) {
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
    forget_values(session);
    return resolve(session, err);
}

static int resolve_was(struct pp_session *session, struct pp_err *err) {
    struct pp_value_sources sources = {.set = session->options.was, .any_bytes = true};

    if (sources.set == NULL)
        return 0;
    if (pp_values_resolve(&session->was, &session->table, &sources, err) < 0)
        return pp_err_context(err, "--was");
    return 0;
}

static int make_policy(struct pp_session *session, struct pp_err *err) {
    session->matcher = pp_values_matcher(&session->values, NULL, 0, err);
    if (session->matcher == NULL)
        return -(int)err->kind;
    pp_budget_init(&session->budget, session->options.memory_len);
    session->policy = (struct pp_policy){.matcher = session->matcher,
                                         .budget = &session->budget,
                                         .executables = session->options.executables,
                                         .decode = session->options.decode};
    return 0;
}

int pp_session_open(struct pp_session *session, const struct pp_session_options *options,
                    struct pp_err *err) {
    int rc;

    *session = (struct pp_session){.options = *options, .root = -1, .ignored = -1};
    rc = open_root(session, err);
    if (rc >= 0)
        rc = pp_table_load(&session->table, options->table, err);
    if (rc >= 0)
        rc = resolve_all(session, err);
    if (rc >= 0)
        rc = resolve_was(session, err);
    if (rc >= 0)
        rc = make_policy(session, err);
    return rc;
}

static bool same_entries(const struct pp_envfile *left, const struct pp_envfile *right) {
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (strcmp(left->entries[i].key, right->entries[i].key) != 0 ||
            strcmp(left->entries[i].value, right->entries[i].value) != 0)
            return false;
    return true;
}

int pp_session_refresh(struct pp_session *session, struct pp_err *err) {
    PP_AUTO_ENVFILE struct pp_envfile before = session->recorded;
    struct pp_matcher *matcher;
    int rc;

    session->recorded = (struct pp_envfile)PP_ENVFILE_INIT;
    rc = session->options.fresh ? 0 : read_recorded(session, err);
    if (rc < 0 || same_entries(&before, &session->recorded))
        return rc;
    rc = settle(session, err);
    matcher = rc >= 0 ? pp_values_matcher(&session->values, NULL, 0, err) : NULL;
    if (matcher == NULL)
        return -(int)err->kind;
    pp_matcher_free(session->matcher);
    session->matcher = matcher;
    session->policy.matcher = matcher;
    return 0;
}

int pp_session_path(const struct pp_session *session, const char *path, char **relative,
                    struct pp_err *err) {
    PP_AUTO_FREE char *folder = NULL;
    PP_AUTO_FREE char *copy = strdup(path);
    const char *name;
    const char *rest;
    char *slash;
    size_t len;

    if (copy == NULL)
        return pp_err_nomem(err);
    for (len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--)
        copy[len - 1] = '\0';
    /* The folder is resolved; the last component is not followed, unless it is no name. */
    slash = strrchr(copy, '/');
    name = slash != NULL ? slash + 1 : copy;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        folder = realpath(copy, NULL);
        name = "";
    } else if (slash != NULL) {
        *slash = '\0';
        folder = realpath(slash == copy ? "/" : copy, NULL);
    } else {
        folder = realpath(".", NULL);
    }
    if (folder == NULL)
        return pp_err_sys(err, "%s: cannot find it", path);
    if (strcmp(folder, "/") == 0)
        folder[0] = '\0';
    rest = pp_path_below(folder, session->root_path);
    if (rest == NULL && name[0] != '\0' && strcmp(session->root_path, "") != 0) {
        /* The root itself, by its own name. */
        PP_AUTO_FREE char *whole = realpath(path, NULL);

        if (whole != NULL && strcmp(whole, session->root_path) == 0) {
            *relative = strdup("");
            return *relative == NULL ? pp_err_nomem(err) : 0;
        }
    }
    if (rest == NULL)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: lies outside the root '%s'; give another --root", path,
                          session->root_path);
    if (asprintf(relative, "%s%s%s", rest[0] == '/' ? rest + 1 : rest,
                 rest[0] != '\0' && name[0] != '\0' ? "/" : "", name) < 0) {
        *relative = NULL;
        return pp_err_nomem(err);
    }
    return 0;
}

int pp_session_words(const struct pp_session *session, struct pp_buffer *words,
                     struct pp_err *err) {
    const struct pp_session_options *options = &session->options;
    const struct {
        const char *name;
        const char *value;
    } given[] = {{"root", options->root},
                 {"admindir", options->admindir},
                 {"state", options->state},
                 {"table", options->table}};
    int rc = pp_buffer_append(words, "", 0, err);

    for (size_t i = 0; rc >= 0 && i < PP_ARRAY_LEN(given); i++)
        if (given[i].value != NULL) {
            rc = pp_buffer_printf(words, err, " --%s=", given[i].name);
            rc = rc < 0 ? rc : pp_buffer_append_word(words, given[i].value, err);
        }
    return rc;
}
