/* Threads that may be started where one task is work for many: as many as there are to spare, so
 * that no number of such tasks at once makes more. A value, shared by all who have such tasks. */
#ifndef PP_BASE_HELPERS_H
#define PP_BASE_HELPERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Threads that one task can have beside its own. */
#define PP_HELPERS_MAX 63

struct pp_helpers {
    atomic_uint spare;
};

/* `jobs`: threads that work at once, at least 1; who asks for helpers is one of them. */
static inline void pp_helpers_init(struct pp_helpers *helpers, unsigned jobs) {
    atomic_init(&helpers->spare, jobs - 1);
}

/* Starts a thread that runs run(arg). False when none can be spared, or had. */
bool pp_helpers_start(struct pp_helpers *helpers, pthread_t *thread, void *(*run)(void *arg),
                      void *arg);
/* Waits for its end. */
void pp_helpers_join(struct pp_helpers *helpers, pthread_t thread);

/* Calls job(arg, i) for each i below `count`, in this thread and in what can be spared, and waits
 * for all. */
void pp_helpers_each(struct pp_helpers *helpers, size_t count, void (*job)(void *arg, size_t i),
                     void *arg);

#endif
