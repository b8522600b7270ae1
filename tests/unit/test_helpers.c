#include "base/helpers.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { JOB_COUNT = 2000 };

static void mark(void *arg, size_t i) {
    atomic_uint *marks = arg;

    atomic_fetch_add(&marks[i], 1);
}

static void test_each(void **state) {
    static const size_t counts[] = {0, 1, 2, 7, JOB_COUNT};
    static atomic_uint marks[JOB_COUNT];
    struct pp_helpers helpers;

    (void)state;
    for (unsigned jobs = 1; jobs <= 100; jobs += 33) {
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            for (size_t i = 0; i < JOB_COUNT; i++)
                atomic_store(&marks[i], 0);
            pp_helpers_init(&helpers, jobs);
            pp_helpers_each(&helpers, counts[c], mark, marks);
            assert_int_equal(atomic_load(&helpers.spare), jobs - 1);
            for (size_t i = 0; i < JOB_COUNT; i++)
                assert_int_equal(atomic_load(&marks[i]), i < counts[c] ? 1 : 0);
        }
    }
}

/* However many share their work at once, no more threads are started than can be spared. */
struct shared {
    struct pp_helpers helpers;
    atomic_uint running;
    atomic_uint most;
    atomic_uint done;
};

static void share_inner(void *arg, size_t i) {
    struct shared *shared = arg;
    unsigned running = atomic_fetch_add(&shared->running, 1) + 1;
    unsigned most = atomic_load(&shared->most);

    (void)i;
    while (running > most && !atomic_compare_exchange_weak(&shared->most, &most, running))
        ;
    sched_yield();
    atomic_fetch_add(&shared->done, 1);
    atomic_fetch_sub(&shared->running, 1);
}

static void share_outer(void *arg, size_t i) {
    struct shared *shared = arg;

    (void)i;
    pp_helpers_each(&shared->helpers, 50, share_inner, shared);
}

static void test_spare(void **state) {
    (void)state;
    for (unsigned jobs = 1; jobs <= 4; jobs++) {
        struct shared shared = {.running = 0};
        struct pp_helpers outer;

        pp_helpers_init(&shared.helpers, jobs);
        pp_helpers_init(&outer, jobs);
        pp_helpers_each(&outer, 20, share_outer, &shared);
        assert_int_equal(atomic_load(&shared.done), 20 * 50);
        assert_int_equal(atomic_load(&shared.helpers.spare), jobs - 1);
        assert_in_range(atomic_load(&shared.most), 1, 2 * jobs - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each), cmocka_unit_test(test_spare)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
