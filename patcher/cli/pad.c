/* pathpatch pad: plain default paths become padded placeholders. */
#include "pad/pad.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/lint_output.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/paths.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Errors are told when they come up; lint, which has the last word, would tell them again. */
struct pad_output {
    struct pp_lint_output lint;
    char **told; /* places with an error, as they are printed: PATH or PATH!MEMBER */
    size_t told_count;
    size_t told_again;
    bool out_of_memory;
};

static char *place_of(const char *path, const char *member) {
    char *place;

    return asprintf(&place, "%s%s%s", path, member[0] != '\0' ? "!" : "", member) < 0 ? NULL
                                                                                      : place;
}

static void note_told(struct pad_output *self, const char *path, const char *member) {
    char **grown = pp_array_resize(self->told, self->told_count + 1, sizeof(*grown));

    if (grown != NULL)
        self->told = grown;
    if (grown == NULL || (grown[self->told_count] = place_of(path, member)) == NULL)
        self->out_of_memory = true;
    else
        self->told_count++;
}

static void on_padded(void *context, const struct pp_report *report) {
    struct pad_output *self = context;
    const struct pp_findings *findings = report->findings;
    struct pp_output *output = &self->lint.output;

    if (report->err != NULL)
        note_told(self, report->path, "");
    for (size_t i = 0; findings != NULL && i < findings->problem_count; i++)
        note_told(self, report->path, findings->problems[i].path);
    output->reporter.report(output->reporter.context, report);
}

static bool was_told(const struct pad_output *self, const char *path, const struct pp_note *note) {
    PP_AUTO_FREE char *place =
        pp_rule(note->rule) == pp_rule(PP_RULE_UNREAD) ? place_of(path, note->member) : NULL;

    for (size_t i = 0; place != NULL && i < self->told_count; i++)
        if (strcmp(self->told[i], place) == 0)
            return true;
    return false;
}

static void on_left(void *context, const struct pp_lint_report *report) {
    struct pad_output *self = context;
    PP_AUTO_FREE struct pp_note *notes = calloc(report->notes->count, sizeof(*notes));
    struct pp_notes rest = {.items = notes};

    if (notes == NULL) {
        self->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < report->notes->count; i++) {
        if (was_told(self, report->path, &report->notes->items[i]))
            self->told_again++;
        else
            rest.items[rest.count++] = report->notes->items[i];
    }
    if (rest.count > 0)
        self->lint.reporter.report(self->lint.reporter.context,
                                   &(struct pp_lint_report){report->path, &rest});
}

static void on_progress(void *context, uint64_t files, uint64_t total) {
    struct pad_output *self = context;

    self->lint.reporter.progress(self->lint.reporter.context, files, total);
}

/* What is left as it is, and why: what lint says now. */
static int tell_what_is_left(struct pad_output *self, struct pp_session *session,
                             const struct pp_paths *paths, struct pp_tally *tally,
                             struct pp_err *err) {
    PP_AUTO_SUPPRESSIONS struct pp_suppressions none = PP_SUPPRESSIONS_INIT;
    const struct pp_lint_reporter reporter = {
        .report = on_left, .progress = on_progress, .context = self};
    PP_AUTO_LINT struct pp_lint lint = {.matcher = NULL};
    int rc = pp_lint_init(&lint, session, &none, &reporter, err);

    for (size_t i = 0; rc >= 0 && i < paths->count; i++)
        rc = pp_lint_path(&lint, paths->items[i], err);
    tally->skipped += lint.tally.notes[PP_SEVERITY_ERROR] + lint.tally.notes[PP_SEVERITY_WARNING] -
                      self->told_again;
    return rc;
}

/* Opens the folder that is padded, or the one that a file is replaced in. */
static int open_folder(const struct pp_session *session, const char *path, struct pp_err *err) {
    PP_AUTO_FREE char *copy = strdup(path[0] != '\0' ? path : ".");
    char *slash;
    int fd;

    if (copy == NULL)
        return pp_err_nomem(err);
    fd = openat(session->root, copy, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    slash = strrchr(copy, '/');
    if (slash != NULL)
        *slash = '\0';
    if (fd < 0)
        fd = openat(session->root, slash != NULL ? copy : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? pp_err_sys(err, "%s: cannot open its folder", path) : fd;
}

static int confine(const struct pp_session *session, const struct pp_paths *paths,
                   struct pp_output *output, struct pp_err *err) {
    PP_AUTO_FREE int *folders = calloc(paths->count, sizeof(*folders));
    struct pp_sandbox sandbox = {.folders = folders};
    int rc = folders != NULL ? 0 : pp_err_nomem(err);

    for (size_t i = 0; rc >= 0 && i < paths->count && !output->options->dry_run; i++) {
        rc = folders[i] = open_folder(session, paths->items[i], err);
        sandbox.folder_count += rc >= 0 ? 1 : 0;
    }
    if (rc >= 0)
        rc = pp_confine(&sandbox, output, err);
    for (size_t i = 0; i < sandbox.folder_count; i++)
        close(folders[i]);
    return rc;
}

static int pad_paths(struct pp_options *options, struct pad_output *self, struct pp_tally *tally,
                     struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_PATHS struct pp_paths paths = {NULL, 0};
    const struct pp_reporter reporter = {
        .report = on_padded, .progress = on_progress, .context = self};
    PP_AUTO_PAD struct pp_pad pad = {.linked = NULL};
    int rc = 0;

    /* What is shipped does not depend on what is installed here. */
    options->session.fresh = options->session.alone = true;
    options->session.environment = PP_ENVIRONMENT_IGNORED;
    if (pp_session_open(&session, &options->session, err) < 0 ||
        pp_paths_collect(&paths, options, &session, err) < 0 ||
        confine(&session, &paths, &self->lint.output, err) < 0)
        return -(int)err->kind;
    pp_output_open(&self->lint.output, &session);
    self->lint.table = &session.table;
    pp_pad_init(&pad, &session, options->dry_run, &reporter);
    for (size_t i = 0; rc >= 0 && i < paths.count; i++)
        rc = pp_pad_path(&pad, paths.items[i], tally, err);
    if (rc >= 0 && !options->dry_run && !options->quiet)
        rc = tell_what_is_left(self, &session, &paths, tally, err);
    return rc >= 0 && self->out_of_memory ? pp_err_nomem(err) : rc;
}

static int run_pad(int argc, char **argv) {
    PP_AUTO_OPTIONS struct pp_options options;
    struct pp_tally tally = {0};
    struct pad_output self = {.told = NULL};
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&options);
    rc = pp_options_parse(&options, &pp_command_pad, &options, argc, argv, &err);
    pp_lint_output_init(&self.lint, &options, argv[0]);
    self.lint.output.pads = true;
    if (rc == 0)
        return PP_EXIT_DONE;
    if (rc > 0)
        rc = pad_paths(&options, &self, &tally, &err);
    for (size_t i = 0; i < self.told_count; i++)
        free(self.told[i]);
    free(self.told);
    return rc < 0 ? pp_output_fail(&self.lint.output, &err)
                  : pp_output_end(&self.lint.output, &tally);
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
             PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .argument_max = PP_ARGUMENTS_ANY,
    .run = run_pad,
};
