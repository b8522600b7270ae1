/* pathpatch restore: back to the bytes as shipped. */
#include "dpkg/restore.h"

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

#include <stdio.h>

enum {
    OPTION_PACKAGE = 1,
    OPTION_CONFFILES,
};

static const struct option long_options[] = {
    PP_COMMON_LONG_OPTIONS,
    {"package", required_argument, NULL, OPTION_PACKAGE},
    {"conffiles", no_argument, NULL, OPTION_CONFFILES},
    {0},
};

static const char usage[] =
    "usage: pathpatch restore [OPTION]... PATH...\n"
    "       pathpatch restore [OPTION]... --package NAME [PATH]...\n"
    "\n"
    "Puts patched files back to the bytes as shipped. A PATH stands for all that is below it, the\n"
    "root for everything. Files that were changed since they were patched are left, with status "
    "1.\n"
    "\n"
    "  --package NAME      only files of this package (NAME or NAME:ARCH)\n"
    "  --conffiles         conffiles of packages, too: dpkg will find that they were changed\n"
    "  --root DIR, --state DIR, --admindir DIR\n"
    "  --files-from FILE   more paths, a line each (- is standard input; -0: NUL)\n"
    "  -n, --dry-run       say what would change\n"
    "  --json, --quiet, --jobs N, --durability=batch|none, --replace\n";

static int parse(struct pp_options *common, struct pp_restore_options *restore, int argc,
                 char **argv, struct pp_err *err) {
    int opt;

    while ((opt = getopt_long(argc, argv, PP_COMMON_SHORT_OPTIONS, long_options, NULL)) != -1) {
        int rc = pp_options_take(common, opt, optarg, err);

        if (rc < 0)
            return rc;
        if (rc > 0)
            continue;
        if (opt == OPTION_PACKAGE)
            restore->package = optarg;
        else if (opt == OPTION_CONFFILES)
            restore->conffiles = true;
        else
            return pp_err_set(err, PP_ERR_USAGE, "see pathpatch restore --help");
    }
    return 0;
}

static int restore(const struct pp_options *common, struct pp_restore_options *options,
                   struct pp_output *output, char *const *args, struct pp_tally *tally,
                   struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_RECORD struct pp_record record = {.journal = NULL};
    PP_AUTO_PATHS struct pp_paths paths = {NULL, 0};
    struct pp_record_options record_options = {.dry_run = common->dry_run,
                                               .always_replace = common->always_replace,
                                               .durability = common->durability,
                                               .reporter = &output->reporter};

    if (pp_session_open(&session, &common->session, err) < 0)
        return -(int)err->kind;
    /* A package alone means its files everywhere. */
    if ((options->package == NULL || args[0] != NULL || common->files_from != NULL) &&
        pp_paths_collect(&paths, common, &session, args, err) < 0)
        return -(int)err->kind;
    output->table = &session.table;
    options->paths = paths.items;
    options->path_count = paths.count;
    if (pp_record_open(&record, &session, &record_options, err) < 0)
        return -(int)err->kind;
    return pp_restore(&record, options, tally, err);
}

static int run_restore(int argc, char **argv) {
    PP_AUTO_OPTIONS struct pp_options common;
    struct pp_restore_options options = {.package = NULL};
    struct pp_tally tally = {0};
    struct pp_output output;
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&common);
    /* What was shipped does not depend on the values of the moment. */
    common.session.revalue = true;
    rc = parse(&common, &options, argc, argv, &err);
    pp_output_init(&output, &common, argv[0]);
    output.restores = true;
    if (rc >= 0 && common.help) {
        fputs(usage, stdout);
        return PP_EXIT_DONE;
    }
    if (rc >= 0)
        rc = restore(&common, &options, &output, argv + optind, &tally, &err);
    return rc < 0 ? pp_output_fail(&output, &err) : pp_output_end(&output, &tally);
}

const struct pp_command pp_command_restore = {
    .name = "restore", .summary = "put files back as shipped", .run = run_restore};
