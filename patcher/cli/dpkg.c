/* pathpatch dpkg: what the hook calls. Root and database come from dpkg's environment. */
#include "dpkg/dpkg.h"

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An empty variable counts as none: dpkg sets DPKG_ROOT to "" for the root of the system. */
static const char *variable(const char *name) {
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static int run_hook(struct pp_options *options, struct pp_output *output, const char *what,
                    const char *package, struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_RECORD struct pp_record record = {.journal = NULL};
    struct pp_record_options record_options = {.always_replace = options->always_replace,
                                               .durability = options->durability,
                                               .reporter = &output->reporter};

    if (pp_session_open(&session, &options->session, err) < 0)
        return -(int)err->kind;
    output->table = &session.table;
    session.policy.leave_debs = true;
    if (session.ignored >= 0)
        pp_output_message(output,
                          "%s in the environment names another folder than the one that dpkg works "
                          "in; the recorded values hold",
                          session.table.placeholders[session.ignored].name);
    if (pp_values_are_default(&session.values) && session.recorded.count == 0)
        return 0;
    if (pp_record_open(&record, &session, &record_options, err) < 0)
        return -(int)err->kind;
    if (package != NULL)
        return pp_dpkg_prepare(&record, package, tally, err);
    return pp_dpkg_trigger(&record, strcmp(what, "configure") == 0, tally, err);
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

static int run_dpkg(int argc, char **argv) {
    PP_AUTO_OPTIONS struct pp_options options;
    struct pp_tally tally = {0};
    struct pp_output output;
    struct pp_err err = PP_ERR_INIT;
    const char *package;
    int rc;

    pp_options_init(&options);
    options.session.root = variable("DPKG_ROOT");
    options.session.admindir = variable("DPKG_ADMINDIR");
    options.session.environment = PP_ENVIRONMENT_CHECKED;
    options.session.revalue = true;
    rc = pp_options_parse(&options, &pp_command_dpkg, NULL, argc, argv, &err);
    pp_output_init(&output, &options, "dpkg");
    output.quiet_files = !options.verbose;
    if (rc == 0)
        return PP_EXIT_DONE;
    if (rc > 0)
        rc = take_action(&options, &package, &err);
    if (rc >= 0)
        rc = run_hook(&options, &output, options.arguments[0], package, &tally, &err);
    if (rc < 0)
        return pp_output_fail(&output, &err);
    /* Files that are left do not fail the hook: the packages would stay unconfigured. */
    if (options.json || options.verbose || tally.patched > 0 || tally.left > 0)
        pp_output_end(&output, &tally);
    return PP_EXIT_DONE;
}

const struct pp_command pp_command_dpkg = {
    .name = "dpkg",
    .summary = "called by the dpkg hook",
    .arguments = "trigger|configure\nprepare PACKAGE",
    .description =
        "Called by maintainer scripts. trigger patches every package that changed since\n"
        "the last run; configure looks at all of them; prepare puts conffiles to what\n"
        "dpkg expects before an upgrade. Root and database are those of DPKG_ROOT and\n"
        "DPKG_ADMINDIR, unless given.",
    .takes = PP_TAKES_SESSION | PP_TAKES_WAS | PP_TAKES_DURABILITY | PP_TAKES_REPLACE |
             PP_TAKES_CONTENT | PP_TAKES_WORK | PP_TAKES_JSON | PP_TAKES_QUIET | PP_TAKES_VERBOSE |
             PP_TAKES_TERMINAL,
    .argument_min = 1,
    .argument_max = 2,
    .internal = true,
    .run = run_dpkg,
};
