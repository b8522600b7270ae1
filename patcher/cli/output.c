#include "cli/output.h"

#include "cli/announcer.h"
#include "cli/command.h"

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
        fputs("\r\033[K", stderr);
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
        return json_null();
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

void pp_output_json(json_t *object) {
    json_dumpf(object, stdout, JSON_COMPACT);
    fputc('\n', stdout);
    json_decref(object);
}

static const char *outcome_name(enum pp_outcome outcome) {
    static const char *const names[] = {"found", "patched", "restored", "left", "unreadable"};

    return names[outcome];
}

/* PATH!MEMBER */
static void full_path(char *to, size_t to_len, const char *path, const char *member) {
    snprintf(to, to_len, "%s%s%s", path, member[0] != '\0' ? "!" : "", member);
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
            json_object_set_new(hit, "member", pp_output_json_text(leaf->path));
        if (left != NULL)
            json_object_set_new(hit, "left", pp_output_json_text(left));
        json_array_append_new(hits, hit);
    }
    return hits;
}

static json_t *json_problems(const struct pp_findings *findings) {
    json_t *problems = json_array();

    for (size_t i = 0; i < findings->problem_count; i++) {
        json_t *problem =
            json_pack("{s:o}", "message", pp_output_json_text(findings->problems[i].text));

        if (findings->problems[i].path[0] != '\0')
            json_object_set_new(problem, "member", pp_output_json_text(findings->problems[i].path));
        json_array_append_new(problems, problem);
    }
    return problems;
}

/* Every file has every field. */
static void report_json(const struct pp_output *output, const struct pp_report *report) {
    static const struct pp_findings none = PP_FINDINGS_INIT;
    const struct pp_findings *findings = report->findings != NULL ? report->findings : &none;

    pp_output_json(
        json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "type", "file", "path",
                  pp_output_json_text(report->path), "outcome", outcome_name(report->outcome),
                  "hits", json_hits(output, findings), "problems", json_problems(findings), "error",
                  report->err != NULL ? pp_output_json_text(report->err->text) : json_null()));
}

static void put_hits(const struct pp_output *output, const struct pp_report *report) {
    const struct pp_findings *findings = report->findings;

    for (size_t i = 0; i < findings->count; i++) {
        const struct pp_finding *finding = &findings->items[i];
        const struct pp_leaf *leaf = &findings->leaves[finding->leaf];
        const char *left = pp_finding_left(findings, finding);

        printf("%s%s%s:%llu: %s", report->path, leaf->path[0] != '\0' ? "!" : "", leaf->path,
               (unsigned long long)finding->offset,
               output->table->placeholders[finding->placeholder].name);
        if (finding->encoding != PP_ENCODING_BYTES)
            printf(" (%s)", pp_encoding_name((enum pp_encoding)finding->encoding));
        if (left != NULL)
            printf(" [left: %s]", left);
        putchar('\n');
    }
}

static void put_problems(struct pp_output *output, const struct pp_report *report) {
    if (report->err != NULL)
        pp_output_message(output, "%s: %s", report->path, report->err->text);
    for (size_t i = 0; report->findings != NULL && i < report->findings->problem_count; i++) {
        const struct pp_problem *problem = &report->findings->problems[i];
        char path[8192];

        full_path(path, sizeof(path), report->path, problem->path);
        pp_output_message(output, "%s: %s", path, problem->text);
    }
}

static void on_report(void *context, const struct pp_report *report) {
    struct pp_output *output = context;
    size_t count = report->findings != NULL ? pp_findings_count(report->findings) : 0;

    pp_output_clear(output);
    if (output->options->json) {
        report_json(output, report);
        return;
    }
    put_problems(output, report);
    if (output->options->quiet)
        return;
    if (output->list_hits) {
        if (report->findings != NULL)
            put_hits(output, report);
    } else if (output->quiet_files) {
        return;
    } else if (report->outcome == PP_OUTCOME_PATCHED) {
        printf("%s%s%s: ", output->color ? "\033[32m" : "", report->path,
               output->color ? "\033[0m" : "");
        /* What is done by the ledger alone is not looked into. */
        if (report->findings == NULL)
            puts("patched");
        else
            printf("%zu %s\n", count, count == 1 ? "placeholder" : "placeholders");
    } else if (report->outcome == PP_OUTCOME_RESTORED) {
        printf("%s: restored\n", report->path);
    }
}

static void on_progress(void *context, uint64_t files) {
    struct pp_output *output = context;

    if (output->announcer != NULL)
        pp_announcer_progress(output->announcer, files);
    if (!output->progress || seconds_since(&output->start) < PROGRESS_AFTER_S ||
        seconds_since(&output->last_progress) < PROGRESS_EVERY_S)
        return;
    clock_gettime(CLOCK_MONOTONIC, &output->last_progress);
    fflush(stdout);
    fprintf(stderr, "\r\033[K%s: %llu files, %.0f s", output->command, (unsigned long long)files,
            seconds_since(&output->start));
    output->progress_shown = true;
}

static void on_waiting(void *context, long pid) {
    pp_output_message(context, "waiting for another run (process %ld)", pid);
}

static void on_note(void *context, const char *text) {
    pp_output_message(context, "%s", text);
}

static bool decide(enum pp_when when, int fd) {
    return when == PP_WHEN_ALWAYS || (when == PP_WHEN_AUTO && isatty(fd));
}

void pp_output_init(struct pp_output *output, const struct pp_options *options,
                    const char *command) {
    *output = (struct pp_output){
        .options = options,
        .command = command,
        .color = decide(options->color, STDOUT_FILENO) && getenv("NO_COLOR") == NULL,
        .progress = decide(options->progress, STDERR_FILENO) && !options->quiet,
        .reporter = {.report = on_report,
                     .progress = on_progress,
                     .waiting = on_waiting,
                     .note = on_note,
                     .context = output},
    };
    clock_gettime(CLOCK_MONOTONIC, &output->start);
}

static void put_summary(const struct pp_output *output, const struct pp_tally *tally,
                        double seconds) {
    bool dry_run = output->options->dry_run;
    const char *done = output->list_hits ? "with placeholders"
                       : dry_run         ? "would be patched"
                                         : "patched";

    if (output->pads)
        printf("%llu files, %llu %s (%llu paths), %llu could not be, %llu findings left, %.2f s\n",
               (unsigned long long)tally->files, (unsigned long long)tally->patched,
               dry_run ? "would be padded" : "padded", (unsigned long long)tally->hits,
               (unsigned long long)tally->left, (unsigned long long)tally->skipped, seconds);
    else if (output->restores)
        printf("%llu files %s, %llu could not be, %llu conffiles left, %.2f s\n",
               (unsigned long long)tally->restored, dry_run ? "would be restored" : "restored",
               (unsigned long long)tally->left, (unsigned long long)tally->skipped, seconds);
    else
        printf("%llu files, %llu %s (%llu placeholders), %llu could not be, %llu executables left, "
               "%.2f s\n",
               (unsigned long long)tally->files, (unsigned long long)tally->patched, done,
               (unsigned long long)tally->hits, (unsigned long long)tally->left,
               (unsigned long long)tally->skipped, seconds);
}

int pp_output_end(struct pp_output *output, const struct pp_tally *tally) {
    double seconds = pp_output_seconds(output);

    pp_output_clear(output);
    if (output->options->json)
        pp_output_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:f}", "type",
                                 "summary", "command", output->command, "files",
                                 (json_int_t)tally->files, "patched", (json_int_t)tally->patched,
                                 "hits", (json_int_t)tally->hits, "restored",
                                 (json_int_t)tally->restored, "left", (json_int_t)tally->left,
                                 "skipped", (json_int_t)tally->skipped, "dry_run",
                                 (int)output->options->dry_run, "seconds", seconds));
    else if (!output->options->quiet)
        put_summary(output, tally, seconds);
    return tally->left > 0 ? PP_EXIT_FINDINGS : PP_EXIT_DONE;
}

int pp_output_fail(struct pp_output *output, const struct pp_err *err) {
    pp_output_clear(output);
    if (output->options->json)
        pp_output_json(json_pack("{s:s, s:s, s:o}", "type", "error", "command", output->command,
                                 "error", pp_output_json_text(err->text)));
    return pp_command_fail(err);
}
