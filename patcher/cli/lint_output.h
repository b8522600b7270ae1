/* What lint has to say, printed: lines for people, or JSON Lines. */
#ifndef PP_CLI_LINT_OUTPUT_H
#define PP_CLI_LINT_OUTPUT_H

#include "cli/output.h"
#include "lint/lint.h"

struct pp_lint_output {
    struct pp_output output;
    const struct pp_table *table; /* borrowed; set before the first report */
    struct pp_lint_reporter reporter;
};

/* The reporter prints with this struct, which stays where it is. */
void pp_lint_output_init(struct pp_lint_output *self, const struct pp_options *options,
                         const char *command);

#endif
