/* pathpatch pad: plain default paths become padded placeholders. */
#include "pad/pad.h"

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/lint_output.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/paths.h"

#include <stdio.h>

/* What is left as it is, and why: what lint says now. */
static int tell_what_is_left(struct pp_lint_output *self, struct pp_session *session,
                             const struct pp_paths *paths, struct pp_tally *tally,
                             struct pp_err *err) {
    PP_AUTO_SUPPRESSIONS struct pp_suppressions none = PP_SUPPRESSIONS_INIT;
    PP_AUTO_LINT struct pp_lint lint = {.matcher = NULL};
    int rc = pp_lint_init(&lint, session, &none, &self->reporter, err);

    for (size_t i = 0; rc >= 0 && i < paths->count; i++)
        rc = pp_lint_path(&lint, paths->items[i], err);
    tally->skipped += lint.tally.notes[PP_SEVERITY_ERROR] + lint.tally.notes[PP_SEVERITY_WARNING];
    return rc;
}

static int pad_paths(struct pp_options *options, struct pp_lint_output *self,
                     struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_PATHS struct pp_paths paths = {NULL, 0};
    PP_AUTO_PAD struct pp_pad pad = {.linked = NULL};
    int rc;

    /* What is shipped does not depend on what is installed here. */
    options->session.fresh = options->session.alone = true;
    options->session.environment = PP_ENVIRONMENT_IGNORED;
    if (pp_session_open(&session, &options->session, err) < 0 ||
        pp_paths_collect(&paths, options, &session, err) < 0)
        return -(int)err->kind;
    pp_output_open(&self->output, &session);
    self->table = &session.table;
    pp_pad_init(&pad, &session, options->dry_run, &self->output.reporter);
    for (size_t i = 0; i < paths.count; i++) {
        rc = pp_pad_path(&pad, paths.items[i], tally, err);
        if (rc < 0)
            return rc;
    }
    return options->dry_run || options->quiet
               ? 0
               : tell_what_is_left(self, &session, &paths, tally, err);
}

static int run_pad(int argc, char **argv) {
    PP_AUTO_OPTIONS struct pp_options options;
    struct pp_tally tally = {0};
    struct pp_lint_output self;
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&options);
    rc = pp_options_parse(&options, &pp_command_pad, &options, argc, argv, &err);
    pp_lint_output_init(&self, &options, argv[0]);
    self.output.pads = true;
    if (rc == 0)
        return PP_EXIT_DONE;
    if (rc > 0)
        rc = pad_paths(&options, &self, &tally, &err);
    return rc < 0 ? pp_output_fail(&self.output, &err) : pp_output_end(&self.output, &tally);
}

const struct pp_command pp_command_pad = {
    .name = "pad",
    .summary = "turn plain default paths into padded placeholders",
    .arguments = "PATH...",
    .description =
        "For the end of a package's build: pads default paths in the text, compressed\n"
        "text and symlinks of trees and packages. Programs and binary files stay as they\n"
        "are; what is left is told as lint does.",
    .takes = PP_TAKES_TABLE | PP_TAKES_PATHS | PP_TAKES_DRY_RUN | PP_TAKES_WORK | PP_TAKES_JSON |
             PP_TAKES_QUIET | PP_TAKES_TERMINAL,
    .argument_max = PP_ARGUMENTS_ANY,
    .run = run_pad,
};
