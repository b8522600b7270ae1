#include "content/retext.h"

#include "base/cleanup.h"
#include "base/spool.h"
#include "content/coding.h"
#include "content/kind.h"
#include "stream/path_end.h"

#include <stdlib.h>
#include <string.h>

/* Text is worked on in memory. */
#define TEXT_LEN_MAX ((uint64_t)64 << 20)

/* ---- text ---- */

/* The placeholder with the longest default path at `at`, or -1. */
static int find_path(const struct pp_retext *retext, const uint8_t *at, const uint8_t *end) {
    const struct pp_table *table = retext->table;
    size_t found_len = 0;
    int found = -1;

    for (size_t i = 0; i < table->count; i++) {
        size_t len = strlen(table->placeholders[i].default_path);

        if (len > found_len && (size_t)(end - at) >= len &&
            memcmp(at, table->placeholders[i].default_path, len) == 0 &&
            pp_path_ends(at, (size_t)(end - at), len, 1)) {
            found = (int)i;
            found_len = len;
        }
    }
    return found;
}

/* One text on its way. */
struct edit {
    const struct pp_retext *retext;
    const uint8_t *text;
    size_t done; /* of the text */
    struct pp_buffer *out;
    struct pp_findings *findings;
    int count;
};

static int note(struct edit *edit, size_t offset, size_t placeholder, struct pp_err *err) {
    int64_t leaf = pp_findings_leaf(edit->findings,
                                    &(struct pp_leaf){.path = (char *)"", .coded_layer = -1}, err);

    edit->count++;
    if (leaf < 0)
        return (int)leaf;
    return pp_findings_add(edit->findings,
                           &(struct pp_finding){.offset = offset,
                                                .leaf = (uint32_t)leaf,
                                                .placeholder = (uint16_t)placeholder,
                                                .written = true},
                           err);
}

/* Is it written with padding? */
static bool pads(const char *put) {
    return put[1] != '\0' && put[strlen(put) - 1] == '/';
}

/* Text up to the next padded placeholder. */
static int put_plain(struct edit *edit, size_t to, struct pp_err *err) {
    const struct pp_retext *retext = edit->retext;
    const uint8_t *end = edit->text + to;
    const uint8_t *kept = edit->text + edit->done;
    const uint8_t *at = kept;
    int rc = 0;

    while (rc >= 0 && (at = memchr(at, '/', (size_t)(end - at))) != NULL) {
        int found = find_path(retext, at, end);
        const char *was;
        const char *put;

        if (found < 0) {
            at++;
            continue;
        }
        was = retext->table->placeholders[found].default_path;
        put = retext->put[found];
        rc = pp_buffer_append(edit->out, kept, (size_t)(at - kept), err);
        if (rc >= 0)
            rc = pp_buffer_append(edit->out, put, strlen(put), err);
        if (rc >= 0 && strcmp(was, put) != 0)
            rc = note(edit, (size_t)(at - edit->text), (size_t)found, err);
        at += strlen(was);
        if (pads(put))
            while (end - at > 1 && at[0] == '/' && at[1] == '/')
                at++;
        kept = at;
    }
    edit->done = to;
    return rc < 0 ? rc : pp_buffer_append(edit->out, kept, (size_t)(end - kept), err);
}

/* A padded placeholder; `edited` is the text with the value in it. `shared`: its last slash is the
 * first of a path, which takes it. Where that gets padding, this one must have all of its own. */
static int put_padded(struct edit *edit, const uint8_t *edited, const struct pp_match *match,
                      bool shared, struct pp_err *err) {
    bool grows = shared && pads(edit->retext->put[match->pattern]);
    size_t to = shared ? match->end - 1 : match->end;
    size_t len = (grows ? match->end : to) - match->first;
    int rc = pp_buffer_append(edit->out, edited + match->first, len, err);

    edit->done = to;
    if (rc < 0 || (!grows && memcmp(edited + match->first, edit->text + match->first, len) == 0))
        return rc;
    return note(edit, match->first, match->pattern, err);
}

int pp_retext_text(const struct pp_retext *retext, const uint8_t *text, size_t len,
                   struct pp_buffer *out, struct pp_findings *findings, struct pp_err *err) {
    const struct pp_matcher *matcher = retext->policy->matcher;
    struct edit edit = {.retext = retext, .text = text, .out = out, .findings = findings};
    PP_AUTO_FREE uint8_t *edited = malloc(len + 1);
    struct pp_matcher_walk walk = {0};
    struct pp_match match;
    int rc = 0;

    if (edited == NULL)
        return pp_err_nomem(err);
    memcpy(edited, text, len);
    while (rc >= 0 && pp_matcher_next(matcher, text, len, len, &walk, &match)) {
        bool shared = find_path(retext, text + match.end - 1, text + len) >= 0;

        pp_matcher_write(matcher, edited, &match);
        rc = put_plain(&edit, match.first, err);
        if (rc >= 0)
            rc = put_padded(&edit, edited, &match, shared, err);
    }
    if (rc >= 0)
        rc = put_plain(&edit, len, err);
    return rc < 0 ? rc : edit.count;
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

static bool is_plain(const struct pp_kind *kind) {
    return kind->codec == NULL && kind->container == NULL && kind->left == NULL;
}

static int retext_plain(const struct pp_retext *retext, const struct pp_blob *content,
                        struct pp_buffer *out, struct pp_findings *findings, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(content, err);
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int rc = source == NULL ? -(int)err->kind : read_text(source, &text, err);
    struct pp_kind kind;

    if (rc <= 0)
        return rc < 0 ? rc : PP_RETEXT_NO_TEXT;
    kind = pp_kind_of(text.data, text.len);
    return is_plain(&kind) ? pp_retext_text(retext, text.data, text.len, out, findings, err)
                           : PP_RETEXT_NO_TEXT;
}

static int copy_spool(const struct pp_spool *spool, struct pp_sink *out, struct pp_err *err) {
    struct pp_blob blob = pp_spool_blob(spool);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&blob, err);

    return source == NULL ? -(int)err->kind : pp_sink_copy(out, source, err);
}

static int retext_coded(const struct pp_retext *retext, const struct pp_codec *codec,
                        const struct pp_blob *content, struct pp_sink *out,
                        struct pp_findings *findings, struct pp_err *err) {
    struct pp_budget *budget = retext->policy->budget;
    PP_AUTO_SPOOL struct pp_spool plain;
    PP_AUTO_SPOOL struct pp_spool written;
    PP_AUTO_BUFFER struct pp_buffer edited = PP_BUFFER_INIT;
    struct pp_blob text;
    int count;
    int rc;

    pp_spool_init(&plain);
    pp_spool_init(&written);
    rc = pp_coding_decode(codec, content, PP_DECODED_LEN_MAX, budget, &plain.sink, err);
    if (rc < 0)
        return rc;
    text = pp_spool_blob(&plain);
    count = retext_plain(retext, &text, &edited, findings, err);
    if (count <= 0 || count == PP_RETEXT_NO_TEXT)
        return count;
    text = pp_blob_memory(edited.data, edited.len);
    rc = pp_coding_encode(codec, content, &text, budget, &written, err);
    if (rc >= 0)
        rc = copy_spool(&written, out, err);
    return rc < 0 ? rc : count;
}

int pp_retext_content(const struct pp_retext *retext, const struct pp_blob *content, uint32_t mode,
                      struct pp_sink *out, struct pp_findings *findings, struct pp_err *err) {
    const struct pp_policy *policy = retext->policy;
    PP_AUTO_BUFFER struct pp_buffer edited = PP_BUFFER_INIT;
    uint8_t head[PP_KIND_HEAD_LEN];
    ssize_t len = pp_blob_read(content, 0, head, sizeof(head), err);
    struct pp_kind kind;
    int count;
    int rc;

    if (len < 0)
        return (int)len;
    kind = pp_kind_of(head, (size_t)len);
    if (pp_kind_executable(head, (size_t)len, mode, policy->executables) != NULL ||
        (kind.codec != NULL && !policy->decode))
        return PP_RETEXT_NO_TEXT;
    if (kind.codec != NULL)
        return retext_coded(retext, kind.codec, content, out, findings, err);
    if (!is_plain(&kind))
        return PP_RETEXT_NO_TEXT;
    count = retext_plain(retext, content, &edited, findings, err);
    if (count <= 0 || count == PP_RETEXT_NO_TEXT)
        return count;
    rc = pp_sink_write(out, edited.data, edited.len, err);
    return rc < 0 ? rc : count;
}
