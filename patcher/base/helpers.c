#include "base/helpers.h"

bool pp_helpers_start(struct pp_helpers *helpers, pthread_t *thread, void *(*run)(void *arg),
                      void *arg) {
    unsigned spare = atomic_load(&helpers->spare);

    do
        if (spare == 0)
            return false;
    while (!atomic_compare_exchange_weak(&helpers->spare, &spare, spare - 1));
    if (pthread_create(thread, NULL, run, arg) == 0)
        return true;
    atomic_fetch_add(&helpers->spare, 1);
    return false;
}

void pp_helpers_join(struct pp_helpers *helpers, pthread_t thread) {
    pthread_join(thread, NULL);
    atomic_fetch_add(&helpers->spare, 1);
}

struct each {
    void (*job)(void *arg, size_t i);
    void *arg;
    size_t count;
    atomic_size_t next;
};

static void *run_each(void *arg) {
    struct each *each = arg;
    size_t i;

    while ((i = atomic_fetch_add(&each->next, 1)) < each->count)
        each->job(each->arg, i);
    return NULL;
}

void pp_helpers_each(struct pp_helpers *helpers, size_t count, void (*job)(void *arg, size_t i),
                     void *arg) {
    struct each each = {.job = job, .arg = arg, .count = count};
    pthread_t threads[PP_HELPERS_MAX];
    size_t started = 0;

    atomic_init(&each.next, 0);
    /* The caller does one job itself. */
    while (started < PP_HELPERS_MAX && started + 1 < count &&
           pp_helpers_start(helpers, &threads[started], run_each, &each))
        started++;
    run_each(&each);
    for (size_t i = 0; i < started; i++)
        pp_helpers_join(helpers, threads[i]);
}
