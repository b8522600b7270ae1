/* A pool of workers whose results come back in the order in which the tasks were given.
 *
 * One thread gives tasks and takes results; `run` is called in the workers. So nothing depends on
 * the number of jobs but the time. With one job there are no threads at all.
 */
#ifndef PP_TREE_POOL_H
#define PP_TREE_POOL_H

#include "base/error.h"

struct pp_pool;

struct pp_pool_options {
    unsigned jobs;   /* 1 to PP_POOL_JOBS_MAX */
    unsigned window; /* tasks under way at most; 0: PP_POOL_WINDOW_MAX, which is the limit */
    /* worker: 0 to jobs - 1. Returns how many results the task holds until it is delivered, of
     * about 1 KiB; 0: none, and it has freed the task. */
    unsigned (*run)(void *context, unsigned worker, void *task);
    /* Owns the task; NULL for one that held nothing. */
    int (*deliver)(void *context, void *task, struct pp_err *err);
    void *context;
};

#define PP_POOL_JOBS_MAX 64
#define PP_POOL_WINDOW_MAX 256
/* While one task takes long, those behind it are run and wait to be delivered: so many results, and
 * so many tasks without any, which cost next to nothing. */
#define PP_POOL_HELD_MAX 16384
#define PP_POOL_GIVEN_MAX 65536

/* NULL and `err` when threads cannot be had. */
struct pp_pool *pp_pool_new(const struct pp_pool_options *options, struct pp_err *err);

/* Gives a task, which is the pool's from now on. Delivers those before it that are done, and waits
 * when too many are under way. After an error of deliver() tasks are still delivered, and the first
 * error is returned. */
int pp_pool_give(struct pp_pool *pool, void *task, struct pp_err *err);

/* Delivers the rest and frees the pool. */
int pp_pool_finish(struct pp_pool *pool, struct pp_err *err);

#endif
