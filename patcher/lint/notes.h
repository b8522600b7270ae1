/* What lint has to say of one file: a note each place. */
#ifndef PP_LINT_NOTES_H
#define PP_LINT_NOTES_H

#include "base/error.h"
#include "content/findings.h"
#include "lint/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_note {
    enum pp_rule_index rule;
    char *member;    /* of an archive, members joined by '!'; "" for the file itself */
    int64_t offset;  /* in its decoded bytes; -1: it is said of all of it */
    int placeholder; /* index in the table; -1: of none */
    enum pp_encoding encoding;
    char *text; /* more to say; "" for nothing */
    bool suppressed;
};

struct pp_notes {
    struct pp_note *items;
    size_t count;
    uint64_t placeholders; /* as they shall be */
    uint64_t closed;       /* files that were not opened, as the policy has it */
};

#define PP_NOTES_INIT                                                                              \
    { .items = NULL }
#define PP_AUTO_NOTES PP_AUTO(pp_notes_done)

void pp_notes_done(struct pp_notes *notes);

/* A note on a whole file or member. */
int pp_notes_add(struct pp_notes *notes, enum pp_rule_index rule, const char *member,
                 const char *text, struct pp_err *err);

/* Notes on what was found in a member ("" for a file itself) with the policy of a lint. `rule`:
 * what a path in it breaks, whatever stands around it; 0 where that decides. */
int pp_notes_add_findings(struct pp_notes *notes, enum pp_rule_index rule, const char *member,
                          const struct pp_findings *findings, struct pp_err *err);

#endif
