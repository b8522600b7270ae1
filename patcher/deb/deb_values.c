#include "deb/deb_values.h"

#include "base/cleanup.h"
#include "content/content.h"
#include "deb/deb_opt_in.h"
#include "deb/deb_relocate.h"

#include <stdio.h>
#include <string.h>

struct writer {
    struct pp_deb_visitor visitor;
    struct pp_session *session;
    const struct pp_deb_options *options;
    struct pp_tally *tally;
    bool opted_in; /* for the session's table */
    struct pp_relocation relocation;
};

static int tell(struct writer *writer, const char *path, enum pp_outcome outcome,
                const struct pp_findings *findings, const struct pp_err *problem,
                struct pp_err *err) {
    PP_AUTO_FREE char *full = NULL;

    if (asprintf(&full, "%s!%s", writer->options->name, path) < 0) {
        full = NULL;
        return pp_err_nomem(err);
    }
    pp_report_tell(
        &(struct pp_report){.path = full, .outcome = outcome, .findings = findings, .err = problem},
        writer->options->reporter, writer->tally);
    return 0;
}

static void count_file(struct writer *writer) {
    const struct pp_reporter *reporter = writer->options->reporter;

    writer->tally->files++;
    if (reporter->progress != NULL)
        reporter->progress(reporter->context, writer->tally->files, 0);
}

/* ---- control files ---- */

/* It asks for the placeholders of a table that this is not: they stay, and so does the field. */
static int note_other_table(const struct writer *writer, const char *table, struct pp_err *err) {
    const struct pp_reporter *reporter = writer->options->reporter;
    PP_AUTO_BUFFER struct pp_buffer note = PP_BUFFER_INIT;
    int rc = pp_buffer_printf(&note, err,
                              "%s: Dynamic-Variables: %s asks for another table than '%s'; give it "
                              "with --table",
                              writer->options->name, table, writer->session->table.name);

    if (rc >= 0 && reporter->note != NULL)
        reporter->note(reporter->context, (const char *)note.data);
    return rc < 0 ? rc : 0;
}

static int note_opt_in(struct writer *writer, const struct pp_buffer *control, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer value = PP_BUFFER_INIT;
    int rc = pp_deb_field(control, "Dynamic-Variables", &value, err);
    const char *table = (const char *)value.data;

    if (rc <= 0)
        return rc;
    writer->opted_in = pp_session_serves(writer->session, table);
    return writer->opted_in ? 0 : note_other_table(writer, table, err);
}

static int opt_out(struct writer *writer, const char *name, struct pp_buffer *text,
                   struct pp_err *err) {

    if (strcmp(name, "control") == 0) {
        int rc = note_opt_in(writer, text, err);

        return rc < 0 || !writer->opted_in ? rc : pp_deb_opt_out_control(text, err);
    }
    if (writer->opted_in && strcmp(name, "triggers") == 0)
        return pp_deb_opt_out_triggers(text, err);
    return PP_DEB_CONTROL_KEPT;
}

/* The kernel reads so much of a script's first line. Source: BINPRM_BUF_SIZE of Linux before 5.1.
 */
#define SHEBANG_LEN_MAX 127

static int check_shebang(struct writer *writer, const char *path, const struct pp_buffer *text,
                         struct pp_err *err) {
    size_t len = strcspn((const char *)text->data, "\n");
    struct pp_err problem;

    if (text->len < 2 || memcmp(text->data, "#!", 2) != 0 || len <= SHEBANG_LEN_MAX)
        return 0;
    pp_err_set(&problem, PP_ERR_LIMIT,
               "its first line has %zu bytes, of which a kernel may read only %d; choose a shorter "
               "value",
               len, SHEBANG_LEN_MAX);
    return tell(writer, path, PP_OUTCOME_LEFT, NULL, &problem, err);
}

/* Text that was relocated names the default path where it was not seen to be one. */
static int tell_broken(struct writer *writer, const char *path, const struct pp_blob *text,
                       struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_err problem;
    size_t count = 0;
    int rc = pp_relocation_scan(&writer->relocation, text, 0, &findings, err);

    for (size_t i = 0; i < findings.count; i++)
        count += findings.items[i].mark;
    if (rc < 0 || count == 0)
        return rc;
    pp_err_set(&problem, PP_ERR_UNSUPPORTED,
               "still names the default path (%zu×): with escapes or line breaks in it", count);
    return tell(writer, path, PP_OUTCOME_LEFT, NULL, &problem, err);
}

static int relocate_control(struct writer *writer, const char *name, struct pp_buffer *text,
                            struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer moved = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_buffer was = *text;
    int count =
        pp_retext_text(&writer->relocation.retext, text->data, text->len, &moved, &findings, err);
    struct pp_blob blob = pp_blob_memory(text->data, text->len);

    count_file(writer);
    /* As dpkg-deb --raw-extract names it. */
    if (count < 0 || pp_buffer_printf(&path, err, "DEBIAN/%s", name) < 0)
        return -(int)err->kind;
    if (tell_broken(writer, (const char *)path.data, &blob, err) < 0)
        return -(int)err->kind;
    if (count == 0)
        return PP_DEB_CONTROL_KEPT;
    *text = moved;
    moved = was;
    if (tell(writer, (const char *)path.data, PP_OUTCOME_PATCHED, &findings, NULL, err) < 0 ||
        check_shebang(writer, (const char *)path.data, text, err) < 0)
        return -(int)err->kind;
    return PP_DEB_CONTROL_CHANGED;
}

static int edit_control(struct pp_deb_visitor *visitor, const char *name, struct pp_buffer *text,
                        struct pp_err *err) {
    struct writer *writer = (struct writer *)visitor;
    int state = opt_out(writer, name, text, err);
    int relocated;

    if (state < 0 || state == PP_DEB_CONTROL_DROPPED || !writer->options->relocate)
        return state;
    relocated = relocate_control(writer, name, text, err);
    return relocated != PP_DEB_CONTROL_KEPT ? relocated : state;
}

/* ---- members ---- */

static int patch_file(struct writer *writer, const struct pp_deb_member *member,
                      struct pp_deb_change *change, struct pp_err *err) {
    const struct pp_policy *policy = &writer->session->policy;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    enum pp_outcome outcome = PP_OUTCOME_FOUND;
    struct pp_err problem = PP_ERR_INIT;
    int rc = pp_content_scan(policy, &member->content, member->mode, &findings, err);

    if (rc < 0)
        return rc;
    writer->tally->closed += findings.closed;
    pp_findings_drop_defaults(&findings, &writer->session->values);
    if (findings.count == 0 && findings.problem_count == 0)
        return 0;
    /* What is left in executables is told with every other path in them. */
    if (writer->options->relocate && pp_findings_count(&findings) == 0 &&
        findings.problem_count == 0)
        return 0;
    if (pp_findings_count(&findings) > 0) {
        rc = pp_content_rewrite(policy, &member->content, member->mode, &findings,
                                &change->content.sink, &problem);
        if (rc < 0 && !pp_err_of_content(&problem)) {
            *err = problem;
            return rc;
        }
        change->rewritten = rc >= 0;
        outcome = rc >= 0 ? PP_OUTCOME_PATCHED : PP_OUTCOME_LEFT;
    }
    return tell(writer, member->path, outcome, &findings, rc < 0 ? &problem : NULL, err);
}

static int patch_symlink(struct writer *writer, const struct pp_deb_member *member,
                         struct pp_deb_change *change, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    PP_AUTO_FREE char *patched = NULL;
    int rc = pp_content_scan_text(&writer->session->policy, member->target, strlen(member->target),
                                  &findings, &patched, err);

    if (rc < 0)
        return rc;
    pp_findings_drop_defaults(&findings, &writer->session->values);
    if (patched == NULL || findings.count == 0)
        return 0;
    change->relinked = true;
    rc = pp_buffer_append(&change->target, patched, strlen(patched), err);
    return rc < 0 ? rc : tell(writer, member->path, PP_OUTCOME_PATCHED, &findings, NULL, err);
}

/* Is all that was found in executables? */
static const char *left_as_executable(const struct pp_findings *findings) {
    const char *why = NULL;

    for (size_t i = 0; i < findings->count; i++) {
        why = findings->leaves[findings->items[i].leaf].left;
        if (why == NULL)
            return NULL;
    }
    return why;
}

/* Says where a file still names what is not there any more. */
static int tell_what_is_left(struct writer *writer, const struct pp_deb_member *member,
                             const struct pp_blob *content, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_err problem;
    const char *executable;
    int rc = pp_relocation_scan(&writer->relocation, content, member->mode, &findings, err);

    if (rc < 0 || findings.count == 0)
        return rc;
    executable = left_as_executable(&findings);
    pp_err_set(
        &problem, PP_ERR_UNSUPPORTED, "still names the default path (%zu×): %s", findings.count,
        executable != NULL ? executable : "no text, where only padded placeholders can be changed");
    writer->tally->skipped += executable != NULL ? 1 : 0;
    return tell(writer, member->path, executable != NULL ? PP_OUTCOME_FOUND : PP_OUTCOME_LEFT, NULL,
                &problem, err);
}

static int relocate_file(struct writer *writer, const struct pp_deb_member *member,
                         struct pp_deb_change *change, struct pp_err *err) {
    struct pp_err problem = PP_ERR_INIT;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_blob content = member->content;
    uint64_t left = writer->tally->left;
    int rc = pp_retext_content(&writer->relocation.retext, &member->content, member->mode,
                               &change->content.sink, &findings, &problem);

    if (rc >= 0 && rc != PP_RETEXT_NO_TEXT) {
        change->rewritten = rc > 0;
        if (rc > 0)
            rc = tell(writer, member->path, PP_OUTCOME_PATCHED, &findings, NULL, err);
        return rc < 0 ? rc : tell_broken(writer, member->path, &content, err);
    }
    if (rc < 0 && !pp_err_of_content(&problem)) {
        *err = problem;
        return rc;
    }
    rc = patch_file(writer, member, change, err);
    if (rc >= 0 && change->rewritten)
        content = pp_spool_blob(&change->content);
    return rc < 0 || writer->tally->left > left ? rc
                                                : tell_what_is_left(writer, member, &content, err);
}

static int relocate_member(struct writer *writer, const struct pp_deb_member *member,
                           struct pp_deb_change *change, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    int rc = pp_relocation_move(&writer->relocation, member, change, &findings, err);

    if (rc < 0)
        return rc;
    if (member->kind == PP_DEB_FILE)
        return relocate_file(writer, member, change, err);
    if (member->kind == PP_DEB_SYMLINK && change->relinked)
        return tell(writer, member->path, PP_OUTCOME_PATCHED, &findings, NULL, err);
    return 0;
}

static int write_member(struct pp_deb_visitor *visitor, const struct pp_deb_member *member,
                        struct pp_deb_change *change, struct pp_err *err) {
    struct writer *writer = (struct writer *)visitor;

    if (member->kind == PP_DEB_FILE || member->kind == PP_DEB_SYMLINK)
        count_file(writer);
    if (writer->options->relocate)
        return relocate_member(writer, member, change, err);
    if (member->kind == PP_DEB_FILE)
        return patch_file(writer, member, change, err);
    return member->kind == PP_DEB_SYMLINK ? patch_symlink(writer, member, change, err) : 0;
}

int pp_deb_values(struct pp_session *session, const struct pp_deb_options *options,
                  const struct pp_blob *in, struct pp_sink *out, struct pp_tally *tally,
                  struct pp_err *err) {
    struct writer writer = {.visitor = {.control = edit_control, .member = write_member},
                            .session = session,
                            .options = options,
                            .tally = tally};
    int rc;

    if (pp_values_are_default(&session->values))
        return pp_err_set(err, PP_ERR_REFUSED,
                          "every value is the default: there is nothing to write; give one with "
                          "--set %s=VALUE, --env-file FILE or the environment",
                          session->table.placeholders[0].name);
    if (options->relocate && pp_relocation_init(&writer.relocation, session, err) < 0)
        return -(int)err->kind;
    rc = pp_deb_walk(in, options->compression, &session->budget, out, &writer.visitor, err);
    pp_relocation_done(&writer.relocation);
    return rc < 0 ? pp_err_context(err, "%s", options->name) : 0;
}
