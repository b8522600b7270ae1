/* What makes a package ask to be patched when it is installed; a package with the values written in
 * no longer does. */
#ifndef PP_DEB_DEB_OPT_IN_H
#define PP_DEB_DEB_OPT_IN_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends the value of a field of a control file, its first line alone. Returns 1, or 0 when there
 * is none. */
int pp_deb_field(const struct pp_buffer *control, const char *field, struct pp_buffer *value,
                 struct pp_err *err);

/* Takes Dynamic-Variables and the dependency on pathpatch out of a control file. Returns 1 when it
 * was changed. */
int pp_deb_opt_out_control(struct pp_buffer *control, struct pp_err *err);
/* Takes the activation of pathpatch's trigger out of a triggers file. Returns an enum
 * pp_deb_control. */
int pp_deb_opt_out_triggers(struct pp_buffer *triggers, struct pp_err *err);

#endif
