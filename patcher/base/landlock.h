/* Landlock: the kernel lets a process write only below some folders, whoever it runs as. */
#ifndef PP_BASE_LANDLOCK_H
#define PP_BASE_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

/* From now on this thread, and those that it starts, write, make, remove and rename files only
 * below the folders (borrowed fds), and with `programs` set to /dev/null; without it they run no
 * program. What is open already stays usable. Modes, owners and times are not its business. Needs
 * no_new_privs. Returns false where the kernel does not do it; nothing is restricted then.
 *
 * `truncation`: also files are truncated only there, if the kernel can do that. It looks at every
 * file then that is opened for reading, and at all folders above it: a tenth of a scan's time. */
bool pp_landlock_restrict(const int *folders, size_t folder_count, bool programs, bool truncation);

#endif
