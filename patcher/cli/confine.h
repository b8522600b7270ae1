/* Enters the sandbox (base/sandbox.h) with what the rest of a command needs. */
#ifndef PP_CLI_CONFINE_H
#define PP_CLI_CONFINE_H

#include "base/sandbox.h"
#include "cli/output.h"
#include "core/session.h"

/* What is not confined on this kernel is told with --verbose. Before locks are taken: there may be
 * a broker from here on, which has copies of all that is open. */
int pp_confine(const struct pp_sandbox *sandbox, struct pp_output *output, struct pp_err *err);

/* For what uses the state of the session's root, and changes files unless it is a dry run. The
 * folders of `sandbox` are found: root, state and dpkg's database. */
int pp_confine_session(struct pp_sandbox sandbox, const struct pp_session *session, bool dry_run,
                       struct pp_output *output, struct pp_err *err);

#endif
