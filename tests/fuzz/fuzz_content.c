/* The walk through all layers: what can be scanned is either written or refused with a reason; what
 * was written holds no placeholder that could be patched, and nothing new is wrong with it. */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "content/content.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct pp_pattern patterns[] = {
    {.find = "/old//////////", .put = "/n/w//////////", .len = 14},
    {.find = "/old/usr//////////", .put = "/n/w/usr//////////", .len = 18},
};

static void demand(bool holds) {
    if (!holds)
        abort();
}

/* An error must be whole, and of the content. */
static bool fine(int rc, const struct pp_err *err) {
    demand(rc >= 0 || (rc == -(int)err->kind && err->text[0] != '\0'));
    demand(rc >= 0 || err->kind == PP_ERR_DAMAGED || err->kind == PP_ERR_UNSUPPORTED ||
           err->kind == PP_ERR_LIMIT);
    return rc >= 0;
}

static void scan(const struct pp_policy *policy, const struct pp_buffer *content,
                 struct pp_findings *findings) {
    struct pp_blob blob = pp_blob_memory(content->data, content->len);
    struct pp_err err = PP_ERR_INIT;

    /* What is wrong with the content is among the findings. */
    demand(pp_content_scan(policy, &blob, 0, findings, &err) >= 0);
    for (size_t i = 0; i < findings->problem_count; i++)
        demand(findings->problems[i].text[0] != '\0');
}

/* Written bytes may by chance make a head that another format claims: a tar has no magic but the
 * sum over its header. */
static bool same_kind(const struct pp_blob *before, const struct pp_buffer *after) {
    size_t len = before->len < PP_KIND_HEAD_LEN ? (size_t)before->len : PP_KIND_HEAD_LEN;
    struct pp_kind was = pp_kind_of(before->memory, len);
    struct pp_kind is =
        pp_kind_of(after->data, after->len < PP_KIND_HEAD_LEN ? after->len : PP_KIND_HEAD_LEN);

    return was.codec == is.codec && was.container == is.container;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static struct pp_matcher *matcher;
    const struct pp_buffer content = {.data = (uint8_t *)(uintptr_t)data, .len = len, .cap = len};
    struct pp_blob blob = pp_blob_memory(data, len);
    PP_AUTO_FINDINGS struct pp_findings before = PP_FINDINGS_INIT;
    PP_AUTO_FINDINGS struct pp_findings after = PP_FINDINGS_INIT;
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    const char *guards[] = {patterns[0].put, patterns[1].put};
    PP_AUTO(pp_budget_done) struct pp_budget budget;
    struct pp_policy policy = {.budget = &budget, .decode = true};
    struct pp_sink_buffer sink;
    struct pp_err err = PP_ERR_INIT;

    pp_budget_init(&budget, (uint64_t)100 << 20);
    if (matcher == NULL)
        matcher = pp_matcher_new(patterns, 2, guards, 2, &err);
    demand(matcher != NULL);
    policy.matcher = matcher;
    scan(&policy, &content, &before);
    demand(budget.taken_len == 0);
    if (pp_findings_count(&before) == 0)
        return 0;
    pp_sink_buffer_init(&sink, &out);
    if (fine(pp_content_rewrite(&policy, &blob, 0, &before, &sink.sink, &err), &err) &&
        same_kind(&blob, &out)) {
        scan(&policy, &out, &after);
        demand(pp_findings_count(&after) == 0);
        demand(after.problem_count == before.problem_count);
    }
    demand(budget.taken_len == 0);
    return 0;
}
