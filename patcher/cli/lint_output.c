#include "cli/lint_output.h"

#include <stdio.h>
#include <string.h>

static const char *placeholder_name(const struct pp_lint_output *self, const struct pp_note *note) {
    return note->placeholder >= 0 ? self->table->placeholders[note->placeholder].name : NULL;
}

static json_t *json_note(const struct pp_lint_output *self, const struct pp_note *note) {
    const struct pp_rule *rule = pp_rule(note->rule);
    const char *name = placeholder_name(self, note);
    json_t *object = json_pack("{s:s, s:s, s:s, s:b}", "code", rule->code, "severity",
                               pp_severity_name(rule->severity), "summary", rule->summary,
                               "suppressed", (int)note->suppressed);

    if (note->member[0] != '\0')
        pp_output_json_set(&object, "member", pp_output_json_text(note->member));
    if (note->offset >= 0)
        pp_output_json_set(&object, "offset", json_integer(note->offset));
    if (name != NULL) {
        pp_output_json_set(&object, "placeholder", json_string(name));
        pp_output_json_set(&object, "encoding", json_string(pp_encoding_name(note->encoding)));
    }
    if (note->text[0] != '\0')
        pp_output_json_set(&object, "message", pp_output_json_text(note->text));
    return object;
}

static void report_json(struct pp_lint_output *self, const struct pp_lint_report *report) {
    json_t *notes = json_array();

    for (size_t i = 0; i < report->notes->count; i++)
        pp_output_json_append(&notes, json_note(self, &report->notes->items[i]));
    pp_output_json(&self->output,
                   json_pack("{s:s, s:o, s:o}", "type", "findings", "path",
                             pp_output_json_path(&self->output, report->path), "findings", notes));
}

static bool same(const struct pp_note *left, const struct pp_note *right) {
    return left->rule == right->rule && left->placeholder == right->placeholder &&
           left->suppressed == right->suppressed && strcmp(left->member, right->member) == 0 &&
           strcmp(left->text, right->text) == 0;
}

/* A line for all the places in a member that break a rule alike; the first one tells it. */
static void put_note(const struct pp_lint_output *self, const struct pp_lint_report *report,
                     size_t index) {
    static const char *const colors[] = {"\033[36m", "\033[33m", "\033[31m"};
    const struct pp_note *note = &report->notes->items[index];
    const struct pp_rule *rule = pp_rule(note->rule);
    const char *name = placeholder_name(self, note);
    bool color = self->output.color;
    size_t count = 0;

    for (size_t i = 0; i < report->notes->count; i++) {
        if (!same(&report->notes->items[i], note))
            continue;
        if (i < index)
            return;
        count++;
    }
    printf("%s%s%s%s", self->output.root, report->path, note->member[0] != '\0' ? "!" : "",
           note->member);
    if (note->offset >= 0)
        printf(":%lld", (long long)note->offset);
    printf(": %s%s%s %s: %s", color ? colors[rule->severity] : "", pp_severity_name(rule->severity),
           color ? "\033[0m" : "", rule->code, rule->summary);
    if (name != NULL)
        printf(": %s", name);
    if (note->text[0] != '\0')
        printf(" (%s)", note->text);
    if (count > 1)
        printf(", %zu times", count);
    putchar('\n');
}

static void on_report(void *context, const struct pp_lint_report *report) {
    struct pp_lint_output *self = context;

    if (self->output.options->json) {
        report_json(self, report);
        return;
    }
    pp_output_clear(&self->output);
    for (size_t i = 0; i < report->notes->count; i++) {
        const struct pp_note *note = &report->notes->items[i];

        if (!note->suppressed &&
            (!self->output.options->quiet || pp_rule(note->rule)->severity != PP_SEVERITY_INFO))
            put_note(self, report, i);
    }
}

static void on_progress(void *context, uint64_t files, uint64_t total) {
    struct pp_lint_output *self = context;

    self->output.reporter.progress(&self->output, files, total);
}

void pp_lint_output_init(struct pp_lint_output *self, const struct pp_options *options,
                         const char *command) {
    *self = (struct pp_lint_output){
        .reporter = {.report = on_report, .progress = on_progress, .context = self}};
    pp_output_init(&self->output, options, command);
}
