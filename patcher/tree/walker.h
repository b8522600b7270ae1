/* Walks trees: every file and symlink, looked at in parallel, told in the order of their paths.
 *
 * Folders are read by the calling thread, names sorted; symlinks are never followed, not even on
 * the way (openat and O_NOFOLLOW, component by component). Files are visited in worker threads.
 */
#ifndef PP_TREE_WALKER_H
#define PP_TREE_WALKER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pp_walker_entry {
    const char *path; /* relative to the root; borrowed */
    int dir;          /* the folder that holds it; borrowed */
    const char *name; /* its name in there; borrowed */
    bool is_symlink;  /* else a regular file */
    const void *tag;  /* as given to pp_walker_add() */
};

struct pp_walker_options {
    unsigned jobs;
    /* Folders that are passed over, whatever path leads into them, as paths relative to the root;
     * NULL-terminated, or NULL. */
    const char *const *skip;
    /* Looks at one entry, in any worker. `visited` is what deliver() gets; NULL: nothing. An error
     * ends the walk. */
    int (*visit)(void *context, unsigned worker, const struct pp_walker_entry *entry,
                 void **visited, struct pp_err *err);
    /* Takes what visit() returned; in the calling thread, in order. */
    int (*deliver)(void *context, void *visited, struct pp_err *err);
    /* A folder or path that cannot be read; in the calling thread, in order. The walk goes on. */
    int (*problem)(void *context, const char *path, const struct pp_err *problem,
                   struct pp_err *err);
    /* Entries were delivered, or had nothing to deliver; in the calling thread. NULL: nothing. */
    void (*progress)(void *context);
    void *context;
};

struct pp_walker;

/* `root` is borrowed. NULL and `err` when it cannot be made. */
struct pp_walker *pp_walker_new(int root, const struct pp_walker_options *options,
                                struct pp_err *err);
enum pp_walker_mode {
    PP_WALKER_TREE, /* with all that is below it; a symlink on the way is refused */
    PP_WALKER_LIST, /* of a list: it alone, folders are passed over; symlinks on the way stay inside
                       the root; what is not there is passed over */
};

/* Walks a path (relative to the root; "" is the root itself). `tag` comes back with its entries;
 * borrowed until the walker is finished. */
int pp_walker_add(struct pp_walker *walker, const char *path, enum pp_walker_mode mode,
                  const void *tag, struct pp_err *err);
/* Waits for the rest and frees the walker. */
int pp_walker_finish(struct pp_walker *walker, struct pp_err *err);

#endif
