/* Lint of a package's control files, in a .deb or in the DEBIAN folder of a build, and what they
 * say of its other files.
 *
 *     pp_control_lint(&control, name, &text, &notes, err)       each of them
 *     pp_control_is_conffile(&control, path)                    as often as needed
 *     pp_control_opt_in(&control, placeholders, &notes, err)    when the other files are known
 */
#ifndef PP_LINT_CONTROL_H
#define PP_LINT_CONTROL_H

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "content/content.h"
#include "lint/notes.h"

#include <stdbool.h>
#include <stdint.h>

struct pp_control {
    const struct pp_policy *policy; /* of a lint; borrowed */
    struct pp_buffer conffiles;     /* the text of that file */
    bool is_known;                  /* there is a file control */
    bool has_field;
    bool has_trigger;
};

#define PP_CONTROL_INIT(of)                                                                        \
    { .policy = (of), .conffiles = PP_BUFFER_INIT }
#define PP_AUTO_CONTROL PP_AUTO(pp_control_done)

void pp_control_done(struct pp_control *control);

/* Looks at one control file. Notes call it DEBIAN/NAME. */
int pp_control_lint(struct pp_control *control, const char *name, const struct pp_buffer *text,
                    struct pp_notes *notes, struct pp_err *err);
/* `path`: as dpkg installs it, without a slash at its head. */
bool pp_control_is_conffile(const struct pp_control *control, const char *path);
/* Does a package with so many placeholders ask to be patched? */
int pp_control_opt_in(const struct pp_control *control, uint64_t placeholders,
                      struct pp_notes *notes, struct pp_err *err);

#endif
