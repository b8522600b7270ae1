/* The leaves of the walk: plain bytes, where the placeholders are. */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "content/content_walk.h"
#include "format/zip.h"
#include "stream/replacer.h"

#include <stdlib.h>
#include <string.h>

#define LEAF_BUFFER_LEN ((size_t)256 << 10)

/* The end record of a zip, and a comment of the usual length. */
#define TAIL_LEN (PP_ZIP_END_LEN + 1024u)

void pp_walk_fold(struct pp_findings *findings, XXH128_hash_t digest) {
    XXH128_canonical_t both[2];

    memcpy(both[0].digest, findings->digest, sizeof(both[0].digest));
    XXH128_canonicalFromHash(&both[1], digest);
    XXH128_canonicalFromHash(&both[0], XXH3_128bits(both, sizeof(both)));
    memcpy(findings->digest, both[0].digest, sizeof(both[0].digest));
}

struct leaf_edit {
    struct pp_walk_run *run;
    struct pp_leaf leaf;
    size_t count;
    enum pp_encoding unwritten; /* of a match that cannot be written; PP_ENCODING_BYTES: none */
    bool ambiguous;             /* there is an older value that may be of several placeholders */
};

/* What the matched pattern stands for. */
static struct pp_finding finding_of(struct leaf_edit *edit, const struct pp_match *match,
                                    uint64_t offset) {
    const struct pp_policy *policy = edit->run->policy;
    const struct pp_older *older = policy->older;
    size_t first = older != NULL ? older->values->table->count : SIZE_MAX;
    const struct pp_older_text *text;

    if (policy->judge != NULL) {
        struct pp_finding finding = {.mark = 0};

        policy->judge(policy->judge_context, match, offset, &finding);
        return finding;
    }
    if (match->pattern < first)
        return (struct pp_finding){.placeholder = (uint16_t)match->pattern};
    text = &older->items[match->pattern - first];
    edit->ambiguous = edit->ambiguous || text->ambiguous;
    return (struct pp_finding){.placeholder = text->placeholder, .was = text->set};
}

static int on_match(void *user, const struct pp_match *match, uint64_t offset, bool written,
                    struct pp_err *err) {
    struct leaf_edit *edit = user;
    struct pp_finding finding = finding_of(edit, match, offset);
    int64_t leaf;

    edit->count++;
    if (!written)
        edit->unwritten = match->encoding;
    if (edit->run->writing)
        return 0;
    leaf = pp_findings_leaf(edit->run->findings, &edit->leaf, err);
    if (leaf < 0)
        return (int)leaf;
    finding.offset = offset;
    finding.leaf = (uint32_t)leaf;
    finding.encoding = (uint8_t)match->encoding;
    finding.written = written;
    return pp_findings_add(edit->run->findings, &finding, err);
}

static struct leaf_edit leaf_edit(struct pp_walk_run *run, const struct pp_walk_place *place,
                                  const char *left, bool in_place) {
    enum pp_left_kind kind = place->left_kind != PP_LEFT_NOT ? place->left_kind : PP_LEFT_FORMAT;

    return (struct leaf_edit){.run = run,
                              .leaf = {.path = (char *)place->path,
                                       .left = left,
                                       .left_kind = left != NULL ? kind : PP_LEFT_NOT,
                                       .in_place = in_place,
                                       .coded_layer = place->coded_layer}};
}

static void free_hash(XXH3_state_t **hash) {
    XXH3_freeState(*hash);
}

/* What is left with a placeholder in it is a problem, unless it is an executable. */
static int note_left(struct pp_walk_run *run, const struct pp_walk_place *place,
                     const struct leaf_edit *edit, struct pp_err *err) {
    struct pp_err problem;

    if (place->left != NULL)
        return edit->count > 0 ? pp_walk_note_left(run, place->left_path, place->left, err) : 0;
    if (run->writing || edit->leaf.left != NULL)
        return 0;
    if (edit->ambiguous) {
        pp_err_set(&problem, PP_ERR_UNSUPPORTED,
                   "an older value is left: several placeholders had it, or have it now; write the "
                   "placeholder or the new value there");
        return pp_findings_problem(run->findings, place->path, &problem, err);
    }
    if (edit->unwritten == PP_ENCODING_BYTES)
        return 0;
    pp_err_set(&problem, PP_ERR_UNSUPPORTED,
               "a placeholder in %s is left: its value is not ASCII, which takes another length "
               "there",
               pp_encoding_name(edit->unwritten));
    return pp_findings_problem(run->findings, place->path, &problem, err);
}

/* The buffer's settled part goes on; the rest moves to its head. */
static int pass_on(uint8_t *data, size_t settled, size_t *held, struct pp_sink *out,
                   XXH3_state_t *hash, struct pp_err *err) {
    if (out != NULL && settled > 0) {
        int rc = pp_sink_write(out, data, settled, err);

        if (rc < 0)
            return rc;
    }
    if (hash != NULL)
        XXH3_128bits_update(hash, data, settled);
    *held -= settled;
    memmove(data, data + settled, *held);
    return 0;
}

/* The file itself, in memory and only looked at: there is nothing to copy. */
static int look_at_memory(struct pp_replacer *replacer, const struct pp_blob *blob,
                          struct pp_err *err) {
    ssize_t settled;

    replacer->edit = false;
    settled = pp_replacer_edit(replacer, (uint8_t *)blob->memory, (size_t)blob->len, true, err);
    return settled < 0 ? (int)settled : 0;
}

/* Bytes as they come, in pieces of a buffer. */
static int edit_stream(struct pp_replacer *replacer, struct pp_source *in, struct pp_sink *out,
                       XXH3_state_t *hash, struct pp_err *err) {
    PP_AUTO_FREE uint8_t *data = malloc(LEAF_BUFFER_LEN);
    size_t held = 0;
    bool last = false;

    if (data == NULL)
        return pp_err_nomem(err);
    while (!last) {
        ssize_t count = pp_source_read(in, data + held, LEAF_BUFFER_LEN - held, err);
        ssize_t settled;
        int rc;

        if (count < 0)
            return (int)count;
        last = count == 0;
        held += (size_t)count;
        settled = pp_replacer_edit(replacer, data, held, last, err);
        if (settled < 0)
            return (int)settled;
        rc = pass_on(data, (size_t)settled, &held, out, hash, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int pp_walk_leaf(struct pp_walk_run *run, const struct pp_walk_place *place, const char *left,
                 struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct leaf_edit edit = leaf_edit(run, place, left, place->layer == 0);
    struct pp_replacer replacer = {
        .matcher = run->policy->matcher, .edit = left == NULL, .on_match = on_match, .user = &edit};
    bool hashing = !run->writing && place->layer > 0 && !place->unhashed;
    PP_AUTO(free_hash) XXH3_state_t *hash = hashing ? XXH3_createState() : NULL;
    const struct pp_blob *blob;
    uint64_t offset;
    int rc;

    if (hashing && hash == NULL)
        return pp_err_nomem(err);
    if (hashing)
        XXH3_128bits_reset(hash);
    blob = place->layer == 0 && out == NULL ? pp_source_blob(in, &offset) : NULL;
    rc = blob != NULL && blob->memory != NULL && offset == 0
             ? look_at_memory(&replacer, blob, err)
             : edit_stream(&replacer, in, out, hash, err);
    if (rc < 0)
        return rc;
    if (hashing)
        pp_walk_fold(run->findings, XXH3_128bits_digest(hash));
    return note_left(run, place, &edit, err);
}

/* A source whose last bytes are kept. */
struct tailed {
    struct pp_source source;
    struct pp_source *in;
    uint8_t tail[TAIL_LEN];
};

static ssize_t tailed_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct tailed *self = (struct tailed *)source;
    ssize_t count = pp_source_read(self->in, data, len, err);
    size_t fresh = count < 0                            ? 0
                   : (size_t)count < sizeof(self->tail) ? (size_t)count
                                                        : sizeof(self->tail);

    memmove(self->tail, self->tail + fresh, sizeof(self->tail) - fresh);
    if (fresh > 0)
        memcpy(self->tail + sizeof(self->tail) - fresh, (uint8_t *)data + count - fresh, fresh);
    return count;
}

static const struct pp_source_ops tailed_ops = {.read = tailed_read};

int pp_walk_ends_as_zip(const struct pp_blob *blob, bool long_comment, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer tail = PP_BUFFER_INIT;
    uint64_t len = long_comment ? PP_ZIP_TAIL_MAX : TAIL_LEN;
    ssize_t count;

    if (len > blob->len)
        len = blob->len;
    if (blob->memory != NULL)
        return pp_zip_find_end(blob->memory + (blob->len - len), (size_t)len) != NULL;
    if (pp_buffer_reserve(&tail, (size_t)len, err) < 0)
        return -(int)err->kind;
    count = pp_blob_read(blob, blob->len - len, tail.data, (size_t)len, err);
    return count < 0 ? (int)count : pp_zip_find_end(tail.data, (size_t)count) != NULL;
}

int pp_walk_plain(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                  struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct tailed tailed = {.source.ops = &tailed_ops, .in = in};
    size_t before = run->findings->count;
    uint64_t offset;
    const struct pp_blob *blob = pp_source_blob(in, &offset);
    int rc = pp_walk_leaf(run, place, place->left, blob != NULL ? in : &tailed.source, out, err);

    (void)arg;
    if (rc < 0 || run->writing || place->left != NULL)
        return rc;
    /* A long comment is looked through only where there is something to lose. */
    if (blob == NULL)
        rc = pp_zip_find_end(tailed.tail, sizeof(tailed.tail)) != NULL;
    else if (run->findings->count > before)
        rc = pp_walk_ends_as_zip(blob, true, err);
    if (rc > 0)
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "a zip behind a stub, here where it cannot be rewritten");
    return rc;
}

int pp_walk_text(struct pp_walk_run *run, const struct pp_walk_place *place, const char *left,
                 bool in_place, uint64_t offset, uint8_t *data, size_t len, struct pp_err *err) {
    struct leaf_edit edit = leaf_edit(run, place, left, in_place);
    struct pp_replacer replacer = {.matcher = run->policy->matcher,
                                   .edit = left == NULL,
                                   .offset = offset,
                                   .on_match = on_match,
                                   .user = &edit};
    ssize_t settled = pp_replacer_edit(&replacer, data, len, true, err);

    if (settled < 0)
        return (int)settled;
    /* As for plain bytes: what is written over in place is not decoded again. */
    if (!run->writing && !place->unhashed && !in_place)
        pp_walk_fold(run->findings, XXH3_128bits(data, len));
    if (note_left(run, place, &edit, err) < 0)
        return -(int)err->kind;
    return edit.count > 0 && left == NULL ? 1 : 0;
}
