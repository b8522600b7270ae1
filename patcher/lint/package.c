#include "lint/package.h"

#include "base/cleanup.h"
#include "deb/deb.h"
#include "lint/control.h"

#include <string.h>

struct package {
    struct pp_deb_visitor visitor;
    const struct pp_session *session;
    const struct pp_policy *policy;
    struct pp_notes *notes;
    struct pp_control control;
};

/* ---- symlinks ---- */

static size_t depth_of(const char *path) {
    size_t depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/' ? 1 : 0;
    return depth;
}

bool pp_symlink_leaves(const struct pp_table *table, const char *path, const char *target) {
    size_t depth = depth_of(path);

    if (target[0] == '/') {
        for (size_t i = 0; i < table->count; i++)
            if (pp_path_below(target, table->placeholders[i].default_path) != NULL)
                return false;
        return true;
    }
    while (*target != '\0') {
        size_t len = strcspn(target, "/");

        if (len == 2 && memcmp(target, "..", 2) == 0) {
            if (depth == 0)
                return true;
            depth--;
        } else if (len > 0 && !(len == 1 && target[0] == '.')) {
            depth++;
        }
        target += len + strspn(target + len, "/");
    }
    return false;
}

/* ---- control files ---- */

static int visit_control(struct pp_deb_visitor *visitor, const char *name, struct pp_buffer *text,
                         struct pp_err *err) {
    struct package *package = (struct package *)visitor;
    int rc = pp_control_lint(&package->control, name, text, package->notes, err);

    return rc < 0 ? rc : PP_DEB_CONTROL_KEPT;
}

/* ---- members ---- */

static int lint_file(struct package *package, const struct pp_deb_member *member,
                     struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    uint64_t placeholders = package->notes->placeholders;
    int rc = pp_content_scan(package->policy, &member->content, member->mode, &findings, err);

    if (rc >= 0)
        rc = pp_notes_add_findings(package->notes, 0, member->path, &findings, err);
    if (rc < 0 || package->notes->placeholders == placeholders ||
        !pp_control_is_conffile(&package->control, member->path))
        return rc;
    return pp_notes_add(package->notes, PP_RULE_CONFFILE, member->path, "", err);
}

static int lint_symlink(struct package *package, const struct pp_deb_member *member,
                        struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    PP_AUTO_FREE char *patched = NULL;
    int rc = pp_content_scan_text(package->policy, member->target, strlen(member->target),
                                  &findings, &patched, err);

    if (rc >= 0)
        rc = pp_notes_add_findings(package->notes, 0, member->path, &findings, err);
    if (rc < 0 || !pp_symlink_leaves(&package->session->table, member->path, member->target))
        return rc;
    return pp_notes_add(package->notes, PP_RULE_SYMLINK, member->path, member->target, err);
}

static int visit_member(struct pp_deb_visitor *visitor, const struct pp_deb_member *member,
                        struct pp_deb_change *change, struct pp_err *err) {
    struct package *package = (struct package *)visitor;

    (void)change;
    if (member->kind == PP_DEB_FILE)
        return lint_file(package, member, err);
    return member->kind == PP_DEB_SYMLINK ? lint_symlink(package, member, err) : 0;
}

int pp_package_lint(const struct pp_session *session, const struct pp_policy *policy,
                    const struct pp_blob *deb, struct pp_notes *notes, struct pp_err *err) {
    struct package package = {.visitor = {.control = visit_control, .member = visit_member},
                              .session = session,
                              .policy = policy,
                              .notes = notes,
                              .control = PP_CONTROL_INIT(policy)};
    int rc = pp_deb_walk(deb, PP_DEB_COMPRESSION_KEPT, policy->budget, NULL, &package.visitor, err);

    if (rc >= 0)
        rc = pp_control_opt_in(&package.control, notes->placeholders, notes, err);
    pp_control_done(&package.control);
    return rc;
}
