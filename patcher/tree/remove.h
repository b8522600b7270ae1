/* Removes a tree; nothing in it is followed. */
#ifndef PP_TREE_REMOVE_H
#define PP_TREE_REMOVE_H

#include "base/error.h"

/* Removes a file or a folder with all that is in it. What is not there is no error. `dir` is
 * borrowed. Takes a file descriptor a level of folders. */
int pp_tree_remove(int dir, const char *name, struct pp_err *err);

#endif
