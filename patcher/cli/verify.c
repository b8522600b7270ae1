/* pathpatch verify, pathpatch status: what the ledger says, and whether it is still so. */
#include "core/verify.h"

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/options.h"
#include "cli/output.h"
#include "dpkg/dpkg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view {
    struct pp_options options;
    struct pp_output output;
    struct pp_session session;
    struct pp_record record;
    uint64_t files;
    uint64_t total;
    uint64_t findings;
};

/* Opens the ledger to read it. */
static int open_view(struct view *view, struct pp_err *err) {
    struct pp_record_options options = {.dry_run = true, .reporter = &view->output.reporter};

    if (pp_session_open(&view->session, &view->options.session, err) < 0 ||
        pp_confine_session((struct pp_sandbox){.programs = true}, &view->session, true,
                           &view->output, err) < 0 ||
        pp_record_open(&view->record, &view->session, &options, err) < 0)
        return -(int)err->kind;
    pp_output_open(&view->output, &view->session);
    if (!pp_journal_had_ledger(view->record.journal))
        pp_output_message(&view->output,
                          "%s: there is no ledger: nothing was patched by pathpatch apply here, or "
                          "it is recorded elsewhere (--root, --state)",
                          view->session.state);
    return 0;
}

static void close_view(struct view *view) {
    pp_record_done(&view->record);
    pp_session_done(&view->session);
    pp_options_done(&view->options);
}

/* ---- verify ---- */

static const char *const state_names[] = {"patched", "shipped", "changed", "gone", "unreadable"};

/* What mends it; NULL: nothing that we know of. The caller's to free. */
static char *mending(const struct view *view, const char *path, const char *package,
                     enum pp_verify_state state) {
    const struct pp_session *session = &view->session;
    PP_AUTO_BUFFER struct pp_buffer words = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
    bool owned = package[0] != '\0';
    int rc = 0;

    if (state == PP_VERIFY_PATCHED || state == PP_VERIFY_UNREADABLE ||
        (state != PP_VERIFY_SHIPPED && !owned))
        return NULL;
    if (state != PP_VERIFY_SHIPPED) {
        rc = pp_buffer_printf(&words, &err, "apt-get install --reinstall %s", package);
    } else {
        rc = pp_buffer_printf(&words, &err, "pathpatch %s", owned ? "dpkg configure" : "apply");
        rc = rc < 0 ? rc : pp_session_words(session, &words, &err);
    }
    if (rc >= 0 && !owned) {
        rc = pp_buffer_printf(&file, &err, "%s/%s", session->root_path, path);
        rc = rc < 0 ? rc : pp_buffer_append(&words, " ", 1, &err);
        rc = rc < 0 ? rc : pp_buffer_append_word(&words, (const char *)file.data, &err);
    }
    return rc < 0 ? NULL : strdup((const char *)words.data);
}

static const char *advice(enum pp_verify_state state) {
    static const char *const texts[] = {
        "as patched",
        "holds its placeholders again",
        "was changed by somebody else since it was patched",
        "is gone",
        "could not be read: ",
    };

    return texts[state];
}

static void put_file(struct view *view, const char *path, const char *package, const char *outcome,
                     const struct pp_findings *findings, const char *command, const char *error) {
    json_t *object = pp_output_json_file(&view->output, path, outcome);

    if (findings != NULL)
        pp_output_json_findings(&view->output, &object, findings);
    pp_output_json_set(&object, "package", json_string(package));
    pp_output_json_set(&object, "command",
                       command != NULL ? pp_output_json_text(command) : json_null());
    if (error != NULL)
        pp_output_json_set(&object, "error", pp_output_json_text(error));
    pp_output_json(&view->output, object);
}

static void tell_file(void *context, const struct pp_verified *verified) {
    struct view *view = context;
    struct pp_output *output = &view->output;
    enum pp_verify_state state = verified->state;
    PP_AUTO_FREE char *command = mending(view, verified->path, verified->package, state);
    const char *error = state == PP_VERIFY_UNREADABLE ? verified->why->text : NULL;

    output->reporter.progress(output, ++view->files, view->total);
    if (state == PP_VERIFY_PATCHED && !view->options.verbose)
        return;
    pp_output_clear(output);
    if (view->options.json)
        put_file(view, verified->path, verified->package, state_names[state], verified->findings,
                 command, error);
    else
        printf(
            "%s%s: %s%s%s%s%s%s\n", output->root, verified->path,
            pp_output_color(output, state == PP_VERIFY_PATCHED ? PP_COLOR_GREEN : PP_COLOR_YELLOW),
            advice(state), error != NULL ? error : "", pp_output_color(output, PP_COLOR_NONE),
            command != NULL ? "; run: " : "", command != NULL ? command : "");
}

static void tell_finding(void *context, const struct pp_dpkg_finding *finding) {
    static const char *const codes[] = {"values",  "interest", "unconfigured", "unpatched",
                                        "md5sums", "table",    "placeholders"};
    struct view *view = context;

    view->findings++;
    pp_output_clear(&view->output);
    if (view->options.json)
        pp_output_json(&view->output, json_pack("{s:s, s:s, s:o, s:o, s:o}", "type", "finding",
                                                "code", codes[finding->code], "subject",
                                                pp_output_json_text(finding->subject), "message",
                                                pp_output_json_text(finding->text), "command",
                                                pp_output_json_text(finding->command)));
    else
        printf("%s: %s%s%s; run: %s\n", finding->subject,
               pp_output_color(&view->output, PP_COLOR_YELLOW), finding->text,
               pp_output_color(&view->output, PP_COLOR_NONE), finding->command);
}

static void put_verify_summary(struct view *view, const struct pp_verify_tally *tally) {
    json_t *object = pp_output_json_summary(&view->output, view->files);

    for (size_t i = 0; i < PP_ARRAY_LEN(state_names); i++)
        pp_output_json_set(&object, state_names[i], json_integer((json_int_t)tally->counts[i]));
    pp_output_json_set(&object, "findings", json_integer((json_int_t)view->findings));
    pp_output_json(&view->output, object);
}

static int verify(struct view *view, struct pp_err *err) {
    struct pp_verify_tally tally;
    uint64_t wrong;
    int64_t total = pp_ledger_count(pp_journal_ledger(view->record.journal), err);
    int rc = total < 0 ? (int)total : pp_dpkg_check(&view->record, tell_finding, view, err);

    view->total = total > 0 ? (uint64_t)total : 0;
    if (rc >= 0)
        rc = pp_verify(&view->record, tell_file, view, &tally, err);
    if (rc < 0)
        return rc;
    pp_output_clear(&view->output);
    wrong = view->files - tally.counts[PP_VERIFY_PATCHED];
    if (view->options.json)
        put_verify_summary(view, &tally);
    else if (!view->options.quiet)
        printf("%llu file%s as patched, %llu not\n",
               (unsigned long long)tally.counts[PP_VERIFY_PATCHED],
               PP_PLURAL(tally.counts[PP_VERIFY_PATCHED]), (unsigned long long)wrong);
    return wrong + view->findings > 0 ? PP_EXIT_FINDINGS : PP_EXIT_DONE;
}

/* ---- status ---- */

static int tell_package(void *context, const char *package, const char *version, size_t file_count,
                        struct pp_err *err) {
    struct view *view = context;

    (void)err;
    view->files += file_count;
    if (view->options.json)
        pp_output_json(&view->output,
                       json_pack("{s:s, s:s, s:s, s:I}", "type", "package", "package", package,
                                 "version", version, "files", (json_int_t)file_count));
    else
        printf("%s%s%s: %zu file%s patched\n", package[0] != '\0' ? package : "no package",
               version[0] != '\0' ? " " : "", version, file_count, PP_PLURAL(file_count));
    return 0;
}

static void tell_values(struct view *view) {
    for (size_t i = 0; i < view->session.table.count; i++) {
        const char *name = view->session.table.placeholders[i].name;
        const char *value = pp_envfile_get(&view->session.recorded, name);

        if (value == NULL)
            continue;
        if (view->options.json)
            pp_output_json(&view->output, json_pack("{s:s, s:s, s:o}", "type", "value", "name",
                                                    name, "value", pp_output_json_text(value)));
        else
            printf("%s=%s\n", name, value);
    }
}

static void tell_edited(void *context, const char *path, const char *package) {
    struct view *view = context;

    if (view->options.json)
        put_file(view, path, package, "edited", NULL, NULL, NULL);
    else
        printf("%s%s: a conffile of %s that looks edited to dpkg: it was patched after dpkg "
               "recorded it\n",
               view->output.root, path, package);
}

/* Without dpkg there is still a ledger to tell of. */
static int tell_conffiles(struct view *view, struct pp_err *err) {
    if (pp_dpkg_edited(&view->record, tell_edited, view, err) >= 0)
        return 0;
    if (err->kind == PP_ERR_NOMEM)
        return -(int)err->kind;
    pp_output_message(&view->output, "conffiles: %s", err->text);
    pp_err_clear(err);
    return 0;
}

static int status(struct view *view, struct pp_err *err) {
    int rc;

    tell_values(view);
    /* First: it brings the ledger in line with dpkg. */
    rc = tell_conffiles(view, err);
    if (rc >= 0)
        rc = pp_ledger_packages(pp_journal_ledger(view->record.journal), tell_package, view, err);
    if (rc < 0)
        return rc;
    if (view->options.json) {
        json_t *object = pp_output_json_summary(&view->output, view->files);

        pp_output_json_set(&object, "state", pp_output_json_text(view->session.state));
        pp_output_json(&view->output, object);
    } else {
        printf("%llu file%s patched, recorded in %s\n", (unsigned long long)view->files,
               PP_PLURAL(view->files), view->session.state);
    }
    return PP_EXIT_DONE;
}

static int run_view(const struct pp_command *command, int argc, char **argv,
                    int (*run)(struct view *view, struct pp_err *err)) {
    struct view view = {.session = {.root = -1}};
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&view.options);
    /* Looking does not depend on the values of the moment. */
    view.options.session.revalue = true;
    view.options.session.environment = PP_ENVIRONMENT_CHECKED;
    rc = pp_options_parse(&view.options, command, NULL, argc, argv, &err);
    pp_output_init(&view.output, &view.options, argv[0]);
    if (rc > 0)
        rc = open_view(&view, &err) < 0 ? -(int)err.kind : run(&view, &err);
    close_view(&view);
    return rc < 0 ? pp_output_fail(&view.output, &err) : pp_output_status(&view.output, rc);
}

static int run_verify(int argc, char **argv) {
    return run_view(&pp_command_verify, argc, argv, verify);
}

static int run_status(int argc, char **argv) {
    return run_view(&pp_command_status, argc, argv, status);
}

const struct pp_command pp_command_verify = {
    .name = "verify",
    .summary = "check the files and the installation",
    .arguments = "",
    .description =
        "Reads every patched file again: is it as it was left? Where dpkg has a\n"
        "database, also whether its packages are patched, its md5sums and our trigger\n"
        "right, and the values those of the folder that it works in. Each finding comes\n"
        "with the command that mends it. Status 1 when there is one.",
    .takes =
        PP_TAKES_SESSION | PP_TAKES_JSON | PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .run = run_verify,
};

const struct pp_command pp_command_status = {
    .name = "status",
    .summary = "say what is patched, and with which values",
    .arguments = "",
    .description =
        "Says with which values a root is patched, how many files of which package, and\n"
        "which conffiles look edited to dpkg.",
    .takes = PP_TAKES_SESSION | PP_TAKES_JSON,
    .run = run_status,
};
