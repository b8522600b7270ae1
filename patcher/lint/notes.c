#include "lint/notes.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pp_notes_done(struct pp_notes *notes) {
    for (size_t i = 0; i < notes->count; i++) {
        free(notes->items[i].member);
        free(notes->items[i].text);
    }
    free(notes->items);
    *notes = (struct pp_notes)PP_NOTES_INIT;
}

/* Takes the note; its member and text are copied. */
static int add(struct pp_notes *notes, const struct pp_note *note, struct pp_err *err) {
    size_t count = notes->count;
    struct pp_note *grown = notes->items;

    if ((count & (count + 1)) == 0)
        grown = pp_array_resize(notes->items, 2 * count + 2, sizeof(*grown));
    if (grown == NULL)
        return pp_err_nomem(err);
    notes->items = grown;
    grown[count] = *note;
    grown[count].member = strdup(note->member);
    grown[count].text = strdup(note->text);
    notes->count++;
    return grown[count].member == NULL || grown[count].text == NULL ? pp_err_nomem(err) : 0;
}

int pp_notes_add(struct pp_notes *notes, enum pp_rule_index rule, const char *member,
                 const char *text, struct pp_err *err) {
    return add(notes,
               &(struct pp_note){.rule = rule,
                                 .member = (char *)member,
                                 .offset = -1,
                                 .placeholder = -1,
                                 .text = (char *)text},
               err);
}

/* MEMBER!PART; the caller's to free, NULL when out of memory. */
static char *join(const char *member, const char *part) {
    char *path;

    if (asprintf(&path, "%s%s%s", member, member[0] != '\0' && part[0] != '\0' ? "!" : "", part) <
        0)
        return NULL;
    return path;
}

static enum pp_rule_index rule_of_left(enum pp_left_kind kind) {
    switch (kind) {
    case PP_LEFT_EXECUTABLE:
        return PP_RULE_EXECUTABLE;
    case PP_LEFT_FORMAT:
        return PP_RULE_FORMAT;
    case PP_LEFT_MESSAGE_ID:
        return PP_RULE_MESSAGE_ID;
    case PP_LEFT_SIGNED:
        return PP_RULE_SIGNED;
    case PP_LEFT_NOT:
        break;
    }
    return 0;
}

static int add_finding(struct pp_notes *notes, enum pp_rule_index rule, const char *member,
                       const struct pp_findings *findings, const struct pp_finding *finding,
                       struct pp_err *err) {
    const struct pp_leaf *leaf = &findings->leaves[finding->leaf];
    PP_AUTO_FREE char *path = NULL;

    if (finding->mark == PP_RULE_SHEBANG)
        rule = PP_RULE_SHEBANG;
    if (rule == 0)
        rule = rule_of_left(leaf->left_kind);
    if (rule == 0)
        rule = finding->mark;
    if (rule == 0 || rule == PP_RULE_LONG || rule == PP_RULE_SOCKET)
        notes->placeholders++;
    if (rule == 0)
        return 0;
    path = join(member, leaf->path);
    if (path == NULL)
        return pp_err_nomem(err);
    return add(notes,
               &(struct pp_note){.rule = rule,
                                 .member = path,
                                 .offset = (int64_t)finding->offset,
                                 .placeholder = finding->placeholder,
                                 .encoding = (enum pp_encoding)finding->encoding,
                                 .text = (char *)(leaf->left != NULL ? leaf->left : "")},
               err);
}

/* Is this part told of by what was found in it? */
static bool has_finding(const struct pp_findings *findings, const char *path) {
    size_t len = strlen(path);

    for (size_t i = 0; i < findings->count; i++) {
        const struct pp_leaf *leaf = &findings->leaves[findings->items[i].leaf];

        if (leaf->left != NULL && strncmp(leaf->path, path, len) == 0 &&
            (len == 0 || leaf->path[len] == '\0' || leaf->path[len] == '!'))
            return true;
    }
    return false;
}

static int add_problem(struct pp_notes *notes, const char *member,
                       const struct pp_findings *findings, const struct pp_problem *problem,
                       struct pp_err *err) {
    PP_AUTO_FREE char *path = NULL;

    if (problem->kind == PP_ERR_UNSUPPORTED && has_finding(findings, problem->path))
        return 0;
    path = join(member, problem->path);
    return path == NULL ? pp_err_nomem(err)
                        : pp_notes_add(notes, PP_RULE_UNREAD, path, problem->text, err);
}

int pp_notes_add_findings(struct pp_notes *notes, enum pp_rule_index rule, const char *member,
                          const struct pp_findings *findings, struct pp_err *err) {
    int rc = 0;

    notes->closed += findings->closed;
    if (findings->closed)
        return 0;
    for (size_t i = 0; rc >= 0 && i < findings->count; i++)
        rc = add_finding(notes, rule, member, findings, &findings->items[i], err);
    for (size_t i = 0; rc >= 0 && i < findings->problem_count; i++)
        rc = add_problem(notes, member, findings, &findings->problems[i], err);
    return rc;
}
