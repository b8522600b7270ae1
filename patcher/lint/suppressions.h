/* Suppressions: findings that a maintainer knows of, in a file beside the package's sources.
 *
 * A line each: a code, and a glob (fnmatch(3)) of paths, in which `*` stands for slashes, too. The
 * paths are those inside of the tree, package or archive that is looked at. `#` begins a comment.
 */
#ifndef PP_LINT_SUPPRESSIONS_H
#define PP_LINT_SUPPRESSIONS_H

#include "base/error.h"
#include "lint/rule.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_suppressions {
    char *text;
    struct pp_suppression {
        const struct pp_rule *rule;
        const char *glob;
        unsigned line;
        bool used;
    } * items;
    size_t count;
};

#define PP_SUPPRESSIONS_INIT                                                                       \
    { .text = NULL }
#define PP_AUTO_SUPPRESSIONS PP_AUTO(pp_suppressions_done)

/* PP_ERR_REFUSED names the line and what is wrong with it. */
int pp_suppressions_load(struct pp_suppressions *suppressions, const char *path,
                         struct pp_err *err);
void pp_suppressions_done(struct pp_suppressions *suppressions);

/* Is it suppressed? Notes that the lines which say so are used. */
bool pp_suppressions_hold(struct pp_suppressions *suppressions, const struct pp_rule *rule,
                          const char *path);

#endif
