/* Root over a tree of somebody else.
 *
 * Whoever owns a folder can put a symlink, or another folder, in the place of all that is below it
 * while root is at work there. So root does not work there: the program becomes that user, and can
 * do nothing that the user could not.
 */
#ifndef PP_CORE_OWNER_H
#define PP_CORE_OWNER_H

#include "base/error.h"

#include <sys/types.h>

/* Where root runs this and the folder is somebody else's, becomes that user for good: without
 * root's groups and capabilities. `path` names the folder, absolute, "" for the root of the system.
 * Call it before threads are made. Returns the user that it became, or 0 when nothing was to do;
 * PP_ERR_REFUSED where that cannot be, or where the user could not reach the folder. */
int64_t pp_owner_become(int dir, const char *path, struct pp_err *err);

/* The same for a path below the root that need not be there: of those on the way who are not root,
 * whoever comes last. A path that is not below the root is nothing to do. */
int64_t pp_owner_become_below(const char *root_path, const char *path, struct pp_err *err);

#endif
