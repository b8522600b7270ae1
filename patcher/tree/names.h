/* The names in a folder, sorted by their bytes. */
#ifndef PP_TREE_NAMES_H
#define PP_TREE_NAMES_H

#include "base/buffer.h"

#include <dirent.h>
#include <stddef.h>

struct pp_name {
    const char *text;
    unsigned char type; /* DT_REG, DT_LNK or DT_DIR */
};

struct pp_names {
    struct pp_buffer records; /* as the kernel gave them: `items` point into it */
    struct pp_name *items;
    size_t count;
};

#define PP_NAMES_INIT                                                                              \
    { .records = PP_BUFFER_INIT, .items = NULL, .count = 0 }
#define PP_AUTO_NAMES PP_AUTO(pp_names_done)

/* Reads all names of a folder that was just opened: its offset moves. Without "." and ".." and
 * without sockets, FIFOs and devices. */
int pp_names_read(int dir, struct pp_names *names, struct pp_err *err);
void pp_names_done(struct pp_names *names);

#endif
