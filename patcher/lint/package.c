#include "lint/package.h"

#include "base/cleanup.h"
#include "deb/deb.h"
#include "deb/deb_opt_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct package {
    struct pp_deb_visitor visitor;
    const struct pp_session *session;
    const struct pp_policy *policy;
    struct pp_notes *notes;
    struct pp_buffer conffiles; /* the text of that file */
    bool has_field;
    bool has_trigger;
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

/* Its paths are those that dpkg works with: they are plain, and have to be. */
static bool names_paths(const char *name) {
    return strcmp(name, "conffiles") == 0 || strcmp(name, "triggers") == 0;
}

static int lint_control_text(struct package *package, const char *name,
                             const struct pp_buffer *text, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_blob blob = pp_blob_memory(text->data, text->len);
    PP_AUTO_FREE char *path = NULL;
    int rc = pp_content_scan(package->policy, &blob, 0, &findings, err);

    if (rc < 0)
        return rc;
    if (asprintf(&path, "DEBIAN/%s", name) < 0) {
        path = NULL;
        return pp_err_nomem(err);
    }
    return pp_notes_add_findings(package->notes, PP_RULE_CONTROL_FILE, path, &findings, err);
}

/* Does a line of a triggers file activate that of pathpatch? Source: deb-triggers(5). */
static bool activates(const struct pp_buffer *triggers) {
    const char *line = (const char *)triggers->data;

    while (line != NULL && *line != '\0') {
        size_t len = strcspn(line, " \t\n");
        const char *name = line + len + strspn(line + len, " \t");

        if (strncmp(line, "activate", strlen("activate")) == 0 &&
            strncmp(name, "pathpatch", strlen("pathpatch")) == 0 &&
            strcspn(name, " \t\r\n") == strlen("pathpatch"))
            return true;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

static int visit_control(struct pp_deb_visitor *visitor, const char *name, struct pp_buffer *text,
                         struct pp_err *err) {
    struct package *package = (struct package *)visitor;
    PP_AUTO_BUFFER struct pp_buffer value = PP_BUFFER_INIT;
    int rc = 0;

    if (strcmp(name, "control") == 0) {
        rc = pp_deb_field(text, "Dynamic-Variables", &value, err);
        package->has_field = rc > 0;
    } else if (strcmp(name, "triggers") == 0) {
        package->has_trigger = activates(text);
    } else if (strcmp(name, "conffiles") == 0) {
        rc = pp_buffer_append(&package->conffiles, text->data, text->len, err);
    }
    if (rc < 0 || names_paths(name))
        return rc < 0 ? rc : PP_DEB_CONTROL_KEPT;
    rc = lint_control_text(package, name, text, err);
    return rc < 0 ? rc : PP_DEB_CONTROL_KEPT;
}

/* ---- members ---- */

/* Source: deb-conffiles(5): a path a line, absolute; flags may come before it. */
static bool is_conffile(const struct package *package, const char *path) {
    const char *line = (const char *)package->conffiles.data;
    size_t path_len = strlen(path);

    while (line != NULL && *line != '\0') {
        size_t len = strcspn(line, "\r\n");
        const char *end = line + len;

        if (len > path_len && end[-(ptrdiff_t)path_len - 1] == '/' &&
            memcmp(end - path_len, path, path_len) == 0 &&
            (len == path_len + 1 || end[-(ptrdiff_t)path_len - 2] == ' '))
            return true;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

static int lint_file(struct package *package, const struct pp_deb_member *member,
                     struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    uint64_t placeholders = package->notes->placeholders;
    int rc = pp_content_scan(package->policy, &member->content, member->mode, &findings, err);

    if (rc >= 0)
        rc = pp_notes_add_findings(package->notes, 0, member->path, &findings, err);
    if (rc < 0 || package->notes->placeholders == placeholders ||
        !is_conffile(package, member->path))
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

static int lint_opt_in(struct package *package, struct pp_err *err) {
    if (package->has_field)
        return package->has_trigger
                   ? 0
                   : pp_notes_add(package->notes, PP_RULE_NO_TRIGGER, "DEBIAN/triggers", "", err);
    if (package->notes->placeholders == 0)
        return 0;
    return pp_notes_add(package->notes, PP_RULE_NO_FIELD, "DEBIAN/control", "", err);
}

int pp_package_lint(const struct pp_session *session, const struct pp_policy *policy,
                    const struct pp_blob *deb, struct pp_notes *notes, struct pp_err *err) {
    struct package package = {.visitor = {.control = visit_control, .member = visit_member},
                              .session = session,
                              .policy = policy,
                              .notes = notes,
                              .conffiles = PP_BUFFER_INIT};
    int rc = pp_deb_walk(deb, PP_DEB_COMPRESSION_KEPT, policy->budget, NULL, &package.visitor, err);

    if (rc >= 0)
        rc = lint_opt_in(&package, err);
    pp_buffer_done(&package.conffiles);
    return rc;
}
