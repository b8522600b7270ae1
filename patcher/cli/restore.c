/* pathpatch restore: back to the bytes as shipped. */
#include "dpkg/restore.h"

#include "base/cleanup.h"
#include "cli/announcer.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/paths.h"

#include <stdio.h>

static int restore(struct pp_options *common, struct pp_restore_options *options,
                   struct pp_output *output, struct pp_announcer *announcer, struct pp_tally *tally,
                   struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_RECORD struct pp_record record = {.journal = NULL};
    PP_AUTO_PATHS struct pp_paths paths = {NULL, 0};
    struct pp_record_options record_options = {.dry_run = common->dry_run,
                                               .always_replace = common->always_replace,
                                               .durability = common->durability,
                                               .reporter = &output->reporter};

    if (pp_announcer_open(announcer, &common->notify, output, tally, err) < 0 ||
        pp_session_open(&session, &common->session, err) < 0 ||
        pp_announcer_state(announcer, session.state, err) < 0)
        return -(int)err->kind;
    /* A package alone means its files everywhere. */
    if ((options->package == NULL || common->argument_count > 0 || common->files_from != NULL) &&
        pp_paths_collect(&paths, common, &session, err) < 0)
        return -(int)err->kind;
    pp_output_open(output, &session);
    options->paths = paths.items;
    options->path_count = paths.count;
    if (pp_confine_session(
            (struct pp_sandbox){.programs = true, .sockets = common->notify.address != NULL},
            &session, common->dry_run, output, err) < 0)
        return -(int)err->kind;
    pp_announcer_start(announcer);
    if (pp_record_open(&record, &session, &record_options, err) < 0)
        return -(int)err->kind;
    return pp_restore(&record, options, tally, err);
}

static int run_restore(int argc, char **argv) {
    PP_AUTO_OPTIONS struct pp_options common;
    PP_AUTO_ANNOUNCER struct pp_announcer announcer = PP_ANNOUNCER_INIT;
    struct pp_restore_options options = {.package = NULL};
    struct pp_tally tally = {0};
    struct pp_output output;
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&common);
    /* What was shipped does not depend on the values of the moment. */
    common.session.revalue = true;
    rc = pp_options_parse(&common, &pp_command_restore, &options, argc, argv, &err);
    pp_output_init(&output, &common, argv[0]);
    output.restores = true;
    if (rc == 0)
        return PP_EXIT_DONE;
    if (rc > 0)
        rc = restore(&common, &options, &output, &announcer, &tally, &err);
    return pp_announcer_end(&announcer, rc < 0 ? pp_output_fail(&output, &err)
                                               : pp_output_end(&output, &tally));
}

static const struct pp_option own_options[] = {
    {"package", "NAME", "only files of this package, NAME or NAME:ARCH", pp_take_text,
     .offset = offsetof(struct pp_restore_options, package)},
    {"conffiles", NULL, "conffiles, too: dpkg will find them changed", pp_take_flag,
     .offset = offsetof(struct pp_restore_options, conffiles)},
    {0},
};

const struct pp_command pp_command_restore = {
    .name = "restore",
    .summary = "put files back as shipped",
    .arguments = "PATH...\n--package NAME [PATH]...",
    .description = "Puts patched files back to the bytes as shipped. A PATH stands for all below\n"
                   "it, the root for everything. What was changed since then is left: status 1.",
    .takes = PP_TAKES_SESSION | PP_TAKES_PATHS | PP_TAKES_DRY_RUN | PP_TAKES_DURABILITY |
             PP_TAKES_REPLACE | PP_TAKES_WORK | PP_TAKES_ANNOUNCER | PP_TAKES_JSON |
             PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .options = own_options,
    .argument_max = PP_ARGUMENTS_ANY,
    .run = run_restore,
};
