#include "pathpatch.h"

#include "base/cleanup.h"
#include "content/content.h"
#include "core/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct pp_patcher {
    struct pp_table table;
    struct pp_values values;
    struct pp_matcher *matcher;
    struct pp_budget *budget;
};

const char *pp_version(void) {
    return PP_VERSION;
}

static void tell(const struct pp_err *err, char *message, size_t message_len) {
    if (message_len > 0)
        snprintf(message, message_len, "%s", err->text);
}

void pp_patcher_free(struct pp_patcher *patcher) {
    if (patcher == NULL)
        return;
    if (patcher->budget != NULL)
        pp_budget_done(patcher->budget);
    free(patcher->budget);
    pp_matcher_free(patcher->matcher);
    pp_values_done(&patcher->values);
    pp_table_done(&patcher->table);
    free(patcher);
}

static int prepare(struct pp_patcher *patcher, const char *table_path, const char *const *values,
                   struct pp_err *err) {
    struct pp_value_sources sources = {.set = values};

    if (pp_table_load(&patcher->table, table_path, err) < 0 ||
        pp_values_resolve(&patcher->values, &patcher->table, &sources, err) < 0)
        return -(int)err->kind;
    patcher->matcher = pp_values_matcher(&patcher->values, NULL, 0, err);
    if (patcher->matcher == NULL)
        return -(int)err->kind;
    patcher->budget = malloc(sizeof(*patcher->budget));
    if (patcher->budget == NULL)
        return pp_err_nomem(err);
    pp_budget_init(patcher->budget, PP_MEMORY_DEFAULT);
    return 0;
}

struct pp_patcher *pp_patcher_new(const char *table_path, const char *const *values, char *message,
                                  size_t message_len) {
    struct pp_patcher *patcher = calloc(1, sizeof(*patcher));
    struct pp_err err = PP_ERR_INIT;

    if (patcher == NULL) {
        pp_err_nomem(&err);
    } else if (prepare(patcher, table_path, values, &err) < 0) {
        pp_patcher_free(patcher);
        patcher = NULL;
    }
    if (patcher == NULL)
        tell(&err, message, message_len);
    return patcher;
}

static struct pp_policy policy_of(const struct pp_patcher *patcher) {
    return (struct pp_policy){
        .matcher = patcher->matcher, .budget = patcher->budget, .decode = true, .leave_debs = true};
}

/* Finds what is in the file. */
static int look(const struct pp_policy *policy, int in, struct pp_blob *blob,
                struct pp_findings *findings, struct pp_err *err) {
    struct stat st;

    if (fstat(in, &st) < 0)
        return pp_err_sys(err, "cannot look at the file");
    if (!S_ISREG(st.st_mode))
        return pp_err_set(err, PP_ERR_USAGE, "not a regular file");
    *blob = pp_blob_file(in, 0, (uint64_t)st.st_size);
    return pp_content_scan(policy, blob, 0, findings, err);
}

static void tell_places(const struct pp_patcher *patcher, const struct pp_findings *findings,
                        pp_visit *visit, void *context) {
    for (size_t i = 0; i < findings->count; i++) {
        const struct pp_finding *finding = &findings->items[i];

        visit(context, &(struct pp_place){
                           .member = findings->leaves[finding->leaf].path,
                           .placeholder = patcher->table.placeholders[finding->placeholder].name,
                           .encoding = pp_encoding_name((enum pp_encoding)finding->encoding),
                           .offset = finding->offset,
                           .left = pp_finding_left(findings, finding)});
    }
    for (size_t i = 0; i < findings->problem_count; i++)
        visit(context, &(struct pp_place){.member = findings->problems[i].path,
                                          .left = findings->problems[i].text});
}

static int64_t scan_content(const struct pp_patcher *patcher, int in, pp_visit *visit,
                            void *context, struct pp_err *err) {
    struct pp_policy policy = policy_of(patcher);
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_blob blob;

    if (look(&policy, in, &blob, &findings, err) < 0)
        return -(int)err->kind;
    if (visit != NULL)
        tell_places(patcher, &findings, visit, context);
    return (int64_t)pp_findings_count(&findings);
}

static int64_t patch_content(const struct pp_patcher *patcher, int in, int out, pp_visit *visit,
                             void *context, struct pp_err *err) {
    struct pp_policy policy = policy_of(patcher);
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_sink_fd sink;
    struct pp_blob blob;
    size_t count;

    if (look(&policy, in, &blob, &findings, err) < 0)
        return -(int)err->kind;
    if (visit == NULL && findings.problem_count > 0)
        return pp_err_set(err, findings.problems[0].kind, "%s", findings.problems[0].text);
    pp_findings_drop_defaults(&findings, &patcher->values);
    if (visit != NULL)
        tell_places(patcher, &findings, visit, context);
    count = pp_findings_count(&findings);
    if (count == 0)
        return 0;
    pp_sink_fd_init(&sink, out);
    if (pp_content_rewrite(&policy, &blob, 0, &findings, &sink.sink, err) < 0)
        return -(int)err->kind;
    return (int64_t)count;
}

static int64_t patch_text(const struct pp_patcher *patcher, char *text, size_t text_len,
                          struct pp_err *err) {
    struct pp_policy policy = policy_of(patcher);
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    PP_AUTO_FREE char *patched = NULL;

    if (pp_content_scan_text(&policy, text, text_len, &findings, &patched, err) < 0)
        return -(int)err->kind;
    if (findings.problem_count > 0)
        return pp_err_set(err, findings.problems[0].kind, "%s", findings.problems[0].text);
    pp_findings_drop_defaults(&findings, &patcher->values);
    if (patched != NULL)
        memcpy(text, patched, strlen(patched));
    return (int64_t)pp_findings_count(&findings);
}

/* What the library's functions return. */
static int64_t told(int64_t count, const struct pp_err *err, char *message, size_t message_len) {
    if (count >= 0)
        return count;
    tell(err, message, message_len);
    return -1;
}

int64_t pp_patcher_scan(const struct pp_patcher *patcher, int in, pp_visit *visit, void *context,
                        char *message, size_t message_len) {
    struct pp_err err = PP_ERR_INIT;

    return told(scan_content(patcher, in, visit, context, &err), &err, message, message_len);
}

int64_t pp_patcher_content(const struct pp_patcher *patcher, int in, int out, pp_visit *visit,
                           void *context, char *message, size_t message_len) {
    struct pp_err err = PP_ERR_INIT;

    return told(patch_content(patcher, in, out, visit, context, &err), &err, message, message_len);
}

int64_t pp_patcher_text(const struct pp_patcher *patcher, char *text, size_t text_len,
                        char *message, size_t message_len) {
    struct pp_err err = PP_ERR_INIT;

    return told(patch_text(patcher, text, text_len, &err), &err, message, message_len);
}
