/* Puts a new file in the place of another: a temporary beside it, made alike, then renamed.
 *
 *     pp_temporary_name(seed, temporary)          a name nobody derives from the target
 *     fd = pp_replace_create(dir, temporary)      the caller writes the content
 *     pp_replace_dress(fd, from)                  owner, mode, xattrs, times of the target
 *     pp_replace_commit(dir, temporary, name)     looks at the target again, renames
 *
 * Folders are borrowed fds (O_PATH will do). Whoever fails drops the temporary by unlinkat.
 */
#ifndef PP_TREE_REPLACE_H
#define PP_TREE_REPLACE_H

#include "base/error.h"
#include "base/identity.h"

#include <stdbool.h>
#include <stdint.h>

/* ".pp-" and 12 letters or digits. */
#define PP_TEMPORARY_NAME_LEN 16

void pp_temporary_name(uint64_t seed, char name[PP_TEMPORARY_NAME_LEN + 1]);

/* Makes an empty file that only we can read. Returns the fd, open for reading and writing. */
int pp_replace_create(int dir, const char *temporary, struct pp_err *err);

/* Gives `fd` owner, mode, xattrs (ACLs and capabilities among them), atime and mtime of `from`.
 * What is equal already is not set again. What cannot be kept is an error. */
int pp_replace_dress(int fd, int from, struct pp_err *err);

/* Makes a symlink with the owner and the times of another one. */
int pp_replace_symlink(int dir, const char *temporary, const char *target, const struct stat *from,
                       struct pp_err *err);

/* Links an inode to one more name. Returns 1, or 0 where links are refused: copy instead. */
int pp_replace_link(int from_dir, const char *from, int dir, const char *temporary,
                    struct pp_err *err);

/* Renames over `name`, when that still is what was seen: else PP_ERR_CHANGED. `ignore_ctime`: we
 * have replaced another name of its inode just before. */
int pp_replace_commit(int dir, const char *temporary, const char *name,
                      const struct pp_identity *seen, bool ignore_ctime, struct pp_err *err);

/* Puts the mtime of a folder back. */
int pp_replace_folder_time(int dir, const struct timespec *mtime, struct pp_err *err);

#endif
