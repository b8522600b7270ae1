#include "base/helpers.h"

#include <pthread.h>

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

/* The caller does one job itself. */
static unsigned take(struct pp_helpers *helpers, size_t count) {
    unsigned max = count - 1 < PP_HELPERS_MAX ? (unsigned)count - 1 : PP_HELPERS_MAX;
    unsigned spare = atomic_load(&helpers->spare);
    unsigned taken;

    do
        taken = spare < max ? spare : max;
    while (!atomic_compare_exchange_weak(&helpers->spare, &spare, spare - taken));
    return taken;
}

void pp_helpers_each(struct pp_helpers *helpers, size_t count, void (*job)(void *arg, size_t i),
                     void *arg) {
    struct each each = {.job = job, .arg = arg, .count = count};
    unsigned taken = count > 1 ? take(helpers, count) : 0;
    pthread_t threads[PP_HELPERS_MAX];
    unsigned started = 0;

    atomic_init(&each.next, 0);
    /* Fewer threads than asked for do as well. */
    while (started < taken && pthread_create(&threads[started], NULL, run_each, &each) == 0)
        started++;
    run_each(&each);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    atomic_fetch_add(&helpers->spare, taken);
}
