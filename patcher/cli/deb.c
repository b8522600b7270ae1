/* pathpatch deb: a .deb with the values written in. */
#include "deb/deb_values.h"

#include "base/cleanup.h"
#include "base/whole_file.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/options.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

struct deb_request {
    struct pp_options common;
    struct pp_deb_options deb;
};

static int write_deb(struct deb_request *request, struct pp_output *output, struct pp_tally *tally,
                     struct pp_err *err) {
    const struct pp_options *common = &request->common;
    char *const *args = common->arguments;
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_WHOLE_INPUT struct pp_whole_input in = PP_WHOLE_INPUT_INIT;
    PP_AUTO_WHOLE_OUTPUT struct pp_whole_output out = PP_WHOLE_OUTPUT_INIT;
    struct pp_session_options wanted = common->session;
    int rc;

    if (common->json && strcmp(args[1], "-") == 0)
        return pp_err_set(err, PP_ERR_USAGE, "--json and - both want standard output");
    /* A package is not part of a root. */
    wanted.fresh = wanted.alone = true;
    if (pp_session_open(&session, &wanted, err) < 0 || pp_whole_input_open(&in, args[0], err) < 0 ||
        (!common->dry_run && pp_whole_output_open(&out, args[1], &in, err) < 0) ||
        pp_confine(&(struct pp_sandbox){.folders = NULL}, output, err) < 0)
        return -(int)err->kind;
    output->table = &session.table;
    request->deb.name = args[0];
    request->deb.reporter = &output->reporter;
    rc = pp_deb_values(&session, &request->deb, &in.blob, common->dry_run ? NULL : &out.sink, tally,
                       err);
    return rc < 0 || common->dry_run ? rc : pp_whole_output_commit(&out, err);
}

static int run_deb(int argc, char **argv) {
    struct deb_request request = {.deb = {.name = NULL}};
    struct pp_tally tally = {0};
    struct pp_output output;
    struct pp_err err = PP_ERR_INIT;
    int status = PP_EXIT_DONE;
    int rc;

    pp_options_init(&request.common);
    rc = pp_options_parse(&request.common, &pp_command_deb, &request, argc, argv, &err);
    /* Standard output is the package's. */
    if (rc > 0 && strcmp(request.common.arguments[1], "-") == 0)
        request.common.quiet = true;
    pp_output_init(&output, &request.common, argv[0]);
    if (rc > 0)
        rc = write_deb(&request, &output, &tally, &err) < 0 ? -(int)err.kind : 1;
    if (rc < 0)
        status = pp_output_fail(&output, &err);
    else if (rc > 0)
        status = pp_output_end(&output, &tally);
    pp_options_done(&request.common);
    return status;
}

static const struct pp_option own_options[] = {
    {"relocate", NULL, "move the package to the rootfs of the values", pp_take_flag,
     .offset = offsetof(struct deb_request, deb.relocate)},
    /* In the order of enum pp_deb_compression. */
    {"compress", "kept|none|gzip|xz|zstd", "of its parts; default: kept", pp_take_word,
     .offset = offsetof(struct deb_request, deb.compression)},
    {0},
};

const struct pp_command pp_command_deb = {
    .name = "deb",
    .summary = "a .deb with the values written in",
    .arguments = "IN.deb OUT.deb",
    .description =
        "Writes a Debian package with the values over the placeholders, without\n"
        "installing it. - is standard input or output. Parts that cannot be patched are\n"
        "reported, with status 1.",
    .takes = PP_TAKES_TABLE | PP_TAKES_VALUES | PP_TAKES_DRY_RUN | PP_TAKES_CONTENT |
             PP_TAKES_WORK | PP_TAKES_JSON | PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .options = own_options,
    .argument_min = 2,
    .argument_max = 2,
    .run = run_deb,
};
