#include "deb/deb_values.h"

#include "base/cleanup.h"
#include "content/content.h"
#include "deb/deb.h"
#include "deb/deb_opt_in.h"

#include <stdio.h>
#include <string.h>

/* The field's word for the default table. */
#define DEFAULT_TABLE "yes"

struct writer {
    struct pp_deb_visitor visitor;
    struct pp_session *session;
    const struct pp_deb_options *options;
    struct pp_tally *tally;
    bool opted_in; /* for the session's table */
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

/* ---- control files ---- */

static int note_opt_in(struct writer *writer, const struct pp_buffer *control, struct pp_err *err) {
    const struct pp_session *session = writer->session;
    PP_AUTO_BUFFER struct pp_buffer value = PP_BUFFER_INIT;
    int rc = pp_deb_field(control, "Dynamic-Variables", &value, err);
    const char *table = (const char *)value.data;

    if (rc <= 0)
        return rc;
    writer->opted_in = strcmp(table, DEFAULT_TABLE) == 0 ? session->options.table == NULL
                                                         : strcmp(table, session->table.name) == 0;
    return 0;
}

static int edit_control(struct pp_deb_visitor *visitor, const char *name, struct pp_buffer *text,
                        struct pp_err *err) {
    struct writer *writer = (struct writer *)visitor;

    if (strcmp(name, "control") == 0) {
        int rc = note_opt_in(writer, text, err);

        return rc < 0 || !writer->opted_in ? rc : pp_deb_opt_out_control(text, err);
    }
    if (writer->opted_in && strcmp(name, "triggers") == 0)
        return pp_deb_opt_out_triggers(text, err);
    return PP_DEB_CONTROL_KEPT;
}

/* ---- members ---- */

/* An error that is a member's own: it stays as it is, and the package is written. */
static bool is_of_member(const struct pp_err *err) {
    return err->kind == PP_ERR_DAMAGED || err->kind == PP_ERR_UNSUPPORTED ||
           err->kind == PP_ERR_LIMIT;
}

static int patch_file(struct writer *writer, const struct pp_deb_member *member,
                      struct pp_deb_change *change, struct pp_err *err) {
    const struct pp_policy *policy = &writer->session->policy;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    enum pp_outcome outcome = PP_OUTCOME_FOUND;
    struct pp_err problem = PP_ERR_INIT;
    int rc = pp_content_scan(policy, &member->content, member->mode, &findings, err);

    if (rc < 0)
        return rc;
    pp_findings_drop_defaults(&findings, &writer->session->values);
    if (findings.count == 0 && findings.problem_count == 0)
        return 0;
    if (pp_findings_count(&findings) > 0) {
        rc = pp_content_rewrite(policy, &member->content, member->mode, &findings,
                                &change->content.sink, &problem);
        if (rc < 0 && !is_of_member(&problem)) {
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

static int write_member(struct pp_deb_visitor *visitor, const struct pp_deb_member *member,
                        struct pp_deb_change *change, struct pp_err *err) {
    struct writer *writer = (struct writer *)visitor;

    if (member->kind != PP_DEB_FILE && member->kind != PP_DEB_SYMLINK)
        return 0;
    writer->tally->files++;
    return member->kind == PP_DEB_FILE ? patch_file(writer, member, change, err)
                                       : patch_symlink(writer, member, change, err);
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
    rc = pp_deb_walk(in, &session->budget, out, &writer.visitor, err);
    return rc < 0 ? pp_err_context(err, "%s", options->name) : 0;
}
