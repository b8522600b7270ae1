#include "content/content.h"

#include "base/cleanup.h"
#include "base/spool.h"
#include "content/content_walk.h"

#include <string.h>

int pp_walk_skip(struct pp_source *in, struct pp_err *err) {
    uint8_t data[16384];
    ssize_t count;

    while ((count = pp_source_read(in, data, sizeof(data), err)) > 0)
        ;
    return (int)count;
}

static int copy_rest(struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    uint8_t data[16384];
    ssize_t count;

    while ((count = pp_source_read(in, data, sizeof(data), err)) > 0) {
        int rc = pp_sink_write(out, data, (size_t)count, err);

        if (rc < 0)
            return rc;
    }
    return (int)count;
}

int pp_walk_note_left(struct pp_walk_run *run, const char *path, const char *why,
                      struct pp_err *err) {
    struct pp_err problem;

    if (run->writing)
        return 0;
    pp_err_set(&problem, PP_ERR_UNSUPPORTED, "left as it is: %s", why);
    return pp_findings_problem(run->findings, path, &problem, err);
}

/* Bytes of a kind that is not rewritten: looked at, and a problem where there may be a hit. */
static int walk_left(struct pp_walk_run *run, const struct pp_walk_place *place,
                     const struct pp_kind *kind, struct pp_source *in, struct pp_sink *out,
                     struct pp_err *err) {
    size_t before = run->findings->count;
    int rc = pp_walk_leaf(run, place, kind->left, in, out, err);

    if (rc < 0)
        return rc;
    if ((run->findings->count > before && place->left == NULL) || kind->opaque)
        rc = pp_walk_note_left(run, place->path, kind->left, err);
    return rc;
}

int pp_walk_part(struct pp_walk_run *run, const struct pp_walk_place *place, pp_walk_fn *step,
                 void *arg, struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct pp_findings_mark mark = pp_findings_mark(run->findings);
    struct pp_err problem = PP_ERR_INIT;
    int rc = step(run, place, arg, in, out, &problem);

    if (rc >= 0)
        return rc;
    if (run->writing || !pp_err_of_content(&problem)) {
        *err = problem;
        return rc;
    }
    pp_findings_rewind(run->findings, &mark);
    rc = pp_findings_problem(run->findings, place->path, &problem, err);
    return rc < 0 || place->layer == 0 ? rc : pp_walk_skip(in, err);
}

static int walk_inside(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                       struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    (void)arg;
    return pp_walk_content(run, place, in, out, err);
}

static int walk_kind(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                     struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    const struct pp_kind *kind = arg;
    struct pp_walk_coding coding = {.codec = kind->codec, .inside = walk_inside};

    if (kind->left != NULL)
        return walk_left(run, place, kind, in, out, err);
    if (place->depth >= PP_DEPTH_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "nested deeper than %d", PP_DEPTH_MAX);
    if (kind->container != NULL)
        return pp_walk_container(run, place, (void *)kind->container, in, out, err);
    coding.len_kept = pp_walk_len_kept(run, place);
    return pp_walk_coded(run, place, &coding, in, out, err);
}

static bool is_plain(const struct pp_kind *kind) {
    return kind->codec == NULL && kind->container == NULL && kind->left == NULL;
}

/* A zip behind a stub is told by its end, where that can be seen. */
static int find_zip(struct pp_kind *kind, const struct pp_source *in, struct pp_err *err) {
    uint64_t offset;
    const struct pp_blob *blob = pp_source_blob(in, &offset);
    int rc = blob != NULL ? pp_walk_ends_as_zip(blob, false, err) : 0;

    if (rc > 0)
        kind->container = &pp_container_zip;
    return rc;
}

/* Why content of this kind cannot be patched where it stands, or NULL. */
static const char *left_here(const struct pp_walk_run *run, const struct pp_walk_place *place,
                             const struct pp_kind *kind) {
    if (place->len_fixed && (kind->codec != NULL || kind->container == &pp_container_zip))
        return "compressed, in a member whose length is fixed (sparse, or indexed by symbols)";
    if (place->depth == 0 && run->policy->leave_debs && kind->is_deb)
        return "a Debian package: pathpatch deb writes the values into it and mends its md5sums";
    return place->left;
}

static int walk_told(struct pp_walk_run *run, const struct pp_walk_place *place,
                     const uint8_t *head, size_t head_len, struct pp_source *in,
                     struct pp_sink *out, struct pp_err *err) {
    struct pp_walk_place here = *place;
    const char *executable = NULL;
    struct pp_kind kind;
    int rc;

    if (place->left == NULL && place->itself)
        executable = pp_kind_executable(head, head_len, place->mode, run->policy->executables);
    if (executable == NULL && out != NULL &&
        pp_findings_coded_layer(run->findings, place->path) == -2)
        return copy_rest(in, out, err);
    kind = pp_kind_of(head, head_len);
    /* An executable is not opened, whatever it holds. */
    if (executable != NULL) {
        here.left_kind = PP_LEFT_EXECUTABLE;
        return pp_walk_leaf(run, &here, executable, in, out, err);
    }
    if (is_plain(&kind) && (rc = find_zip(&kind, in, err)) < 0)
        return rc;
    if (is_plain(&kind))
        return pp_walk_part(run, place, pp_walk_plain, NULL, in, out, err);
    /* To write over bytes that carry sums would break them. */
    if (!run->policy->decode) {
        run->findings->closed = true;
        return pp_walk_leaf(run, place, "not opened", in, out, err);
    }
    here.left = left_here(run, place, &kind);
    if (here.left != place->left)
        here.left_path = place->path;
    return pp_walk_part(run, &here, walk_kind, &kind, in, out, err);
}

int pp_walk_content(struct pp_walk_run *run, const struct pp_walk_place *place,
                    struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    uint8_t head[PP_KIND_HEAD_LEN];
    const struct pp_blob *blob;
    uint64_t offset;
    ssize_t head_len;

    /* A blob is looked at without moving its source, so that containers see it from the start. */
    blob = pp_source_blob(in, &offset);
    if (blob != NULL) {
        head_len = pp_blob_read(blob, offset, head, sizeof(head), err);
        return head_len < 0 ? (int)head_len
                            : walk_told(run, place, head, (size_t)head_len, in, out, err);
    }
    head_len = pp_source_read_full(in, head, sizeof(head), err);
    if (head_len < 0)
        return (int)head_len;
    {
        PP_AUTO_SOURCE struct pp_source *whole = pp_source_prepend(head, (size_t)head_len, in, err);

        if (whole == NULL)
            return -(int)err->kind;
        return walk_told(run, place, head, (size_t)head_len, whole, out, err);
    }
}

static int walk_blob(struct pp_walk_run *run, const struct pp_blob *blob, uint32_t mode,
                     struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(blob, err);
    atomic_uint_fast64_t decoded = 0;

    if (source == NULL)
        return -(int)err->kind;
    run->decoded = &decoded;
    return pp_walk_content(
        run, &(struct pp_walk_place){.path = "", .coded_layer = -1, .mode = mode, .itself = true},
        source, out, err);
}

static int scan_once(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                     struct pp_findings *findings, struct pp_err *err) {
    struct pp_walk_run run = {.policy = policy, .findings = findings};

    return walk_blob(&run, blob, mode, NULL, err);
}

int pp_content_scan(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                    struct pp_findings *findings, struct pp_err *err) {
    struct pp_findings_mark mark = pp_findings_mark(findings);
    int rc = scan_once(policy, blob, mode, findings, err);

    if (rc >= 0 || err->kind != PP_ERR_BUSY)
        return rc;
    pp_err_clear(err);
    pp_findings_rewind(findings, &mark);
    pp_budget_claim(policy->budget);
    rc = scan_once(policy, blob, mode, findings, err);
    pp_budget_unclaim(policy->budget);
    return rc;
}

int pp_content_scan_text(const struct pp_policy *policy, const char *text, size_t len,
                         struct pp_findings *findings, char **patched, struct pp_err *err) {
    struct pp_walk_run run = {.policy = policy, .findings = findings};
    PP_AUTO_FREE char *copy = strndup(text, len);
    int rc;

    *patched = NULL;
    if (copy == NULL)
        return pp_err_nomem(err);
    rc = pp_walk_text(&run, &(struct pp_walk_place){.path = "", .coded_layer = -1}, NULL, true, 0,
                      (uint8_t *)copy, strlen(copy), err);
    if (rc > 0) {
        *patched = copy;
        copy = NULL;
    }
    return rc < 0 ? rc : 0;
}

int pp_content_write(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                     struct pp_findings *findings, struct pp_sink *out, struct pp_err *err) {
    struct pp_walk_run run = {.policy = policy, .findings = findings, .writing = true};

    return walk_blob(&run, blob, mode, out, err);
}

/* Decodes what was written and compares it with the patched text. */
static int check_written(const struct pp_policy *policy, const struct pp_blob *written,
                         uint32_t mode, const struct pp_findings *findings, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings again = PP_FINDINGS_INIT;
    int rc = pp_content_scan(policy, written, mode, &again, err);

    if (rc < 0)
        return rc;
    if (memcmp(again.digest, findings->digest, sizeof(again.digest)) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED,
                          "the rewritten content does not decode to the patched text; left as it "
                          "was");
    return 0;
}

static int rewrite_once(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                        struct pp_findings *findings, struct pp_spool *spool, struct pp_err *err) {
    struct pp_blob written;

    pp_spool_init(spool);
    if (pp_content_write(policy, blob, mode, findings, &spool->sink, err) < 0)
        return -(int)err->kind;
    written = pp_spool_blob(spool);
    return check_written(policy, &written, mode, findings, err);
}

int pp_content_rewrite(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                       struct pp_findings *findings, struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_SPOOL struct pp_spool spool;
    PP_AUTO_SOURCE struct pp_source *source = NULL;
    struct pp_blob written;
    int rc = rewrite_once(policy, blob, mode, findings, &spool, err);

    if (rc < 0 && err->kind == PP_ERR_BUSY) {
        pp_err_clear(err);
        pp_spool_done(&spool);
        pp_budget_claim(policy->budget);
        rc = rewrite_once(policy, blob, mode, findings, &spool, err);
        pp_budget_unclaim(policy->budget);
    }
    if (rc < 0)
        return rc;
    written = pp_spool_blob(&spool);
    source = pp_source_from_blob(&written, err);
    return source == NULL ? -(int)err->kind : pp_sink_copy(out, source, err);
}

int pp_content_patch(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                     struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    int rc = pp_content_scan(policy, blob, mode, &findings, err);

    return rc < 0 ? rc : pp_content_rewrite(policy, blob, mode, &findings, out, err);
}
