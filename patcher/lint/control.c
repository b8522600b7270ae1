#include "lint/control.h"

#include "deb/deb_opt_in.h"

#include <stdio.h>
#include <string.h>

void pp_control_done(struct pp_control *control) {
    pp_buffer_done(&control->conffiles);
}

/* Its paths are those that dpkg works with: they are plain, and have to be. */
static bool names_paths(const char *name) {
    return strcmp(name, "conffiles") == 0 || strcmp(name, "triggers") == 0;
}

static int lint_text(const struct pp_control *control, const char *name,
                     const struct pp_buffer *text, struct pp_notes *notes, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_blob blob = pp_blob_memory(text->data, text->len);
    PP_AUTO_FREE char *path = NULL;
    int rc = pp_content_scan(control->policy, &blob, 0, &findings, err);

    if (rc < 0)
        return rc;
    if (asprintf(&path, "DEBIAN/%s", name) < 0) {
        path = NULL;
        return pp_err_nomem(err);
    }
    return pp_notes_add_findings(notes, PP_RULE_CONTROL_FILE, path, &findings, err);
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

int pp_control_lint(struct pp_control *control, const char *name, const struct pp_buffer *text,
                    struct pp_notes *notes, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer value = PP_BUFFER_INIT;
    int rc = 0;

    if (strcmp(name, "control") == 0) {
        rc = pp_deb_field(text, "Dynamic-Variables", &value, err);
        control->is_known = true;
        control->has_field = rc > 0;
    } else if (strcmp(name, "triggers") == 0) {
        control->has_trigger = activates(text);
    } else if (strcmp(name, "conffiles") == 0) {
        rc = pp_buffer_append(&control->conffiles, text->data, text->len, err);
    }
    return rc < 0 || names_paths(name) ? rc : lint_text(control, name, text, notes, err);
}

/* Source: deb-conffiles(5): a path a line, absolute; flags may come before it. */
bool pp_control_is_conffile(const struct pp_control *control, const char *path) {
    const char *line = (const char *)control->conffiles.data;
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

int pp_control_opt_in(const struct pp_control *control, uint64_t placeholders,
                      struct pp_notes *notes, struct pp_err *err) {
    if (!control->is_known || (!control->has_field && placeholders == 0))
        return 0;
    if (!control->has_field)
        return pp_notes_add(notes, PP_RULE_NO_FIELD, "DEBIAN/control", "", err);
    return control->has_trigger
               ? 0
               : pp_notes_add(notes, PP_RULE_NO_TRIGGER, "DEBIAN/triggers", "", err);
}
