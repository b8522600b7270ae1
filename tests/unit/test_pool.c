#include "tree/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { TASK_COUNT = 2000 };

struct task {
    unsigned number;
    unsigned result;
};

struct run {
    atomic_uint started;
    atomic_uint ended;
    unsigned jobs;
    atomic_uint delivered;
    unsigned held;     /* results of each task */
    unsigned wait_for; /* the first task ends after so many others */
    atomic_uint most;  /* results at a time that were not delivered */
    unsigned fail_at;  /* delivering this one is an error, and the next one too */
    atomic_bool wrong_worker;
};

/* What is delivered between the two looks makes it less than it is, never more. */
static void note_most(struct run *run) {
    unsigned ended = atomic_load(&run->ended);
    unsigned delivered = atomic_load(&run->delivered);
    unsigned results = ended > delivered ? (ended - delivered) * run->held : 0;
    unsigned most = atomic_load(&run->most);

    while (results > most && !atomic_compare_exchange_weak(&run->most, &most, results))
        ;
}

/* Every seventh task has nothing to deliver. */
static unsigned work(void *context, unsigned worker, void *arg) {
    struct run *run = context;
    struct task *task = arg;

    if (worker >= run->jobs)
        atomic_store(&run->wrong_worker, true);
    atomic_fetch_add(&run->started, 1);
    /* Tasks of very different length: those that come later are often done before. */
    if (task->number % 97 == 0)
        usleep(500);
    while (task->number == 0 && atomic_load(&run->ended) < run->wait_for)
        usleep(500);
    task->result = task->number * 3 + 1;
    if (task->number % 7 == 3) {
        free(task);
        atomic_fetch_add(&run->ended, 1);
        return 0;
    }
    note_most(run);
    atomic_fetch_add(&run->ended, 1);
    return run->held;
}

static int deliver(void *context, void *arg, struct pp_err *err) {
    struct run *run = context;
    struct task *task = arg;
    unsigned number = atomic_fetch_add(&run->delivered, 1);

    assert_int_equal(task == NULL, number % 7 == 3);
    if (task != NULL) {
        assert_int_equal(task->number, number);
        assert_int_equal(task->result, number * 3 + 1);
    }
    free(task);
    if (run->fail_at != 0 && number >= run->fail_at && number <= run->fail_at + 1)
        return pp_err_set(err, PP_ERR_LIMIT, "at %u", number);
    return 0;
}

static struct pp_pool *pool_new(struct run *run, unsigned jobs) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_pool *pool;

    run->jobs = jobs;
    run->held = run->held == 0 ? 1 : run->held;
    pool = pp_pool_new(
        &(struct pp_pool_options){.jobs = jobs, .run = work, .deliver = deliver, .context = run},
        &err);
    assert_non_null(pool);
    return pool;
}

static struct task *task_new(unsigned number) {
    struct task *task = malloc(sizeof(*task));

    assert_non_null(task);
    *task = (struct task){.number = number};
    return task;
}

static void give_all(struct pp_pool *pool, const struct run *run) {
    struct pp_err err = PP_ERR_INIT;

    for (unsigned i = 0; i < TASK_COUNT; i++)
        assert_int_equal(pp_pool_give(pool, task_new(i), &err), 0);
    assert_int_equal(pp_pool_finish(pool, &err), 0);
    assert_int_equal(atomic_load(&run->delivered), TASK_COUNT);
}

static void test_order(void **state) {
    (void)state;
    for (unsigned jobs = 1; jobs <= 8; jobs++) {
        struct run run = {.fail_at = 0};
        struct pp_pool *pool = pool_new(&run, jobs);

        give_all(pool, &run);
        assert_int_equal(atomic_load(&run.started), TASK_COUNT);
        assert_false(atomic_load(&run.wrong_worker));
    }
}

/* Of tasks that were given, no more are under way than shall be. */
static void test_window(void **state) {
    struct run run = {.fail_at = 0, .jobs = 4, .held = 1};
    struct pp_err err = PP_ERR_INIT;
    struct pp_pool *pool = pp_pool_new(
        &(struct pp_pool_options){
            .jobs = 4, .window = 3, .run = work, .deliver = deliver, .context = &run},
        &err);
    (void)state;

    assert_non_null(pool);
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        assert_int_equal(pp_pool_give(pool, task_new(i), &err), 0);
        assert_true(atomic_load(&run.ended) + 3 > i);
    }
    assert_int_equal(pp_pool_finish(pool, &err), 0);
    assert_int_equal(atomic_load(&run.delivered), TASK_COUNT);
}

/* Those behind a task that takes long are run meanwhile. */
static void test_a_long_task(void **state) {
    (void)state;
    for (unsigned jobs = 2; jobs <= 8; jobs++) {
        struct run run = {.wait_for = TASK_COUNT - 1};
        struct pp_pool *pool = pool_new(&run, jobs);

        give_all(pool, &run);
    }
}

/* But only as long as their results are few. */
static void test_many_results(void **state) {
    const unsigned held = 100;
    const unsigned full = PP_POOL_HELD_MAX / held;
    struct run run = {.held = held, .wait_for = full};
    struct pp_pool *pool = pool_new(&run, 4);
    (void)state;

    give_all(pool, &run);
    /* With those without results, and what was under way when it was full. */
    assert_in_range(atomic_load(&run.most), 1, (full * 7 / 6 + PP_POOL_WINDOW_MAX + 2) * held);
}

static void test_errors(void **state) {
    (void)state;
    for (unsigned jobs = 1; jobs <= 8; jobs++) {
        struct run run = {.fail_at = 700, .held = PP_POOL_HELD_MAX / PP_POOL_WINDOW_MAX};
        struct pp_pool *pool = pool_new(&run, jobs);
        struct pp_err err = PP_ERR_INIT;
        unsigned given = 0;

        while (given < TASK_COUNT && pp_pool_give(pool, task_new(given++), &err) >= 0)
            ;
        /* It is seen when its turn comes, at the latest when the pool is full. */
        assert_true(given > 700 && given < TASK_COUNT);
        assert_int_equal(err.kind, PP_ERR_LIMIT);
        assert_string_equal(err.text, "at 700");
        /* One more is still the pool's. */
        assert_int_equal(pp_pool_give(pool, task_new(given++), &err), -PP_ERR_LIMIT);
        err = (struct pp_err)PP_ERR_INIT;
        assert_int_equal(pp_pool_finish(pool, &err), -PP_ERR_LIMIT);
        assert_string_equal(err.text, "at 700");
        assert_int_equal(atomic_load(&run.delivered), given);
    }
}

static void test_nothing_to_do(void **state) {
    (void)state;
    for (unsigned jobs = 1; jobs <= 8; jobs++) {
        struct run run = {.fail_at = 0};
        struct pp_pool *pool = pool_new(&run, jobs);
        struct pp_err err = PP_ERR_INIT;

        assert_int_equal(pp_pool_finish(pool, &err), 0);
        assert_int_equal(atomic_load(&run.delivered), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),       cmocka_unit_test(test_window),
        cmocka_unit_test(test_a_long_task), cmocka_unit_test(test_many_results),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_nothing_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
