/* Paths beneath a root that nobody can lead out of it: opened component by component.
 *
 * Paths are relative to the root; slashes at their head, doubled slashes and `.` do not count.
 * The last component is never followed. openat2 would do, but Android's seccomp kills for it.
 */
#ifndef PP_BASE_BENEATH_H
#define PP_BASE_BENEATH_H

#include "base/buffer.h"
#include "base/error.h"

#include <limits.h>

enum pp_beneath {
    PP_BENEATH_STRICT, /* a symlink on the way is PP_ERR_REFUSED */
    PP_BENEATH_FOLLOW, /* symlinks on the way stay inside: absolute targets start at the root,
                          `..` ends there. Up to 40 of them. */
};

/* Folders on the way down that stay open, since the next path may go through them as well: the
 * first ones. There is a place a thread, and a limit to what a process may have open. */
#define PP_PLACE_STEP_MAX 6

struct pp_place {
    int dir;                 /* O_PATH fd of the folder; -1: none */
    char name[NAME_MAX + 1]; /* last component; "." for the root itself */
    struct pp_buffer path;   /* the path relative to the root, without symlinks on the way */
    size_t dir_len;          /* of the folder's part of it, without its slash */
    struct pp_buffer asked;  /* the folder as it was asked for, with the symlinks */
    struct pp_place_step {
        int fd;
        size_t len;             /* of `path`, up to this folder */
    } steps[PP_PLACE_STEP_MAX]; /* above `dir`, strict */
    size_t step_count;
};

#define PP_PLACE_INIT                                                                              \
    {                                                                                              \
        .dir = -1, .name = "", .path = PP_BUFFER_INIT, .dir_len = 0, .asked = PP_BUFFER_INIT,      \
        .step_count = 0                                                                            \
    }
#define PP_AUTO_PLACE PP_AUTO(pp_place_done)

void pp_place_done(struct pp_place *place);
/* The next folder is looked for from the root on: somebody may have put another one on the way. */
void pp_place_forget_way(struct pp_place *place);

/* Finds the folder that holds the last component, which itself need not exist. `place` is
 * initialised, and may be used again: folders that it has open are not opened again.
 * `root` is borrowed. PP_ERR_SYSTEM with ENOENT when a folder on the way is gone. */
int pp_beneath_find(int root, const char *path, enum pp_beneath mode, struct pp_place *place,
                    struct pp_err *err);

/* Opens the file at a path, O_NOFOLLOW | O_CLOEXEC. Returns the fd. */
int pp_beneath_open(int root, const char *path, enum pp_beneath mode, int flags,
                    struct pp_err *err);

#endif
