/* The paths of a command: its arguments and --files-from. */
#ifndef PP_CLI_PATHS_H
#define PP_CLI_PATHS_H

#include "cli/options.h"
#include "core/session.h"

struct pp_paths {
    char **items;
    size_t count;
};
#define PP_AUTO_PATHS PP_AUTO(pp_paths_done)
void pp_paths_done(struct pp_paths *paths);

/* Collects them, relative to the session's root; sorted, and without those that are the same as
 * another one or lie below it. */
int pp_paths_collect(struct pp_paths *paths, const struct pp_options *options,
                     const struct pp_session *session, struct pp_err *err);

#endif
