/* Lint: what a maintainer must mend before a package is shipped.
 *
 * It looks for padded placeholders and for plain default paths with the matcher and the walk that
 * patch files, and says what keeps each from being patched. Nothing is written.
 *
 *     rc = pp_lint_init(&lint, &session, &reporter, err);
 *     rc = pp_lint_path(&lint, path, err);      (as often as needed)
 *     pp_lint_done(&lint);
 */
#ifndef PP_LINT_LINT_H
#define PP_LINT_LINT_H

#include "base/blob.h"
#include "base/error.h"
#include "core/session.h"
#include "lint/notes.h"
#include "lint/suppressions.h"

#include <stdint.h>

struct pp_lint_report {
    const char *path;             /* relative to the root */
    const struct pp_notes *notes; /* never without any */
};

/* Called in the thread that runs the command, in the order of paths. */
struct pp_lint_reporter {
    void (*report)(void *context, const struct pp_lint_report *report);
    /* Files looked at so far, and in all; 0: not known. */
    void (*progress)(void *context, uint64_t files, uint64_t total);
    void *context;
};

struct pp_lint_tally {
    uint64_t files;        /* looked at; a package is one */
    uint64_t placeholders; /* that will be patched */
    uint64_t notes[PP_SEVERITY_ERROR + 1];
    uint64_t suppressed;
    uint64_t closed; /* not opened, as the policy has it */
};

struct pp_lint {
    struct pp_session *session;           /* borrowed */
    struct pp_suppressions *suppressions; /* borrowed */
    const struct pp_lint_reporter *reporter;
    struct pp_matcher *matcher;
    struct pp_policy policy;
    struct pp_lint_tally tally;
};

#define PP_AUTO_LINT PP_AUTO(pp_lint_done)

/* All is borrowed. */
int pp_lint_init(struct pp_lint *lint, struct pp_session *session,
                 struct pp_suppressions *suppressions, const struct pp_lint_reporter *reporter,
                 struct pp_err *err);
void pp_lint_done(struct pp_lint *lint);

/* Looks at a file or tree, relative to the session's root. What is wrong with one file is a note on
 * it; an error means that the run could not go on. */
int pp_lint_path(struct pp_lint *lint, const char *path, struct pp_err *err);
/* The same for bytes that have a name alone. */
int pp_lint_blob(struct pp_lint *lint, const char *name, const struct pp_blob *blob,
                 struct pp_err *err);

#endif
