/* A session: a root, a table, the values, and all that is made from them.
 *
 * Opening one reads and checks everything that can be refused, before a file is touched. It writes
 * nothing. As root over a tree of somebody else the program becomes that user (owner.h).
 */
#ifndef PP_CORE_SESSION_H
#define PP_CORE_SESSION_H

#include "base/budget.h"
#include "base/error.h"
#include "base/helpers.h"
#include "content/content.h"
#include "stream/matcher.h"
#include "values/envfile.h"
#include "values/table.h"
#include "values/values.h"

#include <stdbool.h>
#include <stdint.h>

#define PP_MEMORY_DEFAULT ((uint64_t)256 << 20)

/* Whether environment variables may give values. */
enum pp_environment {
    PP_ENVIRONMENT_IGNORED,
    PP_ENVIRONMENT_BELIEVED,
    /* Only where its path names the very folder that is being patched: the hook, which runs with
     * whatever sudo, cron or apt left in the environment. */
    PP_ENVIRONMENT_CHECKED,
};

struct pp_session_options {
    const char *root;       /* NULL: "/" */
    const char *table;      /* path of a table; NULL: the default one */
    const char *state;      /* path of the state folder; NULL: where the table says */
    const char *admindir;   /* path of dpkg's database; NULL: where the table says */
    const char *const *set; /* "NAME=VALUE", NULL-terminated, or NULL */
    const char *const *was; /* the same: older values; those not named are derived */
    const char *env_file;   /* path, or NULL */
    enum pp_environment environment;
    bool any_bytes; /* see values.h */
    bool revalue;   /* values may differ from the recorded ones */
    bool fresh;     /* the tree is yet to be made: nothing that was recorded counts */
    bool alone;     /* no table besides that one: what is installed here does not count */
    bool decode;
    enum pp_executables executables;
    uint64_t memory_len; /* the budget, bytes */
    unsigned jobs;
};

#define PP_SESSION_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .environment = PP_ENVIRONMENT_BELIEVED, .decode = true,                                    \
        .executables = PP_EXECUTABLES_SKIP, .memory_len = PP_MEMORY_DEFAULT, .jobs = 1             \
    }

struct pp_session {
    struct pp_session_options options;
    int root;
    char *root_path; /* absolute, without a trailing slash: "" for the root of the system */
    int64_t became;  /* user that root became, since the tree is theirs; 0: nothing of that kind */
    struct pp_table table;
    struct pp_err table_problem;          /* of a table that could not be added; else PP_ERR_NONE */
    struct pp_envfile env_file;           /* of the options */
    bool disbelieved[PP_PLACEHOLDER_MAX]; /* PP_ENVIRONMENT_CHECKED: variables that do not count */
    struct pp_envfile recorded;           /* the values recorded for this root */
    struct pp_values values;
    struct pp_values was; /* when options.was is set */
    char *state;          /* as open(2) takes it */
    char *admindir;       /* the same */
    bool moved;           /* dpkg works where the values say, and not on the default path */
    int ignored; /* PP_ENVIRONMENT_CHECKED: a placeholder whose variable was not believed; -1 */
    struct pp_matcher *matcher;
    struct pp_budget budget;
    struct pp_helpers helpers;
    struct pp_policy policy;
};

/* The session is initialised by this and done with pp_session_done(), also after an error. */
int pp_session_open(struct pp_session *session, const struct pp_session_options *options,
                    struct pp_err *err);
void pp_session_done(struct pp_session *session);
#define PP_AUTO_SESSION PP_AUTO(pp_session_done)

/* Once the state is locked: where another run has recorded other values since the session was
 * opened, they count, and what differs from them is refused as it would have been. */
int pp_session_refresh(struct pp_session *session, struct pp_err *err);

/* Is a package with this word in its field Dynamic-Variables patched: "yes", or a table's name? */
bool pp_session_serves(const struct pp_session *session, const char *variables);

/* A path of the default rootfs, where it is below the root: moved by the values where dpkg works
 * there or where that exists, else as it is. Relative to the root; the caller's to free. NULL: out
 * of memory. */
char *pp_session_locate(const struct pp_session *session, const char *path);

/* Appends the options, each after a space and quoted for a shell, that lead another command to the
 * same root. */
int pp_session_words(const struct pp_session *session, struct pp_buffer *words, struct pp_err *err);

#endif
