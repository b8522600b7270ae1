/* Getting a batch of writes onto the disk with a constant number of calls. */
#ifndef PP_TREE_DURABLE_H
#define PP_TREE_DURABLE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum pp_durability {
    PP_DURABILITY_BATCH, /* what a batch wrote is on the disk when it is done */
    PP_DURABILITY_NONE,  /* for trees that can be thrown away */
};

/* The file systems that a batch writes to. */
struct pp_durable {
    enum pp_durability durability;
    bool no_syncfs; /* none that can be trusted */
    bool each;      /* every file and folder is synced by itself */
    int *fds;
    dev_t *devs;
    size_t count;
};

#define PP_AUTO_DURABLE PP_AUTO(pp_durable_done)

void pp_durable_init(struct pp_durable *durable, enum pp_durability durability);
void pp_durable_done(struct pp_durable *durable);

/* A batch begins whose files could be synced each by itself, by so many calls. If these are few it
 * is done: syncfs would wait for what everybody else has written, too. */
void pp_durable_begin(struct pp_durable *durable, size_t call_count);

/* Adds the file system of an open file or folder, before anything of the batch is written there:
 * errors of writing back are told only to those who had it open. `fd` is borrowed, not O_PATH. */
int pp_durable_add(struct pp_durable *durable, int fd, struct pp_err *err);
/* Is there nothing to be added for this file system? */
bool pp_durable_knows(const struct pp_durable *durable, dev_t dev);
/* One file or folder, before it is closed: does something only where `each` is set. */
int pp_durable_one(const struct pp_durable *durable, int fd, struct pp_err *err);
/* What is in a file begins to go to the disk: the sync has less to wait for. */
void pp_durable_start(const struct pp_durable *durable, int fd);
/* Everything written so far to the file systems that were added. */
int pp_durable_sync(struct pp_durable *durable, struct pp_err *err);

#endif
