#include "tree/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct slot {
    void *task;
    unsigned held; /* results */
    bool done;
};

struct worker {
    struct pp_pool *pool;
    pthread_t thread;
    unsigned number;
};

struct pp_pool {
    struct pp_pool_options options;
    pthread_mutex_t mutex;
    pthread_cond_t given;
    pthread_cond_t done;
    uint64_t tail;    /* tasks given */
    uint64_t taken;   /* taken by workers */
    uint64_t head;    /* delivered */
    uint64_t ended;   /* by workers, in any order */
    uint64_t held;    /* results that wait to be delivered */
    uint64_t awaited; /* `done` is signalled from this count of `ended` on */
    bool closed;
    int rc; /* the first error of deliver() */
    struct pp_err failure;
    unsigned worker_count;
    struct slot slots[PP_POOL_GIVEN_MAX];
    struct worker workers[];
};

static void run(struct pp_pool *pool, unsigned worker, struct slot *slot) {
    slot->held = pool->options.run(pool->options.context, worker, slot->task);
    if (slot->held == 0)
        slot->task = NULL;
}

static void *work(void *arg) {
    struct worker *worker = arg;
    struct pp_pool *pool = worker->pool;

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        struct slot *slot;

        while (pool->taken == pool->tail && !pool->closed)
            pthread_cond_wait(&pool->given, &pool->mutex);
        if (pool->taken == pool->tail)
            break;
        slot = &pool->slots[pool->taken++ % PP_POOL_GIVEN_MAX];
        pthread_mutex_unlock(&pool->mutex);
        run(pool, worker->number, slot);
        pthread_mutex_lock(&pool->mutex);
        pool->held += slot->held;
        slot->done = true;
        if (++pool->ended >= pool->awaited)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

struct pp_pool *pp_pool_new(const struct pp_pool_options *options, struct pp_err *err) {
    unsigned jobs = options->jobs > PP_POOL_JOBS_MAX ? PP_POOL_JOBS_MAX : options->jobs;
    struct pp_pool *pool = calloc(1, sizeof(*pool) + jobs * sizeof(struct worker));

    if (pool == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    pool->options = *options;
    if (options->window == 0 || options->window > PP_POOL_WINDOW_MAX)
        pool->options.window = PP_POOL_WINDOW_MAX;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->given, NULL);
    pthread_cond_init(&pool->done, NULL);
    if (jobs < 2)
        return pool;
    while (pool->worker_count < jobs) {
        struct worker *worker = &pool->workers[pool->worker_count];

        worker->pool = pool;
        worker->number = pool->worker_count;
        /* Fewer threads than asked for do as well; without any, the caller works. */
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            break;
        pool->worker_count++;
    }
    return pool;
}

static void deliver(struct pp_pool *pool, void *task) {
    struct pp_err failure = PP_ERR_INIT;
    int rc = pool->options.deliver(pool->options.context, task, &failure);

    if (rc < 0 && pool->rc >= 0) {
        pool->rc = rc;
        pool->failure = failure;
    }
}

/* Delivers what is done at the head. Called and left with the mutex locked. */
static void deliver_done(struct pp_pool *pool) {
    while (pool->head < pool->tail && pool->slots[pool->head % PP_POOL_GIVEN_MAX].done) {
        const struct slot *slot = &pool->slots[pool->head % PP_POOL_GIVEN_MAX];

        pthread_mutex_unlock(&pool->mutex);
        deliver(pool, slot->task);
        pthread_mutex_lock(&pool->mutex);
        pool->held -= slot->held;
        pool->head++;
    }
}

static int result(const struct pp_pool *pool, struct pp_err *err) {
    if (pool->rc < 0)
        *err = pool->failure;
    return pool->rc;
}

static bool is_full(const struct pp_pool *pool) {
    return pool->tail - pool->ended >= pool->options.window ||
           pool->tail - pool->head >= PP_POOL_GIVEN_MAX || pool->held >= PP_POOL_HELD_MAX;
}

int pp_pool_give(struct pp_pool *pool, void *task, struct pp_err *err) {
    struct slot slot = {.task = task, .done = false};

    if (pool->worker_count == 0) {
        run(pool, 0, &slot);
        deliver(pool, slot.task);
        return result(pool, err);
    }
    pthread_mutex_lock(&pool->mutex);
    deliver_done(pool);
    while (is_full(pool)) {
        /* Half of them at once: to be woken for each costs more than many a task. */
        pool->awaited = pool->ended + (pool->tail - pool->ended + 1) / 2;
        while (pool->ended < pool->awaited)
            pthread_cond_wait(&pool->done, &pool->mutex);
        deliver_done(pool);
    }
    pool->slots[pool->tail++ % PP_POOL_GIVEN_MAX] = slot;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->mutex);
    return result(pool, err);
}

int pp_pool_finish(struct pp_pool *pool, struct pp_err *err) {
    int rc;

    pthread_mutex_lock(&pool->mutex);
    pool->closed = true;
    pthread_cond_broadcast(&pool->given);
    deliver_done(pool);
    pool->awaited = 0;
    while (pool->head < pool->tail) {
        pthread_cond_wait(&pool->done, &pool->mutex);
        deliver_done(pool);
    }
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->worker_count; i++)
        pthread_join(pool->workers[i].thread, NULL);
    rc = result(pool, err);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->given);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return rc;
}
