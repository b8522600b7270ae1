#include "core/session.h"

#include "base/cleanup.h"
#include "core/owner.h"
#include "core/session_values.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the field Dynamic-Variables calls the default table. */
#define DEFAULT_TABLE "yes"

void pp_session_done(struct pp_session *session) {
    if (session->matcher != NULL)
        pp_budget_done(&session->budget);
    pp_matcher_free(session->matcher);
    pp_session_forget_values(session);
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
    pp_helpers_init(&session->helpers, session->options.jobs);
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
        rc = pp_session_resolve(session, err);
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
    rc = session->options.fresh ? 0 : pp_session_read_recorded(session, err);
    if (rc < 0 || same_entries(&before, &session->recorded))
        return rc;
    rc = pp_session_settle(session, err);
    matcher = rc >= 0 ? pp_values_matcher(&session->values, NULL, 0, err) : NULL;
    if (matcher == NULL)
        return -(int)err->kind;
    pp_matcher_free(session->matcher);
    session->matcher = matcher;
    session->policy.matcher = matcher;
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
