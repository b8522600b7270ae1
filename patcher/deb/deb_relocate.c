#include "deb/deb_relocate.h"

#include "base/cleanup.h"
#include "base/sink.h"
#include "content/coding.h"
#include "content/content.h"
#include "content/kind.h"

#include <stdlib.h>
#include <string.h>

/* Text is worked on in memory; what is longer is left and reported. */
#define TEXT_LEN_MAX ((uint64_t)64 << 20)

static bool is_moved(const struct pp_relocation *relocation, size_t index) {
    return !pp_values_is_default(&relocation->session->values, index);
}

int pp_relocation_init(struct pp_relocation *relocation, const struct pp_session *session,
                       struct pp_err *err) {
    const struct pp_table *table = &session->table;
    struct pp_pattern patterns[PP_PLACEHOLDER_MAX];

    for (size_t i = 0; i < table->count; i++)
        patterns[i] = (struct pp_pattern){.find = table->placeholders[i].default_path,
                                          .len = strlen(table->placeholders[i].default_path)};
    *relocation = (struct pp_relocation){
        .session = session, .paths = pp_matcher_new(patterns, table->count, NULL, 0, err)};
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
                       struct pp_deb_change *change, struct pp_err *err) {
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
        rc = pp_relocation_text(relocation, (const uint8_t *)member->target, strlen(member->target),
                                &change->target, err);
    else
        return 0;
    change->relinked = rc > 0;
    return rc < 0 ? rc : 0;
}

/* ---- text ---- */

static bool is_name_byte(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte >= 0x80;
}

/* Does a path end here, so that it is not the beginning of another name? A full stop ends it where
 * no name goes on behind. */
static bool ends_path(const uint8_t *at, const uint8_t *end) {
    if (at == end)
        return true;
    if (*at == '.')
        return at + 1 == end || !(is_name_byte(at[1]) || at[1] == '.');
    return !is_name_byte(*at);
}

/* The placeholder with the longest default path at `at`, or -1. */
static int find_path(const struct pp_relocation *relocation, const uint8_t *at,
                     const uint8_t *end) {
    const struct pp_table *table = &relocation->session->table;
    size_t found_len = 0;
    int found = -1;

    for (size_t i = 0; i < table->count; i++) {
        size_t len = strlen(table->placeholders[i].default_path);

        if (len > found_len && (size_t)(end - at) >= len &&
            memcmp(at, table->placeholders[i].default_path, len) == 0 && ends_path(at + len, end)) {
            found = (int)i;
            found_len = len;
        }
    }
    return found;
}

/* Text between padded placeholders. */
static int move_plain(const struct pp_relocation *relocation, const uint8_t *text, size_t len,
                      struct pp_buffer *moved, int *count, struct pp_err *err) {
    const struct pp_session *session = relocation->session;
    const uint8_t *end = text + len;
    const uint8_t *kept = text;
    const uint8_t *at = text;
    int rc = 0;

    while (rc >= 0 && (at = memchr(at, '/', (size_t)(end - at))) != NULL) {
        int found = find_path(relocation, at, end);
        const char *value;

        if (found < 0) {
            at++;
            continue;
        }
        value = session->values.values[found].path;
        rc = pp_buffer_append(moved, kept, (size_t)(at - kept), err);
        if (rc >= 0)
            rc = pp_buffer_append(moved, value, strlen(value), err);
        at += strlen(session->table.placeholders[found].default_path);
        kept = at;
        *count += is_moved(relocation, (size_t)found) ? 1 : 0;
    }
    return rc < 0 ? rc : pp_buffer_append(moved, kept, (size_t)(end - kept), err);
}

int pp_relocation_text(const struct pp_relocation *relocation, const uint8_t *text, size_t len,
                       struct pp_buffer *moved, struct pp_err *err) {
    const struct pp_matcher *matcher = relocation->session->matcher;
    PP_AUTO_FREE uint8_t *edited = malloc(len + 1);
    struct pp_matcher_walk walk = {0};
    struct pp_match match;
    size_t done = 0;
    int count = 0;
    int rc = 0;

    if (edited == NULL)
        return pp_err_nomem(err);
    memcpy(edited, text, len);
    while (rc >= 0 && pp_matcher_next(matcher, text, len, len, &walk, &match)) {
        /* Its last slash may be the first of a path, which takes it. */
        size_t end = find_path(relocation, text + match.end - 1, text + len) >= 0 ? match.end - 1
                                                                                  : match.end;

        rc = move_plain(relocation, text + done, match.first - done, moved, &count, err);
        pp_matcher_write(matcher, edited, &match);
        if (rc >= 0)
            rc = pp_buffer_append(moved, edited + match.first, end - match.first, err);
        count += is_moved(relocation, match.pattern) ? 1 : 0;
        done = end;
    }
    if (rc >= 0)
        rc = move_plain(relocation, text + done, len - done, moved, &count, err);
    return rc < 0 ? rc : count;
}

/* ---- files ---- */

/* Content as text in memory. Returns 1, or 0 when it is none. */
static int read_text(struct pp_source *source, struct pp_buffer *text, struct pp_err *err) {
    uint8_t data[16384];
    ssize_t count;

    while ((count = pp_source_read(source, data, sizeof(data), err)) != 0) {
        if (count < 0)
            return (int)count;
        if (memchr(data, '\0', (size_t)count) != NULL || text->len > TEXT_LEN_MAX)
            return 0;
        if (pp_buffer_append(text, data, (size_t)count, err) < 0)
            return -(int)err->kind;
    }
    return pp_buffer_append(text, "", 0, err) < 0 ? -(int)err->kind : 1;
}

static bool is_plain(const uint8_t *head, size_t len) {
    struct pp_kind kind = pp_kind_of(head, len);

    return kind.codec == NULL && kind.container == NULL && kind.left == NULL;
}

static int move_text(const struct pp_relocation *relocation, const struct pp_blob *content,
                     struct pp_buffer *moved, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(content, err);
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int rc = source == NULL ? -(int)err->kind : read_text(source, &text, err);

    if (rc <= 0)
        return rc < 0 ? rc : PP_RELOCATION_NO_TEXT;
    if (!is_plain(text.data, text.len))
        return PP_RELOCATION_NO_TEXT;
    return pp_relocation_text(relocation, text.data, text.len, moved, err);
}

static int copy_spool(const struct pp_spool *spool, struct pp_sink *out, struct pp_err *err) {
    struct pp_blob blob = pp_spool_blob(spool);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&blob, err);

    return source == NULL ? -(int)err->kind : pp_sink_copy(out, source, err);
}

static int move_coded(const struct pp_relocation *relocation, const struct pp_codec *codec,
                      const struct pp_blob *content, struct pp_sink *out, struct pp_err *err) {
    struct pp_budget *budget = relocation->session->policy.budget;
    PP_AUTO_SPOOL struct pp_spool plain;
    PP_AUTO_SPOOL struct pp_spool written;
    PP_AUTO_BUFFER struct pp_buffer moved = PP_BUFFER_INIT;
    struct pp_blob text;
    int count;
    int rc;

    pp_spool_init(&plain);
    pp_spool_init(&written);
    rc = pp_coding_decode(codec, content, PP_DECODED_LEN_MAX, budget, &plain.sink, err);
    if (rc < 0)
        return rc;
    text = pp_spool_blob(&plain);
    count = move_text(relocation, &text, &moved, err);
    if (count <= 0 || count == PP_RELOCATION_NO_TEXT)
        return count;
    text = pp_blob_memory(moved.data, moved.len);
    rc = pp_coding_encode(codec, content, &text, budget, &written, err);
    if (rc >= 0)
        rc = copy_spool(&written, out, err);
    return rc < 0 ? rc : count;
}

int pp_relocation_content(const struct pp_relocation *relocation, const struct pp_blob *content,
                          uint32_t mode, struct pp_sink *out, struct pp_err *err) {
    const struct pp_policy *policy = &relocation->session->policy;
    PP_AUTO_BUFFER struct pp_buffer moved = PP_BUFFER_INIT;
    uint8_t head[PP_KIND_HEAD_LEN];
    ssize_t len = pp_blob_read(content, 0, head, sizeof(head), err);
    struct pp_kind kind;
    int count;
    int rc;

    if (len < 0)
        return (int)len;
    if (pp_kind_executable(head, (size_t)len, mode, policy->executables) != NULL)
        return PP_RELOCATION_NO_TEXT;
    kind = pp_kind_of(head, (size_t)len);
    if (kind.codec != NULL)
        return policy->decode ? move_coded(relocation, kind.codec, content, out, err)
                              : PP_RELOCATION_NO_TEXT;
    if (!is_plain(head, (size_t)len))
        return PP_RELOCATION_NO_TEXT;
    count = move_text(relocation, content, &moved, err);
    if (count <= 0 || count == PP_RELOCATION_NO_TEXT)
        return count;
    rc = pp_sink_write(out, moved.data, moved.len, err);
    return rc < 0 ? rc : count;
}

int pp_relocation_scan(const struct pp_relocation *relocation, const struct pp_blob *content,
                       uint32_t mode, struct pp_findings *findings, struct pp_err *err) {
    struct pp_policy policy = relocation->session->policy;
    int rc;

    policy.matcher = relocation->paths;
    rc = pp_content_scan(&policy, content, mode, findings, err);
    if (rc >= 0)
        pp_findings_drop_defaults(findings, &relocation->session->values);
    return rc;
}
