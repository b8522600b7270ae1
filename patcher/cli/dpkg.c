/* pathpatch dpkg: what the hook calls. Root and database come from dpkg's environment. */
#include "dpkg/dpkg.h"

#include "base/cleanup.h"
#include "base/sandbox.h"
#include "cli/announcer.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/options.h"
#include "cli/output.h"
#include "ledger/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* dpkg waits for it. The spool keeps what an app that is not there does not take. */
#define NOTIFY_TIMEOUT_MS 1000

/* What the hook works with, in the order in which it is opened. */
struct hook_run {
    struct pp_options options;
    struct pp_output output;
    struct pp_announcer announcer;
    struct pp_tally tally;
    struct pp_envfile environment; /* STATE/environment */
};

/* An empty variable counts as none: dpkg sets DPKG_ROOT to "" for the root of the system. */
static const char *variable(const char *name) {
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Whom to tell: the env-file of the state says it, where no option does. Failing to tell, for
 * whatever reason, does not fail the hook. */
static void open_announcer(struct hook_run *run, const char *state) {
    PP_AUTO_FREE char *path = NULL;
    struct pp_err err = PP_ERR_INIT;
    int rc = 0;

    if (asprintf(&path, "%s/" PP_STATE_ENVIRONMENT, state) < 0) {
        path = NULL;
        return;
    }
    if (run->options.notify.address == NULL && access(path, F_OK) == 0) {
        rc = pp_envfile_load(&run->environment, path, &err);
        if (rc >= 0)
            rc = pp_notify_options_get(&run->options.notify, &run->environment, &err);
    }
    if (rc >= 0)
        rc = pp_announcer_open(&run->announcer, &run->options.notify, &run->output, &run->tally,
                               &err);
    if (rc >= 0)
        rc = pp_announcer_state(&run->announcer, state, &err);
    if (rc < 0)
        pp_output_message(&run->output, "%s", err.text);
}

/* Goes into the sandbox and opens the record, and asks dpkg meanwhile. dpkg-query is no program for
 * the sandbox, but where another run had the lock: then what it knew is old. */
static int open_record(struct hook_run *run, struct pp_session *session, struct pp_record *record,
                       struct pp_dpkg_query *query, const char *package, struct pp_err *err) {
    const struct pp_options *options = &run->options;
    const struct pp_record_options record_options = {.always_replace = options->always_replace,
                                                     .renew_ledger = true,
                                                     .durability = options->durability,
                                                     .reporter = &run->output.reporter};
    int rc = pp_dpkg_query_start(query, session->admindir, package, err);

    if (rc >= 0)
        rc = pp_confine_session((struct pp_sandbox){.programs = true, .sockets = true}, session,
                                false, &run->output, err);
    if (rc >= 0)
        rc = pp_record_open(record, session, &record_options, err);
    if (rc >= 0 && record->waited)
        rc = pp_dpkg_query_start(query, session->admindir, package, err);
    pp_sandbox_end_programs();
    return rc;
}

static int run_hook(struct hook_run *run, const char *package, struct pp_err *err) {
    const struct pp_options *options = &run->options;
    struct pp_output *output = &run->output;
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_RECORD struct pp_record record = {.journal = NULL};
    PP_AUTO_DPKG_QUERY struct pp_dpkg_query query = PP_DPKG_QUERY_INIT;

    if (pp_session_open(&session, &options->session, err) < 0)
        return -(int)err->kind;
    pp_output_open(output, &session);
    session.policy.leave_debs = true;
    if (session.ignored >= 0)
        pp_output_message(output,
                          "%s in the environment names another folder than the one that dpkg works "
                          "in; the recorded values hold",
                          session.table.placeholders[session.ignored].name);
    if (pp_values_are_default(&session.values) && session.recorded.count == 0)
        return 0;
    if (open_record(run, &session, &record, &query, package, err) < 0)
        return -(int)err->kind;
    if (package != NULL)
        return pp_dpkg_prepare(&record, &query, &run->tally, err);
    open_announcer(run, session.state);
    return pp_dpkg_trigger(&record, &query, strcmp(options->arguments[0], "configure") == 0,
                           &run->tally, err);
}

/* `package` is NULL for all but prepare. */
static int take_action(const struct pp_options *options, const char **package, struct pp_err *err) {
    const char *action = options->arguments[0];
    bool prepare = strcmp(action, "prepare") == 0;

    if (!prepare && strcmp(action, "trigger") != 0 && strcmp(action, "configure") != 0)
        return pp_err_set(err, PP_ERR_USAGE, "%s: no such action; see pathpatch dpkg --help",
                          action);
    if (options->argument_count != (prepare ? 2 : 1))
        return pp_err_set(err, PP_ERR_USAGE, "%s: give it %s", action,
                          prepare ? "one PACKAGE" : "no PACKAGE");
    *package = prepare ? options->arguments[1] : NULL;
    return 0;
}

/* Returns the exit status. */
static int end_hook(struct hook_run *run, int rc, const struct pp_err *err) {
    const struct pp_options *options = &run->options;
    const struct pp_tally *tally = &run->tally;
    int status = tally->left > 0 ? PP_EXIT_FINDINGS : PP_EXIT_DONE;

    if (rc < 0)
        status = pp_output_fail(&run->output, err);
    else if (options->json || options->verbose || tally->patched > 0 || tally->left > 0)
        status = pp_output_end(&run->output, tally);
    status = pp_announcer_end(&run->announcer, status);
    /* Files that are left do not fail the hook: the packages would stay unconfigured. */
    return rc < 0 ? status : PP_EXIT_DONE;
}

static int run_dpkg(int argc, char **argv) {
    struct hook_run run = {.announcer = PP_ANNOUNCER_INIT, .environment = PP_ENVFILE_INIT};
    struct pp_options *options = &run.options;
    struct pp_err err = PP_ERR_INIT;
    const char *package = NULL;
    int status = PP_EXIT_DONE;
    int rc;

    pp_options_init(options);
    options->session.root = variable("DPKG_ROOT");
    options->session.admindir = variable("DPKG_ADMINDIR");
    options->session.environment = PP_ENVIRONMENT_CHECKED;
    options->session.revalue = true;
    options->notify.timeout_ms = NOTIFY_TIMEOUT_MS;
    run.announcer.is_hook = true;
    rc = pp_options_parse(options, &pp_command_dpkg, NULL, argc, argv, &err);
    pp_output_init(&run.output, options, "dpkg");
    run.output.quiet_files = !options->verbose;
    if (rc != 0) {
        if (rc > 0)
            rc = take_action(options, &package, &err);
        if (rc >= 0)
            rc = run_hook(&run, package, &err);
        status = end_hook(&run, rc, &err);
    }
    pp_announcer_done(&run.announcer);
    pp_envfile_done(&run.environment);
    pp_options_done(options);
    return status;
}

const struct pp_command pp_command_dpkg = {
    .name = "dpkg",
    .summary = "called by the dpkg hook",
    .arguments = "trigger|configure\nprepare PACKAGE",
    .description =
        "Called by maintainer scripts. trigger patches every package that changed since\n"
        "the last run; configure looks at all of them; prepare puts conffiles to what\n"
        "dpkg expects before an upgrade. Root and database are those of DPKG_ROOT and\n"
        "DPKG_ADMINDIR, unless given. Whom to tell may also stand in STATE/environment:\n"
        "PATHPATCH_NOTIFY=ADDRESS, and _TOKEN_FILE, _PEER_UIDS, _PAYLOAD, _EXPECT.",
    .takes = PP_TAKES_SESSION | PP_TAKES_WAS | PP_TAKES_DURABILITY | PP_TAKES_REPLACE |
             PP_TAKES_CONTENT | PP_TAKES_WORK | PP_TAKES_ANNOUNCER | PP_TAKES_JSON |
             PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .argument_min = 1,
    .argument_max = 2,
    .internal = true,
    .run = run_dpkg,
};
