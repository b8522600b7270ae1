#include "pad/pad_package.h"

#include "deb/deb.h"

#include <string.h>

struct padder {
    struct pp_deb_visitor visitor;
    const struct pp_retext *retext;
    struct pp_findings *findings;
    int count;
};

static int keep_control(struct pp_deb_visitor *visitor, const char *name, struct pp_buffer *text,
                        struct pp_err *err) {
    (void)visitor;
    (void)name;
    (void)text;
    (void)err;
    return PP_DEB_CONTROL_KEPT;
}

/* What was found in a member, under its path. */
static int add_findings(struct padder *padder, const char *path, const struct pp_findings *found,
                        struct pp_err *err) {
    int64_t leaf;

    padder->count += (int)found->count;
    if (found->count == 0)
        return 0;
    leaf = pp_findings_leaf(padder->findings,
                            &(struct pp_leaf){.path = (char *)path, .coded_layer = -1}, err);
    for (size_t i = 0; leaf >= 0 && i < found->count; i++) {
        struct pp_finding finding = found->items[i];

        finding.leaf = (uint32_t)leaf;
        if (pp_findings_add(padder->findings, &finding, err) < 0)
            return -(int)err->kind;
    }
    return leaf < 0 ? (int)leaf : 0;
}

static int pad_file(struct padder *padder, const struct pp_deb_member *member,
                    struct pp_deb_change *change, struct pp_findings *found, struct pp_err *err) {
    struct pp_err problem = PP_ERR_INIT;
    int count = pp_retext_content(padder->retext, &member->content, member->mode,
                                  &change->content.sink, found, &problem);

    if (count < 0 && pp_err_of_content(&problem))
        return pp_findings_problem(padder->findings, member->path, &problem, err);
    if (count < 0) {
        *err = problem;
        return count;
    }
    change->rewritten = count > 0 && count != PP_RETEXT_NO_TEXT;
    return change->rewritten ? add_findings(padder, member->path, found, err) : 0;
}

static int pad_symlink(struct padder *padder, const struct pp_deb_member *member,
                       struct pp_deb_change *change, struct pp_findings *found,
                       struct pp_err *err) {
    int count = pp_retext_text(padder->retext, (const uint8_t *)member->target,
                               strlen(member->target), &change->target, found, err);

    if (count < 0)
        return count;
    change->relinked = count > 0;
    return add_findings(padder, member->path, found, err);
}

static int pad_member(struct pp_deb_visitor *visitor, const struct pp_deb_member *member,
                      struct pp_deb_change *change, struct pp_err *err) {
    struct padder *padder = (struct padder *)visitor;
    PP_AUTO_FINDINGS struct pp_findings found = PP_FINDINGS_INIT;

    if (member->kind == PP_DEB_FILE)
        return pad_file(padder, member, change, &found, err);
    return member->kind == PP_DEB_SYMLINK ? pad_symlink(padder, member, change, &found, err) : 0;
}

int pp_pad_package(const struct pp_retext *retext, const struct pp_blob *deb, struct pp_sink *out,
                   struct pp_findings *findings, struct pp_err *err) {
    struct padder padder = {.visitor = {.control = keep_control, .member = pad_member},
                            .retext = retext,
                            .findings = findings};
    int rc = pp_deb_walk(deb, PP_DEB_COMPRESSION_KEPT, retext->policy->budget, out, &padder.visitor,
                         err);

    return rc < 0 ? rc : padder.count;
}
