/* pathpatch apply, pathpatch scan: over paths that are named on the command line. */
#include "core/apply.h"

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/revalue.h"

#include <stdio.h>
#include <stdlib.h>

static const char apply_usage[] =
    "usage: pathpatch apply [OPTION]... PATH...\n"
    "\n"
    "Writes the values over the placeholders in files and trees, and records it.\n"
    "\n"
    "  --set NAME=VALUE, --env-file FILE   values; see also the environment\n"
    "  --revalue           values may differ from those that the root was patched with\n"
    "  --was NAME=VALUE    an older value that files hold of which nothing is recorded\n"
    "  --root DIR          the root that the paths lie below\n"
    "  --files-from FILE   more paths, a line each (- is standard input; -0: NUL)\n"
    "  -n, --dry-run       say what would change\n"
    "  --no-decode         leave compressed content closed\n"
    "  --json, --quiet, --jobs N, --durability=batch|none, --replace\n";

static const char scan_usage[] = "usage: pathpatch scan [OPTION]... PATH...\n"
                                 "\n"
                                 "Lists every placeholder in files, trees and archives.\n"
                                 "\n"
                                 "  --files-from FILE   more paths, a line each (-0: NUL)\n"
                                 "  --no-decode         leave compressed content closed\n"
                                 "  --json, --quiet, --jobs N, --root DIR\n";

static int apply_paths(struct pp_options *options, struct pp_output *output,
                       struct pp_session *session, const struct pp_apply_options *apply,
                       struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO_RECORD struct pp_record record = {.journal = NULL};
    struct pp_record_options record_options = {.dry_run = options->dry_run,
                                               .always_replace = options->always_replace,
                                               .durability = options->durability,
                                               .reporter = &output->reporter};

    session->policy.leave_debs = true;
    /* A root that has recorded values may have something to put back to the defaults. */
    if (pp_values_are_default(&session->values) && session->recorded.count == 0 &&
        session->options.was == NULL) {
        pp_output_message(output,
                          "every value is the default: there is nothing to write; give one with "
                          "--set %s=VALUE, --env-file FILE or the environment",
                          session->table.placeholders[0].name);
        return 0;
    }
    if (pp_record_open(&record, session, &record_options, err) < 0 ||
        pp_revalue(&record, tally, err) < 0)
        return -(int)err->kind;
    return pp_apply(&record, apply, tally, err);
}

static int run_paths(struct pp_options *options, struct pp_output *output, bool writing,
                     char *const *args, struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_PATHS struct pp_paths paths = {NULL, 0};
    PP_AUTO_FREE struct pp_apply_path *list = NULL;
    struct pp_apply_options apply = {.mode = PP_WALKER_TREE};

    if (pp_session_open(&session, &options->session, err) < 0 ||
        pp_paths_collect(&paths, options, &session, args, err) < 0)
        return -(int)err->kind;
    output->table = &session.table;
    list = calloc(paths.count, sizeof(*list));
    if (list == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < paths.count; i++)
        list[i] = (struct pp_apply_path){.path = paths.items[i], .package = ""};
    apply.paths = list;
    apply.path_count = paths.count;
    return writing ? apply_paths(options, output, &session, &apply, tally, err)
                   : pp_scan(&session, &apply, &output->reporter, tally, err);
}

static int run_command(int argc, char **argv, bool writing, const char *usage) {
    PP_AUTO_OPTIONS struct pp_options options;
    struct pp_tally tally = {0};
    struct pp_output output;
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&options);
    /* Looking does not depend on what this root was patched with. */
    options.session.revalue = !writing;
    rc = pp_options_parse(&options, argc, argv, &err);
    pp_output_init(&output, &options, argv[0]);
    output.list_hits = !writing;
    if (rc >= 0 && options.help) {
        fputs(usage, stdout);
        return PP_EXIT_DONE;
    }
    if (rc >= 0)
        rc = run_paths(&options, &output, writing, argv + optind, &tally, &err);
    return rc < 0 ? pp_output_fail(&output, &err) : pp_output_end(&output, &tally);
}

static int run_apply(int argc, char **argv) {
    return run_command(argc, argv, true, apply_usage);
}

static int run_scan(int argc, char **argv) {
    return run_command(argc, argv, false, scan_usage);
}

const struct pp_command pp_command_apply = {
    .name = "apply", .summary = "patch files and trees in place", .run = run_apply};
const struct pp_command pp_command_scan = {
    .name = "scan", .summary = "list every placeholder", .run = run_scan};
