#include "base/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct pp_err err;
static struct pp_budget budget;

static int setup(void **state) {
    (void)state;
    pp_budget_init(&budget, 100);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(budget.taken_len, 0);
    pp_budget_done(&budget);
    return 0;
}

static void test_taking(void **state) {
    (void)state;
    assert_int_equal(pp_budget_take(&budget, 100, false, &err), 0);
    pp_budget_give(&budget, 40);
    assert_int_equal(pp_budget_take(&budget, 40, true, &err), 0);
    pp_budget_give(&budget, 100);
}

static void test_what_never_fits(void **state) {
    (void)state;
    assert_int_equal(pp_budget_take(&budget, 101, false, &err), -PP_ERR_LIMIT);
    assert_non_null(strstr(err.text, "--memory"));
    assert_int_equal(pp_budget_take(&budget, 101, true, &err), -PP_ERR_LIMIT);
}

static void test_who_holds_does_not_wait(void **state) {
    (void)state;
    assert_int_equal(pp_budget_take(&budget, 60, false, &err), 0);
    assert_int_equal(pp_budget_take(&budget, 41, true, &err), -PP_ERR_BUSY);
    assert_int_equal(pp_budget_take(&budget, 40, true, &err), 0);
    pp_budget_give(&budget, 100);
}

static void test_alone_it_fits_or_never_does(void **state) {
    (void)state;
    pp_budget_claim(&budget);
    assert_int_equal(pp_budget_take(&budget, 60, false, &err), 0);
    assert_int_equal(pp_budget_take(&budget, 41, true, &err), -PP_ERR_LIMIT);
    assert_int_equal(pp_budget_take(&budget, 40, true, &err), 0);
    pp_budget_give(&budget, 100);
    pp_budget_unclaim(&budget);
    assert_int_equal(pp_budget_take(&budget, 60, false, &err), 0);
    assert_int_equal(pp_budget_take(&budget, 41, true, &err), -PP_ERR_BUSY);
    pp_budget_give(&budget, 60);
}

enum { THREAD_COUNT = 6, ROUND_COUNT = 300 };

static atomic_uint alone;
static atomic_uint wrong;

/* Takes two parts, as nested content does: together they fit, in two threads they do not. */
static void *work(void *arg) {
    struct pp_err failure = PP_ERR_INIT;

    (void)arg;
    for (int i = 0; i < ROUND_COUNT; i++) {
        bool claimed = false;

        for (;;) {
            int rc;

            if (pp_budget_take(&budget, 30, false, &failure) < 0)
                atomic_fetch_add(&wrong, 1);
            rc = pp_budget_take(&budget, 70, true, &failure);
            if (rc >= 0)
                pp_budget_give(&budget, 70);
            pp_budget_give(&budget, 30);
            if (rc >= 0)
                break;
            if (rc != -PP_ERR_BUSY || claimed)
                atomic_fetch_add(&wrong, 1);
            pp_budget_claim(&budget);
            claimed = true;
            if (atomic_fetch_add(&alone, 1) != 0)
                atomic_fetch_add(&wrong, 1);
            atomic_fetch_sub(&alone, 1);
        }
        if (claimed)
            pp_budget_unclaim(&budget);
    }
    return NULL;
}

static void test_threads(void **state) {
    pthread_t threads[THREAD_COUNT];

    (void)state;
    for (int i = 0; i < THREAD_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (int i = 0; i < THREAD_COUNT; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&wrong), 0);
}

static void *look(void *arg) {
    (void)arg;
    return (void *)(uintptr_t)pp_budget_is_claimed(&budget);
}

static bool others_see_it_claimed(void) {
    pthread_t thread;
    void *seen;

    assert_int_equal(pthread_create(&thread, NULL, look, NULL), 0);
    assert_int_equal(pthread_join(thread, &seen), 0);
    return seen != NULL;
}

static void test_a_claim_is_one_threads(void **state) {
    (void)state;
    assert_false(pp_budget_is_claimed(&budget));
    pp_budget_claim(&budget);
    assert_true(pp_budget_is_claimed(&budget));
    assert_false(others_see_it_claimed());
    pp_budget_unclaim(&budget);
    assert_false(pp_budget_is_claimed(&budget));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_taking),
        TEST(test_what_never_fits),
        TEST(test_who_holds_does_not_wait),
        TEST(test_alone_it_fits_or_never_does),
        TEST(test_threads),
        TEST(test_a_claim_is_one_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
