#include "deb/deb_relocate.h"

#include "base/cleanup.h"
#include "content/content.h"

#include <string.h>

static bool is_moved(const struct pp_relocation *relocation, size_t index) {
    return !pp_values_is_default(&relocation->session->values, index);
}

int pp_relocation_init(struct pp_relocation *relocation, const struct pp_session *session,
                       struct pp_err *err) {
    const struct pp_table *table = &session->table;
    struct pp_pattern patterns[PP_PLACEHOLDER_MAX];

    for (size_t i = 0; i < table->count; i++)
        patterns[i] = (struct pp_pattern){.find = table->placeholders[i].default_path,
                                          .len = strlen(table->placeholders[i].default_path),
                                          .is_path = true};
    *relocation = (struct pp_relocation){
        .session = session,
        .paths = pp_matcher_new(patterns, table->count, NULL, 0, err),
        .retext = {.policy = &session->policy, .table = table},
    };
    for (size_t i = 0; i < table->count; i++)
        relocation->retext.put[i] = session->values.values[i].path;
    return relocation->paths == NULL ? -(int)err->kind : 0;
}

void pp_relocation_done(struct pp_relocation *relocation) {
    pp_matcher_free(relocation->paths);
    relocation->paths = NULL;
}

/* ---- paths ---- */

/* Sets `to` to where a path goes. Returns 1 when that is another one. Both are without a slash at
 * their head. */
static int move_path(const struct pp_relocation *relocation, const char *path, struct pp_buffer *to,
                     struct pp_err *err) {
    PP_AUTO_FREE char *moved = NULL;
    PP_AUTO_BUFFER struct pp_buffer absolute = PP_BUFFER_INIT;
    int rc = pp_buffer_printf(&absolute, err, "/%s", path);

    if (rc < 0)
        return rc;
    moved = pp_values_move(&relocation->session->values, (const char *)absolute.data);
    if (moved == NULL)
        return pp_err_nomem(err);
    if (strcmp(moved + 1, path) == 0)
        return 0;
    rc = pp_buffer_append(to, moved + 1, strlen(moved + 1), err);
    return rc < 0 ? rc : 1;
}

/* A folder above one that moves: it may have nothing left to hold. */
static bool is_above_moved(const struct pp_relocation *relocation, const char *path) {
    const struct pp_table *table = &relocation->session->table;
    size_t len = strlen(path);

    for (size_t i = 0; i < table->count; i++) {
        const char *default_path = table->placeholders[i].default_path + 1;

        if (is_moved(relocation, i) && strncmp(default_path, path, len) == 0 &&
            default_path[len] == '/')
            return true;
    }
    return false;
}

/* Goes on from a path: `..` takes a component away, others are added. */
static int walk_path(struct pp_buffer *path, const char *text, size_t len, struct pp_err *err) {
    const char *end = text + len;
    int rc = 0;

    while (rc >= 0 && text < end) {
        size_t name_len = strcspn(text, "/");

        if (name_len > (size_t)(end - text))
            name_len = (size_t)(end - text);
        if (name_len == 2 && memcmp(text, "..", 2) == 0) {
            const char *slash = path->len > 0 ? memrchr(path->data, '/', path->len) : NULL;

            path->len = slash != NULL ? (size_t)(slash - (const char *)path->data) : 0;
        } else if (name_len > 0 && !(name_len == 1 && *text == '.')) {
            rc = pp_buffer_printf(path, err, "%s%.*s", path->len > 0 ? "/" : "", (int)name_len,
                                  text);
        }
        text += name_len + 1;
    }
    return rc < 0 ? rc : pp_buffer_append(path, "", 0, err);
}

/* Where a relative link leads, by its text alone. */
static int resolve(const char *link, const char *target, struct pp_buffer *path,
                   struct pp_err *err) {
    const char *slash = strrchr(link, '/');
    int rc = walk_path(path, link, slash != NULL ? (size_t)(slash - link) : 0, err);

    return rc < 0 ? rc : walk_path(path, target, strlen(target), err);
}

/* A relative link that leads elsewhere from its new place becomes an absolute one. Returns 1 then.
 */
static int move_relative(const struct pp_relocation *relocation, const struct pp_deb_member *member,
                         struct pp_deb_change *change, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer was = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer want = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer is = PP_BUFFER_INIT;
    const char *link = change->moved ? (const char *)change->path.data : member->path;
    int rc = resolve(member->path, member->target, &was, err);

    if (rc >= 0)
        rc = move_path(relocation, (const char *)was.data, &want, err);
    if (rc == 0)
        rc = pp_buffer_append(&want, was.data, was.len, err);
    if (rc >= 0)
        rc = resolve(link, member->target, &is, err);
    if (rc < 0 || strcmp((const char *)want.data, (const char *)is.data) == 0)
        return rc < 0 ? rc : 0;
    rc = pp_buffer_printf(&change->target, err, "/%s", (const char *)want.data);
    return rc < 0 ? rc : 1;
}

int pp_relocation_move(const struct pp_relocation *relocation, const struct pp_deb_member *member,
                       struct pp_deb_change *change, struct pp_findings *findings,
                       struct pp_err *err) {
    int rc = move_path(relocation, member->path, &change->path, err);

    if (rc < 0)
        return rc;
    change->moved = rc > 0;
    change->deferred = member->kind == PP_DEB_FOLDER && !change->moved && member->path[0] != '\0' &&
                       is_above_moved(relocation, member->path);
    if (member->kind == PP_DEB_HARDLINK)
        rc = move_path(relocation, member->target, &change->target, err);
    else if (member->kind == PP_DEB_SYMLINK && member->target[0] != '/')
        rc = move_relative(relocation, member, change, err);
    else if (member->kind == PP_DEB_SYMLINK)
        rc = pp_retext_text(&relocation->retext, (const uint8_t *)member->target,
                            strlen(member->target), &change->target, findings, err);
    else
        return 0;
    change->relinked = rc > 0;
    return rc < 0 ? rc : 0;
}

static void judge(const void *context, const struct pp_match *match, uint64_t offset,
                  struct pp_finding *finding) {
    (void)context;
    (void)offset;
    finding->mark = match->broken;
}

int pp_relocation_scan(const struct pp_relocation *relocation, const struct pp_blob *content,
                       uint32_t mode, struct pp_findings *findings, struct pp_err *err) {
    struct pp_policy policy = relocation->session->policy;
    int rc;

    policy.matcher = relocation->paths;
    policy.judge = judge;
    rc = pp_content_scan(&policy, content, mode, findings, err);
    if (rc >= 0)
        pp_findings_drop_defaults(findings, &relocation->session->values);
    return rc;
}
