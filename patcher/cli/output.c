#include "cli/output.h"

#include "cli/announcer.h"
#include "cli/command.h"
#include "cli/progress.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Progress shows after so long, and again after that. */
#define PROGRESS_AFTER_S 1.0
#define PROGRESS_EVERY_S 0.1

static double seconds_since(const struct timespec *start) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

double pp_output_seconds(const struct pp_output *output) {
    return seconds_since(&output->start);
}

void pp_output_clear(struct pp_output *output) {
    if (output->progress_shown)
        pp_progress_wipe();
    output->progress_shown = false;
}

void pp_output_message(struct pp_output *output, const char *format, ...) {
    va_list args;

    pp_output_clear(output);
    fflush(stdout);
    fputs("pathpatch: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

json_t *pp_output_json_text(const char *text) {
    json_t *string = json_string(text);
    size_t len = strlen(text);
    char *safe;
    size_t at = 0;

    if (string != NULL)
        return string;
    safe = malloc(3 * len + 1);
    if (safe == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x80) {
            safe[at++] = text[i];
        } else {
            memcpy(safe + at, "\xef\xbf\xbd", 3);
            at += 3;
        }
    }
    safe[at] = '\0';
    string = json_string(safe);
    free(safe);
    return string;
}

static void check_json(json_t **whole, int rc) {
    if (rc == 0)
        return;
    json_decref(*whole);
    *whole = NULL;
}

void pp_output_json_set(json_t **object, const char *key, json_t *value) {
    check_json(object, json_object_set_new(*object, key, value));
}

void pp_output_json_append(json_t **array, json_t *value) {
    check_json(array, json_array_append_new(*array, value));
}

void pp_output_json(struct pp_output *output, json_t *object) {
    if (json_dumpf(object, stdout, JSON_COMPACT) == 0)
        fputc('\n', stdout);
    else if (!ferror(stdout))
        output->incomplete = true;
    json_decref(object);
}

static const char *outcome_name(enum pp_outcome outcome) {
    static const char *const names[] = {"found", "patched", "restored", "left", "unreadable"};

    return names[outcome];
}

const char *pp_output_color(const struct pp_output *output, enum pp_color color) {
    static const char *const sequences[] = {"\033[0m", "\033[32m", "\033[33m", "\033[31m"};

    return output->color ? sequences[color] : "";
}

json_t *pp_output_json_path(const struct pp_output *output, const char *path) {
    char full[PATH_MAX + 1];

    snprintf(full, sizeof(full), "%s%s", output->root, path);
    return pp_output_json_text(full);
}

json_t *pp_output_json_file(const struct pp_output *output, const char *path, const char *outcome) {
    return json_pack("{s:s, s:o, s:s, s:[], s:[], s:n}", "type", "file", "path",
                     pp_output_json_path(output, path), "outcome", outcome, "hits", "problems",
                     "error");
}

json_t *pp_output_json_summary(const struct pp_output *output, uint64_t files) {
    return json_pack("{s:s, s:s, s:I, s:b, s:f}", "type", "summary", "command", output->command,
                     "files", (json_int_t)files, "dry_run", (int)output->options->dry_run,
                     "seconds", pp_output_seconds(output));
}

static json_t *json_hits(const struct pp_output *output, const struct pp_findings *findings) {
    json_t *hits = json_array();

    for (size_t i = 0; i < findings->count; i++) {
        const struct pp_finding *finding = &findings->items[i];
        const struct pp_leaf *leaf = &findings->leaves[finding->leaf];
        const char *left = pp_finding_left(findings, finding);
        json_t *hit =
            json_pack("{s:I, s:s, s:s}", "offset", (json_int_t)finding->offset, "placeholder",
                      output->table->placeholders[finding->placeholder].name, "encoding",
                      pp_encoding_name((enum pp_encoding)finding->encoding));

        if (leaf->path[0] != '\0')
            pp_output_json_set(&hit, "member", pp_output_json_text(leaf->path));
        if (left != NULL)
            pp_output_json_set(&hit, "left", pp_output_json_text(left));
        pp_output_json_append(&hits, hit);
    }
    return hits;
}

static json_t *json_problems(const struct pp_findings *findings) {
    json_t *problems = json_array();

    for (size_t i = 0; i < findings->problem_count; i++) {
        json_t *problem =
            json_pack("{s:o}", "message", pp_output_json_text(findings->problems[i].text));

        if (findings->problems[i].path[0] != '\0')
            pp_output_json_set(&problem, "member", pp_output_json_text(findings->problems[i].path));
        pp_output_json_append(&problems, problem);
    }
    return problems;
}

void pp_output_json_findings(const struct pp_output *output, json_t **object,
                             const struct pp_findings *findings) {
    pp_output_json_set(object, "hits", json_hits(output, findings));
    pp_output_json_set(object, "problems", json_problems(findings));
}

static void report_json(struct pp_output *output, const struct pp_report *report) {
    json_t *object = pp_output_json_file(output, report->path, outcome_name(report->outcome));

    if (report->findings != NULL)
        pp_output_json_findings(output, &object, report->findings);
    if (report->err != NULL)
        pp_output_json_set(&object, "error", pp_output_json_text(report->err->text));
    pp_output_json(output, object);
}

static void put_hits(const struct pp_output *output, const struct pp_report *report) {
    const struct pp_findings *findings = report->findings;

    for (size_t i = 0; i < findings->count; i++) {
        const struct pp_finding *finding = &findings->items[i];
        const struct pp_leaf *leaf = &findings->leaves[finding->leaf];
        const char *left = pp_finding_left(findings, finding);

        printf("%s%s%s%s:%llu: %s%s%s", output->root, report->path,
               leaf->path[0] != '\0' ? "!" : "", leaf->path, (unsigned long long)finding->offset,
               pp_output_color(output, PP_COLOR_GREEN),
               output->table->placeholders[finding->placeholder].name,
               pp_output_color(output, PP_COLOR_NONE));
        if (finding->encoding != PP_ENCODING_BYTES)
            printf(" (%s)", pp_encoding_name((enum pp_encoding)finding->encoding));
        if (left != NULL)
            printf(" [left: %s]", left);
        putchar('\n');
    }
}

static void put_problems(struct pp_output *output, const struct pp_report *report) {
    if (report->err != NULL)
        pp_output_message(output, "%s%s: %s", output->root, report->path, report->err->text);
    for (size_t i = 0; report->findings != NULL && i < report->findings->problem_count; i++) {
        const struct pp_problem *problem = &report->findings->problems[i];

        pp_output_message(output, "%s%s%s%s: %s", output->root, report->path,
                          problem->path[0] != '\0' ? "!" : "", problem->path, problem->text);
    }
}

static void put_file(const struct pp_output *output, const struct pp_report *report) {
    size_t count = report->findings != NULL ? pp_findings_count(report->findings) : 0;

    if (report->outcome != PP_OUTCOME_PATCHED && report->outcome != PP_OUTCOME_RESTORED)
        return;
    printf("%s%s%s%s: ", pp_output_color(output, PP_COLOR_GREEN), output->root, report->path,
           pp_output_color(output, PP_COLOR_NONE));
    if (report->outcome == PP_OUTCOME_RESTORED)
        puts("restored");
    /* What is done by the ledger alone is not looked into. */
    else if (report->findings == NULL)
        puts("patched");
    else
        printf("%zu placeholder%s\n", count, PP_PLURAL(count));
}

static void on_progress(void *context, uint64_t files, uint64_t total) {
    struct pp_output *output = context;

    if (total > 0)
        output->total = total;
    if (output->announcer != NULL)
        pp_announcer_progress(output->announcer, files);
    if (!output->progress || seconds_since(&output->start) < PROGRESS_AFTER_S ||
        seconds_since(&output->last_progress) < PROGRESS_EVERY_S)
        return;
    clock_gettime(CLOCK_MONOTONIC, &output->last_progress);
    fflush(stdout);
    pp_progress_put(output->command, files, output->total, seconds_since(&output->start));
    output->progress_shown = true;
}

static void on_report(void *context, const struct pp_report *report) {
    struct pp_output *output = context;

    pp_output_clear(output);
    if (output->options->json) {
        report_json(output, report);
    } else {
        put_problems(output, report);
        if (output->list_hits && !output->options->quiet && report->findings != NULL)
            put_hits(output, report);
        else if (!output->list_hits && !output->options->quiet && !output->quiet_files)
            put_file(output, report);
    }
    /* Whoever restores tells every file that it comes to, and nothing else. */
    if (output->restores)
        on_progress(output, ++output->reported, 0);
}

static void on_waiting(void *context, long pid) {
    pp_output_message(
        context,
        "waiting for another run (process %ld) to end; should it hang, end it: this one "
        "goes on from there",
        pid);
}

static void on_note(void *context, const char *text) {
    pp_output_message(context, "%s", text);
}

/* A terminal that does not know how to go back in a line is called dumb. */
static bool decide(enum pp_when when, int fd) {
    const char *kind = getenv("TERM");

    return when == PP_WHEN_ALWAYS ||
           (when == PP_WHEN_AUTO && isatty(fd) && (kind == NULL || strcmp(kind, "dumb") != 0));
}

/* no-color.org: a wish of the user's for all programs, which an option for one overrides. */
static bool decide_color(enum pp_when when) {
    const char *wish = getenv("NO_COLOR");

    return decide(when, STDOUT_FILENO) &&
           (when == PP_WHEN_ALWAYS || wish == NULL || wish[0] == '\0');
}

void pp_output_init(struct pp_output *output, const struct pp_options *options,
                    const char *command) {
    *output = (struct pp_output){
        .options = options,
        .command = command,
        .root = "",
        .color = decide_color(options->color),
        .progress = decide(options->progress, STDERR_FILENO) && !options->quiet,
        .reporter = {.report = on_report,
                     .progress = on_progress,
                     .waiting = on_waiting,
                     .note = on_note,
                     .context = output},
    };
    clock_gettime(CLOCK_MONOTONIC, &output->start);
}

void pp_output_open(struct pp_output *output, const struct pp_session *session) {
    output->table = &session->table;
    output->root = session->root_path[0] == '\0' ? "/" : "";
    if (session->became != 0)
        pp_output_message(output, "the tree belongs to user %lld: going on as that user",
                          (long long)session->became);
}

void pp_output_put_end(const struct pp_output *output, uint64_t closed) {
    if (output->options->no_decode)
        printf("%llu not opened, ", (unsigned long long)closed);
    printf("%.2f s\n", pp_output_seconds(output));
}

static void put_summary(const struct pp_output *output, const struct pp_tally *tally) {
    bool dry_run = output->options->dry_run;
    const char *done = output->list_hits ? "with placeholders"
                       : dry_run         ? "would be patched"
                                         : "patched";

    if (output->pads)
        printf("%llu file%s, %llu %s (%llu path%s), %llu could not be, %llu finding%s left, ",
               (unsigned long long)tally->files, PP_PLURAL(tally->files),
               (unsigned long long)tally->patched, dry_run ? "would be padded" : "padded",
               (unsigned long long)tally->hits, PP_PLURAL(tally->hits),
               (unsigned long long)tally->left, (unsigned long long)tally->skipped,
               PP_PLURAL(tally->skipped));
    else if (output->restores)
        printf("%llu file%s %s, %llu could not be, %llu conffile%s left, ",
               (unsigned long long)tally->restored, PP_PLURAL(tally->restored),
               dry_run ? "would be restored" : "restored", (unsigned long long)tally->left,
               (unsigned long long)tally->skipped, PP_PLURAL(tally->skipped));
    else
        printf("%llu file%s, %llu %s (%llu placeholder%s), %llu could not be, %llu executable%s "
               "left, ",
               (unsigned long long)tally->files, PP_PLURAL(tally->files),
               (unsigned long long)tally->patched, done, (unsigned long long)tally->hits,
               PP_PLURAL(tally->hits), (unsigned long long)tally->left,
               (unsigned long long)tally->skipped, PP_PLURAL(tally->skipped));
    pp_output_put_end(output, tally->closed);
}

static void put_summary_json(struct pp_output *output, const struct pp_tally *tally) {
    json_t *object = pp_output_json_summary(output, tally->files);

    pp_output_json_set(&object, "patched", json_integer((json_int_t)tally->patched));
    pp_output_json_set(&object, "hits", json_integer((json_int_t)tally->hits));
    pp_output_json_set(&object, "restored", json_integer((json_int_t)tally->restored));
    pp_output_json_set(&object, "left", json_integer((json_int_t)tally->left));
    pp_output_json_set(&object, "skipped", json_integer((json_int_t)tally->skipped));
    pp_output_json_set(&object, "closed", json_integer((json_int_t)tally->closed));
    pp_output_json(output, object);
}

int pp_output_end(struct pp_output *output, const struct pp_tally *tally) {
    pp_output_clear(output);
    if (output->options->json)
        put_summary_json(output, tally);
    else if (!output->options->quiet)
        put_summary(output, tally);
    return pp_output_status(output, tally->left > 0 ? PP_EXIT_FINDINGS : PP_EXIT_DONE);
}

int pp_output_status(struct pp_output *output, int status) {
    struct pp_err err = PP_ERR_INIT;

    if (!output->incomplete)
        return status;
    pp_err_nomem(&err);
    pp_err_context(&err, "cannot write all of the standard output");
    return pp_command_fail(&err);
}

int pp_output_fail(struct pp_output *output, const struct pp_err *err) {
    pp_output_clear(output);
    if (output->options->json)
        pp_output_json(output, json_pack("{s:s, s:s, s:o}", "type", "error", "command",
                                         output->command, "error", pp_output_json_text(err->text)));
    return pp_command_fail(err);
}
