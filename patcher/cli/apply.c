/* pathpatch apply, pathpatch scan: over paths that are named on the command line. */
#include "core/apply.h"

#include "base/cleanup.h"
#include "base/whole_file.h"
#include "cli/announcer.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/paths.h"
#include "core/revalue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int apply_paths(struct pp_options *options, struct pp_output *output,
                       struct pp_announcer *announcer, struct pp_session *session,
                       const struct pp_apply_options *apply, struct pp_tally *tally,
                       struct pp_err *err) {
    PP_AUTO_RECORD struct pp_record record = {.journal = NULL};
    struct pp_record_options record_options = {.dry_run = options->dry_run,
                                               .always_replace = options->always_replace,
                                               .renew_ledger = !options->dry_run,
                                               .durability = options->durability,
                                               .reporter = &output->reporter};

    session->policy.leave_debs = true;
    /* A root that has recorded values may have something to put back to the defaults. */
    if (pp_values_are_default(&session->values) && session->recorded.count == 0 &&
        session->options.was == NULL) {
        pp_announcer_start(announcer);
        pp_output_message(output,
                          "every value is the default: there is nothing to write; give one with "
                          "--set %s=VALUE, --env-file FILE or the environment",
                          session->table.placeholders[0].name);
        return 0;
    }
    if (pp_confine_session((struct pp_sandbox){.sockets = options->notify.address != NULL}, session,
                           options->dry_run, output, err) < 0)
        return -(int)err->kind;
    pp_announcer_start(announcer);
    if (pp_record_open(&record, session, &record_options, err) < 0 ||
        pp_revalue(&record, tally, err) < 0)
        return -(int)err->kind;
    return pp_apply(&record, apply, tally, err);
}

static bool is_standard_input(const struct pp_options *options) {
    return options->argument_count == 1 && strcmp(options->arguments[0], "-") == 0;
}

static int scan_input(const struct pp_session *session, struct pp_output *output,
                      struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO_WHOLE_INPUT struct pp_whole_input in = PP_WHOLE_INPUT_INIT;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;

    if (pp_whole_input_open(&in, "-", err) < 0 ||
        pp_content_scan(&session->policy, &in.blob, 0, &findings, err) < 0)
        return -(int)err->kind;
    tally->files++;
    tally->closed += findings.closed;
    if (findings.count > 0 || findings.problem_count > 0)
        pp_report_tell(&(struct pp_report){.path = "-", .findings = &findings}, &output->reporter,
                       tally);
    return 0;
}

static int run_paths(struct pp_options *options, struct pp_output *output,
                     struct pp_announcer *announcer, bool writing, struct pp_tally *tally,
                     struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_PATHS struct pp_paths paths = {NULL, 0};
    PP_AUTO_FREE struct pp_apply_path *list = NULL;
    struct pp_apply_options apply = {.mode = PP_WALKER_TREE};

    if (pp_announcer_open(announcer, &options->notify, output, tally, err) < 0 ||
        pp_session_open(&session, &options->session, err) < 0 ||
        pp_announcer_state(announcer, session.state, err) < 0)
        return -(int)err->kind;
    output->table = &session.table;
    if (!writing && pp_confine(&(struct pp_sandbox){.folders = NULL}, output, err) < 0)
        return -(int)err->kind;
    if (!writing && is_standard_input(options))
        return scan_input(&session, output, tally, err);
    pp_output_open(output, &session);
    if (pp_paths_collect(&paths, options, &session, err) < 0)
        return -(int)err->kind;
    list = calloc(paths.count, sizeof(*list));
    if (list == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < paths.count; i++)
        list[i] = (struct pp_apply_path){.path = paths.items[i], .package = ""};
    apply.paths = list;
    apply.path_count = paths.count;
    return writing ? apply_paths(options, output, announcer, &session, &apply, tally, err)
                   : pp_scan(&session, &apply, &output->reporter, tally, err);
}

static int run_command(const struct pp_command *command, int argc, char **argv, bool writing) {
    PP_AUTO_OPTIONS struct pp_options options;
    PP_AUTO_ANNOUNCER struct pp_announcer announcer = PP_ANNOUNCER_INIT;
    struct pp_tally tally = {0};
    struct pp_output output;
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&options);
    /* Looking does not depend on what this root was patched with. */
    options.session.revalue = !writing;
    rc = pp_options_parse(&options, command, &options, argc, argv, &err);
    pp_output_init(&output, &options, argv[0]);
    output.list_hits = !writing;
    if (rc == 0)
        return PP_EXIT_DONE;
    if (rc > 0)
        rc = run_paths(&options, &output, &announcer, writing, &tally, &err);
    return pp_announcer_end(&announcer, rc < 0 ? pp_output_fail(&output, &err)
                                               : pp_output_end(&output, &tally));
}

static int run_apply(int argc, char **argv) {
    return run_command(&pp_command_apply, argc, argv, true);
}

static int run_scan(int argc, char **argv) {
    return run_command(&pp_command_scan, argc, argv, false);
}

static const struct pp_option apply_options[] = {
    {"revalue", NULL, "values may differ from those of the last run", pp_take_flag,
     .offset = offsetof(struct pp_options, session.revalue)},
    {0},
};

const struct pp_command pp_command_apply = {
    .name = "apply",
    .summary = "patch files and trees in place",
    .arguments = "PATH...",
    .description = "Writes the values over the placeholders in files and trees, and records it.",
    .takes = PP_TAKES_SESSION | PP_TAKES_WAS | PP_TAKES_PATHS | PP_TAKES_DRY_RUN |
             PP_TAKES_DURABILITY | PP_TAKES_REPLACE | PP_TAKES_CONTENT | PP_TAKES_WORK |
             PP_TAKES_ANNOUNCER | PP_TAKES_JSON | PP_TAKES_QUIET | PP_TAKES_VERBOSE |
             PP_TAKES_TERMINAL,
    .options = apply_options,
    .argument_max = PP_ARGUMENTS_ANY,
    .run = run_apply,
};

const struct pp_command pp_command_scan = {
    .name = "scan",
    .summary = "list every placeholder",
    .arguments = "PATH...",
    .description =
        "Lists every placeholder in files, trees and archives, a line each:\n"
        "PATH!MEMBER:OFFSET: NAME. An offset is one in the decoded bytes. - is standard\n"
        "input.",
    .takes = PP_TAKES_SESSION | PP_TAKES_PATHS | PP_TAKES_CONTENT | PP_TAKES_WORK | PP_TAKES_JSON |
             PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .argument_max = PP_ARGUMENTS_ANY,
    .run = run_scan,
};
