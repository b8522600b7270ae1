/* pathpatch deb: a .deb with the values written in. */
#include "deb/deb_values.h"

#include "base/cleanup.h"
#include "base/whole_file.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

enum {
    OPTION_RELOCATE = 1,
    OPTION_COMPRESS,
};

static const struct option long_options[] = {
    PP_COMMON_LONG_OPTIONS,
    {"relocate", no_argument, NULL, OPTION_RELOCATE},
    {"compress", required_argument, NULL, OPTION_COMPRESS},
    {0},
};

static const char usage[] =
    "usage: pathpatch deb [OPTION]... IN.deb OUT.deb\n"
    "\n"
    "Writes a Debian package with the values over the placeholders, without installing it. - is\n"
    "standard input or output. Parts that cannot be patched are reported, with status 1.\n"
    "\n"
    "  --relocate          move the package to the rootfs of the values: paths, control files, "
    "text\n"
    "  --compress=kept|none|gzip|xz|zstd   of control.tar and data.tar\n"
    "  --set NAME=VALUE, --env-file FILE   values; see also the environment\n"
    "  --executables=scripts   in scripts, too\n"
    "  -n, --dry-run       say what would change\n"
    "  --no-decode         leave compressed content closed\n"
    "  --json, --quiet\n";

static int take_compression(const char *value, enum pp_deb_compression *compression,
                            struct pp_err *err) {
    static const char *const words[] = {"kept", "none", "gzip", "xz", "zstd"};

    for (size_t i = 0; i < PP_ARRAY_LEN(words); i++) {
        if (strcmp(value, words[i]) == 0) {
            *compression = (enum pp_deb_compression)i;
            return 0;
        }
    }
    return pp_err_set(err, PP_ERR_USAGE, "--compress: '%s' is not one of its words; see --help",
                      value);
}

static int parse(struct pp_options *common, struct pp_deb_options *deb, int argc, char **argv,
                 struct pp_err *err) {
    int opt;

    while ((opt = getopt_long(argc, argv, PP_COMMON_SHORT_OPTIONS, long_options, NULL)) != -1) {
        int rc = pp_options_take(common, opt, optarg, err);

        if (rc < 0)
            return rc;
        if (rc > 0)
            continue;
        if (opt == OPTION_RELOCATE)
            deb->relocate = true;
        else if (opt == OPTION_COMPRESS)
            rc = take_compression(optarg, &deb->compression, err);
        else
            return pp_err_set(err, PP_ERR_USAGE, "see pathpatch deb --help");
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int write_deb(const struct pp_options *common, struct pp_deb_options *options,
                     struct pp_output *output, char *const *args, struct pp_tally *tally,
                     struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_WHOLE_INPUT struct pp_whole_input in = PP_WHOLE_INPUT_INIT;
    PP_AUTO_WHOLE_OUTPUT struct pp_whole_output out = PP_WHOLE_OUTPUT_INIT;
    struct pp_session_options wanted = common->session;
    int rc;

    if (args[0] == NULL || args[1] == NULL || args[2] != NULL)
        return pp_err_set(err, PP_ERR_USAGE, "give it IN.deb and OUT.deb; see --help");
    if (common->json && strcmp(args[1], "-") == 0)
        return pp_err_set(err, PP_ERR_USAGE, "--json and - both want standard output");
    /* A package is not part of a root. */
    wanted.fresh = wanted.alone = true;
    if (pp_session_open(&session, &wanted, err) < 0 || pp_whole_input_open(&in, args[0], err) < 0 ||
        (!common->dry_run && pp_whole_output_open(&out, args[1], &in, err) < 0))
        return -(int)err->kind;
    output->table = &session.table;
    options->name = args[0];
    options->reporter = &output->reporter;
    rc = pp_deb_values(&session, options, &in.blob, common->dry_run ? NULL : &out.sink, tally, err);
    return rc < 0 || common->dry_run ? rc : pp_whole_output_commit(&out, err);
}

static int run_deb(int argc, char **argv) {
    PP_AUTO_OPTIONS struct pp_options common;
    struct pp_deb_options options = {.name = NULL};
    struct pp_tally tally = {0};
    struct pp_output output;
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&common);
    rc = parse(&common, &options, argc, argv, &err);
    /* Standard output is the package's. */
    if (rc >= 0 && argc - optind == 2 && strcmp(argv[optind + 1], "-") == 0)
        common.quiet = true;
    pp_output_init(&output, &common, argv[0]);
    if (rc >= 0 && common.help) {
        fputs(usage, stdout);
        return PP_EXIT_DONE;
    }
    if (rc >= 0)
        rc = write_deb(&common, &options, &output, argv + optind, &tally, &err);
    return rc < 0 ? pp_output_fail(&output, &err) : pp_output_end(&output, &tally);
}

const struct pp_command pp_command_deb = {
    .name = "deb", .summary = "a .deb with the values written in", .run = run_deb};
