/* pathpatch lint: what a maintainer must mend. */
#include "lint/lint.h"

#include "base/cleanup.h"
#include "base/whole_file.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/lint_output.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/paths.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct lint_request {
    struct pp_options common;
    const char *explain;
    const char *suppressions;
};

/* ---- explanations ---- */

static int explain(const char *code, struct pp_err *err) {
    const struct pp_rule *rule = pp_rule_find(code);

    if (strcasecmp(code, "all") == 0) {
        for (size_t i = 1; i < PP_RULE_COUNT; i++)
            printf("%s  %-7s  %s\n", pp_rule(i)->code, pp_severity_name(pp_rule(i)->severity),
                   pp_rule(i)->summary);
        return 0;
    }
    if (rule == NULL)
        return pp_err_set(err, PP_ERR_USAGE, "--explain: '%s' is no code; all lists them", code);
    printf("%s (%s): %s\n\n%s\n", rule->code, pp_severity_name(rule->severity), rule->summary,
           rule->explanation);
    return 0;
}

/* ---- the end ---- */

static void put_unused(struct pp_lint_output *self, const struct lint_request *request,
                       const struct pp_suppressions *suppressions) {
    for (size_t i = 0; i < suppressions->count; i++) {
        const struct pp_suppression *item = &suppressions->items[i];

        if (!item->used)
            pp_output_message(&self->output,
                              "%s:%u: there is nothing of %s in '%s'; take the line out",
                              request->suppressions, item->line, item->rule->code, item->glob);
    }
}

static void put_summary_json(struct pp_lint_output *self, const struct pp_lint_tally *tally) {
    json_t *object = pp_output_json_summary(&self->output, tally->files);

    pp_output_json_set(&object, "placeholders", json_integer((json_int_t)tally->placeholders));
    pp_output_json_set(&object, "errors",
                       json_integer((json_int_t)tally->notes[PP_SEVERITY_ERROR]));
    pp_output_json_set(&object, "warnings",
                       json_integer((json_int_t)tally->notes[PP_SEVERITY_WARNING]));
    pp_output_json_set(&object, "infos", json_integer((json_int_t)tally->notes[PP_SEVERITY_INFO]));
    pp_output_json_set(&object, "suppressed", json_integer((json_int_t)tally->suppressed));
    pp_output_json_set(&object, "closed", json_integer((json_int_t)tally->closed));
    pp_output_json(&self->output, object);
}

static int put_summary(struct pp_lint_output *self, const struct pp_lint_tally *tally) {
    uint64_t errors = tally->notes[PP_SEVERITY_ERROR];
    uint64_t warnings = tally->notes[PP_SEVERITY_WARNING];
    uint64_t infos = tally->notes[PP_SEVERITY_INFO];

    pp_output_clear(&self->output);
    if (self->output.options->json)
        put_summary_json(self, tally);
    else if (!self->output.options->quiet) {
        printf("%llu file%s, %llu placeholder%s, %llu error%s, %llu warning%s, %llu info%s, %llu "
               "suppressed, ",
               (unsigned long long)tally->files, PP_PLURAL(tally->files),
               (unsigned long long)tally->placeholders, PP_PLURAL(tally->placeholders),
               (unsigned long long)errors, PP_PLURAL(errors), (unsigned long long)warnings,
               PP_PLURAL(warnings), (unsigned long long)infos, PP_PLURAL(infos),
               (unsigned long long)tally->suppressed);
        pp_output_put_end(&self->output, tally->closed);
    }
    return pp_output_status(&self->output, errors + warnings > 0 ? PP_EXIT_FINDINGS : PP_EXIT_DONE);
}

/* ---- the command ---- */

static bool is_standard_input(const struct pp_options *options) {
    return options->argument_count == 1 && strcmp(options->arguments[0], "-") == 0;
}

static int lint_input(struct pp_lint *lint, struct pp_err *err) {
    PP_AUTO_WHOLE_INPUT struct pp_whole_input in = PP_WHOLE_INPUT_INIT;

    if (pp_whole_input_open(&in, "-", err) < 0)
        return -(int)err->kind;
    return pp_lint_blob(lint, "-", &in.blob, err);
}

static int lint_paths(struct pp_lint *lint, const struct pp_options *options, struct pp_err *err) {
    PP_AUTO_PATHS struct pp_paths paths = {NULL, 0};
    int rc = pp_paths_collect(&paths, options, lint->session, err);

    for (size_t i = 0; rc >= 0 && i < paths.count; i++)
        rc = pp_lint_path(lint, paths.items[i], err);
    return rc;
}

/* Returns the exit status, or an error. */
static int lint_all(struct lint_request *request, struct pp_lint_output *self, struct pp_err *err) {
    struct pp_options *options = &request->common;
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_SUPPRESSIONS struct pp_suppressions suppressions = PP_SUPPRESSIONS_INIT;
    PP_AUTO_LINT struct pp_lint lint = {.matcher = NULL};
    int rc;

    /* What is shipped does not depend on what is installed here. */
    options->session.fresh = options->session.alone = true;
    options->session.environment = PP_ENVIRONMENT_IGNORED;
    if (pp_session_open(&session, &options->session, err) < 0 ||
        (request->suppressions != NULL &&
         pp_suppressions_load(&suppressions, request->suppressions, err) < 0) ||
        pp_confine(&(struct pp_sandbox){.folders = NULL}, &self->output, err) < 0 ||
        pp_lint_init(&lint, &session, &suppressions, &self->reporter, err) < 0)
        return -(int)err->kind;
    self->table = &session.table;
    if (!is_standard_input(options))
        pp_output_open(&self->output, &session);
    rc = is_standard_input(options) ? lint_input(&lint, err) : lint_paths(&lint, options, err);
    if (rc < 0)
        return rc;
    put_unused(self, request, &suppressions);
    return put_summary(self, &lint.tally);
}

static int run_lint(int argc, char **argv) {
    struct lint_request request = {.explain = NULL};
    struct pp_lint_output self;
    struct pp_err err = PP_ERR_INIT;
    int status = PP_EXIT_DONE;
    int rc;

    pp_options_init(&request.common);
    rc = pp_options_parse(&request.common, &pp_command_lint, &request, argc, argv, &err);
    pp_lint_output_init(&self, &request.common, argv[0]);
    if (rc > 0)
        rc = status = request.explain != NULL ? explain(request.explain, &err)
                                              : lint_all(&request, &self, &err);
    if (rc < 0)
        status = pp_output_fail(&self.output, &err);
    pp_options_done(&request.common);
    return status;
}

static const struct pp_option own_options[] = {
    {"explain", "CODE", "what a code means; all: the list of them", pp_take_text,
     .offset = offsetof(struct lint_request, explain)},
    {"suppressions", "FILE", "what is known: lines of a code and a path", pp_take_text,
     .offset = offsetof(struct lint_request, suppressions)},
    {0},
};

const struct pp_command pp_command_lint = {
    .name = "lint",
    .summary = "what a maintainer must mend before shipping",
    .arguments = "PATH...",
    .description =
        "Looks in files, trees, archives and packages for what keeps a default path\n"
        "from being patched: missing padding, programs, formats that cannot be patched.\n"
        "- is standard input. Status 1 when there are errors or warnings.",
    .takes = PP_TAKES_TABLE | PP_TAKES_PATHS | PP_TAKES_CONTENT | PP_TAKES_WORK | PP_TAKES_JSON |
             PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .options = own_options,
    .argument_max = PP_ARGUMENTS_ANY,
    .run = run_lint,
};
