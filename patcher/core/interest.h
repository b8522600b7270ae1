/* The trigger's interest: what dpkg writes when it unpacks a package with `interest-await
 * pathpatch`. A tree that was copied, or generated, may lack it: dpkg then runs no trigger.
 *
 * Two files (deb-triggers(5), dpkg's doc/triggers.txt): the package's own, and one a trigger with
 * the names of those interested.
 */
#ifndef PP_CORE_INTEREST_H
#define PP_CORE_INTEREST_H

#include "base/error.h"

#include <stdbool.h>

/* Our package, and its trigger. */
#define PP_OWN_NAME "pathpatch"

/* Does dpkg know of it? Returns 1 or 0. `admindir` is an open folder. */
int pp_interest_known(int admindir, struct pp_err *err);
/* Writes what is missing. Files that are there stay as they are. `sync`: it is on the disk when
 * this returns. */
int pp_interest_write(int admindir, bool sync, struct pp_err *err);

#endif
