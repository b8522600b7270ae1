#include "content/findings.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

static void drop_leaves(struct pp_findings *findings, size_t count) {
    while (findings->leaf_count > count)
        free(findings->leaves[--findings->leaf_count].path);
}

static void drop_problems(struct pp_findings *findings, size_t count) {
    while (findings->problem_count > count) {
        findings->problem_count--;
        free(findings->problems[findings->problem_count].path);
        free(findings->problems[findings->problem_count].text);
    }
}

void pp_findings_done(struct pp_findings *findings) {
    drop_leaves(findings, 0);
    drop_problems(findings, 0);
    free(findings->leaves);
    free(findings->items);
    free(findings->problems);
    *findings = (struct pp_findings)PP_FINDINGS_INIT;
}

/* Makes room for one more element; the capacity is the next power of two. */
static void *grow(void *array, size_t count, size_t size, struct pp_err *err) {
    void *grown = array;

    if (count == 0 || (count & (count - 1)) == 0)
        grown = pp_array_resize(array, count == 0 ? 1 : count * 2, size);
    if (grown == NULL)
        pp_err_nomem(err);
    return grown;
}

int64_t pp_findings_leaf(struct pp_findings *findings, const struct pp_leaf *leaf,
                         struct pp_err *err) {
    struct pp_leaf *leaves;
    size_t count = findings->leaf_count;

    if (count > 0 && strcmp(findings->leaves[count - 1].path, leaf->path) == 0 &&
        findings->leaves[count - 1].coded_layer == leaf->coded_layer &&
        findings->leaves[count - 1].left == leaf->left)
        return (int64_t)count - 1;
    leaves = grow(findings->leaves, count, sizeof(*leaves), err);
    if (leaves == NULL)
        return -(int)err->kind;
    findings->leaves = leaves;
    leaves[count] = *leaf;
    leaves[count].path = strdup(leaf->path);
    if (leaves[count].path == NULL)
        return pp_err_nomem(err);
    findings->leaf_count++;
    return (int64_t)count;
}

int pp_findings_add(struct pp_findings *findings, const struct pp_finding *hit,
                    struct pp_err *err) {
    struct pp_finding *grown = grow(findings->items, findings->count, sizeof(*grown), err);

    if (grown == NULL)
        return -(int)err->kind;
    findings->items = grown;
    grown[findings->count++] = *hit;
    return 0;
}

int pp_findings_problem(struct pp_findings *findings, const char *path,
                        const struct pp_err *problem, struct pp_err *err) {
    size_t count = findings->problem_count;
    struct pp_problem *grown;
    struct pp_problem *added;

    if (count > 0 && strcmp(findings->problems[count - 1].path, path) == 0 &&
        strcmp(findings->problems[count - 1].text, problem->text) == 0)
        return 0;
    grown = grow(findings->problems, count, sizeof(*grown), err);
    if (grown == NULL)
        return -(int)err->kind;
    findings->problems = grown;
    added = &grown[findings->problem_count++];
    *added = (struct pp_problem){
        .path = strdup(path), .kind = problem->kind, .text = strdup(problem->text)};
    return added->path == NULL || added->text == NULL ? pp_err_nomem(err) : 0;
}

struct pp_findings_mark pp_findings_mark(const struct pp_findings *findings) {
    struct pp_findings_mark mark = {
        findings->leaf_count, findings->count, findings->problem_count, {0}};

    memcpy(mark.digest, findings->digest, sizeof(mark.digest));
    return mark;
}

void pp_findings_rewind(struct pp_findings *findings, const struct pp_findings_mark *mark) {
    findings->count = mark->count;
    drop_leaves(findings, mark->leaf_count);
    drop_problems(findings, mark->problem_count);
    memcpy(findings->digest, mark->digest, sizeof(findings->digest));
}

static int append_items(struct pp_findings *findings, const struct pp_findings *part,
                        struct pp_err *err) {
    int64_t leaf = 0;

    for (size_t i = 0; i < part->count; i++) {
        struct pp_finding item = part->items[i];

        if (i == 0 || item.leaf != part->items[i - 1].leaf)
            leaf = pp_findings_leaf(findings, &part->leaves[item.leaf], err);
        if (leaf < 0)
            return (int)leaf;
        item.leaf = (uint32_t)leaf;
        if (pp_findings_add(findings, &item, err) < 0)
            return -(int)err->kind;
    }
    return 0;
}

int pp_findings_append(struct pp_findings *findings, const struct pp_findings *part,
                       struct pp_err *err) {
    int rc = append_items(findings, part, err);

    for (size_t i = 0; rc >= 0 && i < part->problem_count; i++) {
        struct pp_err problem;

        pp_err_set(&problem, part->problems[i].kind, "%s", part->problems[i].text);
        rc = pp_findings_problem(findings, part->problems[i].path, &problem, err);
    }
    findings->closed = findings->closed || part->closed;
    return rc;
}

const char *pp_finding_left(const struct pp_findings *findings, const struct pp_finding *hit) {
    if (findings->leaves[hit->leaf].left != NULL)
        return findings->leaves[hit->leaf].left;
    if (hit->written)
        return NULL;
    return hit->was != 0 ? "an older value that several placeholders had"
                         : "its value is not ASCII, which takes another length here";
}

bool pp_finding_counts(const struct pp_findings *findings, const struct pp_finding *hit) {
    return pp_finding_left(findings, hit) == NULL;
}

size_t pp_findings_count(const struct pp_findings *findings) {
    size_t count = 0;

    for (size_t i = 0; i < findings->count; i++)
        count += pp_finding_counts(findings, &findings->items[i]) ? 1 : 0;
    return count;
}

/* The placeholder stands there, and shall. */
static bool is_default(const struct pp_finding *hit, const struct pp_values *values) {
    return hit->was == 0 && pp_values_is_default(values, hit->placeholder);
}

void pp_findings_drop_defaults(struct pp_findings *findings, const struct pp_values *values) {
    size_t kept = 0;

    for (size_t i = 0; i < findings->count; i++)
        if (pp_finding_counts(findings, &findings->items[i]) &&
            !is_default(&findings->items[i], values))
            return;
    for (size_t i = 0; i < findings->count; i++)
        if (!is_default(&findings->items[i], values))
            findings->items[kept++] = findings->items[i];
    findings->count = kept;
}

bool pp_findings_in_place(const struct pp_findings *findings) {
    for (size_t i = 0; i < findings->count; i++)
        if (pp_finding_counts(findings, &findings->items[i]) &&
            !findings->leaves[findings->items[i].leaf].in_place)
            return false;
    return true;
}

/* Is `path` the member `parent` or inside it? */
static bool is_inside(const char *path, const char *parent) {
    size_t len = strlen(parent);

    return len == 0 || (strncmp(path, parent, len) == 0 && (path[len] == '\0' || path[len] == '!'));
}

int pp_findings_coded_layer(const struct pp_findings *findings, const char *path) {
    int layer = -2;

    for (size_t i = 0; i < findings->count; i++) {
        const struct pp_leaf *leaf = &findings->leaves[findings->items[i].leaf];

        if (leaf->coded_layer > layer && pp_finding_counts(findings, &findings->items[i]) &&
            is_inside(leaf->path, path))
            layer = leaf->coded_layer;
    }
    return layer;
}
