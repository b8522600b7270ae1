/* What was found in one file: every hit, where it stands, and what could not be looked into. */
#ifndef PP_CONTENT_FINDINGS_H
#define PP_CONTENT_FINDINGS_H

#include "base/error.h"
#include "stream/matcher.h"
#include "values/values.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it is about a leaf that is not patched. */
enum pp_left_kind {
    PP_LEFT_NOT,
    PP_LEFT_EXECUTABLE,
    PP_LEFT_FORMAT, /* or a part of a container that cannot be written again */
    PP_LEFT_MESSAGE_ID,
    PP_LEFT_SIGNED,
};

/* A stretch of decoded bytes: the file itself, or a member. */
struct pp_leaf {
    char *path;       /* members joined by '!'; "" for the file itself */
    const char *left; /* why it is not patched; NULL: it is */
    enum pp_left_kind left_kind;
    bool in_place;   /* its offsets are offsets in the file */
    int coded_layer; /* innermost layer around it that may change its size; -1: none */
};

struct pp_finding {
    uint64_t offset; /* in the decoded bytes of its leaf */
    uint32_t leaf;
    uint16_t placeholder; /* index in the table */
    uint8_t encoding;     /* enum pp_encoding */
    bool written;         /* false: it is left */
    uint8_t mark;         /* what the policy's judge says of it; 0 without one */
    uint32_t was;         /* value set whose text stands there; 0: the placeholder itself */
};

/* A part that was left because of what it is: damaged, unsupported, over a limit. */
struct pp_problem {
    char *path; /* as in pp_leaf */
    enum pp_err_kind kind;
    char *text;
};

struct pp_findings {
    struct pp_leaf *leaves;
    size_t leaf_count;
    struct pp_finding *items;
    size_t count;
    struct pp_problem *problems;
    size_t problem_count;
    uint8_t digest[16]; /* of all decoded text, patched; XXH3, to check a rewrite against */
    bool closed;        /* compressed or an archive, and not opened: the policy says so */
};

#define PP_FINDINGS_INIT                                                                           \
    { .leaves = NULL }
#define PP_AUTO_FINDINGS PP_AUTO(pp_findings_done)

void pp_findings_done(struct pp_findings *findings);

/* Adds a leaf or gives the last one back where it has this path. Returns its index. */
int64_t pp_findings_leaf(struct pp_findings *findings, const struct pp_leaf *leaf,
                         struct pp_err *err);
int pp_findings_add(struct pp_findings *findings, const struct pp_finding *hit, struct pp_err *err);
/* The same problem of the same part, one after another, is kept once. */
int pp_findings_problem(struct pp_findings *findings, const char *path,
                        const struct pp_err *problem, struct pp_err *err);

/* A state to come back to when a part turns out to be damaged. */
struct pp_findings_mark {
    size_t leaf_count;
    size_t count;
    size_t problem_count;
    uint8_t digest[16];
};
struct pp_findings_mark pp_findings_mark(const struct pp_findings *findings);
void pp_findings_rewind(struct pp_findings *findings, const struct pp_findings_mark *mark);
/* Adds all that was found in a later part, but for the digest. */
int pp_findings_append(struct pp_findings *findings, const struct pp_findings *part,
                       struct pp_err *err);

/* Why this hit is not patched, or NULL. */
const char *pp_finding_left(const struct pp_findings *findings, const struct pp_finding *hit);
/* Is this hit to be patched? */
bool pp_finding_counts(const struct pp_findings *findings, const struct pp_finding *hit);
/* The number of hits to be patched. */
size_t pp_findings_count(const struct pp_findings *findings);
/* Can all of them be written in the file as it is? */
bool pp_findings_in_place(const struct pp_findings *findings);
/* A placeholder whose value is the default is as it shall be. In a file that holds no other there
 * is nothing to write, and they are dropped; in one that does, they stay with the others, since
 * later values may differ. */
void pp_findings_drop_defaults(struct pp_findings *findings, const struct pp_values *values);
/* Innermost size-changing layer at or below `path` that has hits to be patched; -1 none has one
 * but there are hits; -2 no hits. */
int pp_findings_coded_layer(const struct pp_findings *findings, const char *path);

#endif
