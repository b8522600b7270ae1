#include "content/findings.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct pp_err err;

static uint32_t leaf(struct pp_findings *findings, const char *path, int coded_layer,
                     const char *left) {
    int64_t index = pp_findings_leaf(findings,
                                     &(struct pp_leaf){.path = (char *)path,
                                                       .left = left,
                                                       .in_place = path[0] == '\0',
                                                       .coded_layer = coded_layer},
                                     &err);

    assert_true(index >= 0);
    return (uint32_t)index;
}

static void hit(struct pp_findings *findings, uint32_t at, bool written) {
    assert_int_equal(
        pp_findings_add(findings, &(struct pp_finding){.leaf = at, .written = written}, &err), 0);
}

static void test_a_leaf_is_given_back(void **state) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;

    (void)state;
    assert_int_equal(leaf(&findings, "a", 0, NULL), 0);
    assert_int_equal(leaf(&findings, "a", 0, NULL), 0);
    assert_int_equal(leaf(&findings, "b", 0, NULL), 1);
    assert_int_equal(leaf(&findings, "b", 0, "a script"), 2);
    assert_int_equal(leaf(&findings, "b", 1, NULL), 3);
    assert_int_equal(findings.leaf_count, 4);
}

static void test_what_counts(void **state) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;

    (void)state;
    assert_true(pp_findings_in_place(&findings));
    hit(&findings, leaf(&findings, "", -1, NULL), true);
    hit(&findings, leaf(&findings, "", -1, NULL), false);
    hit(&findings, leaf(&findings, "script", -1, "a script"), true);
    assert_int_equal(findings.count, 3);
    assert_int_equal(pp_findings_count(&findings), 1);
    /* The one in the script is not written, so it does not matter where it is. */
    assert_true(pp_findings_in_place(&findings));
    hit(&findings, leaf(&findings, "text", -1, NULL), true);
    assert_int_equal(pp_findings_count(&findings), 2);
    assert_false(pp_findings_in_place(&findings));
}

static void test_append(void **state) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    PP_AUTO_FINDINGS struct pp_findings part = PP_FINDINGS_INIT;
    struct pp_err problem;

    (void)state;
    pp_err_set(&problem, PP_ERR_DAMAGED, "its CRC is wrong");
    hit(&findings, leaf(&findings, "a", 0, NULL), true);
    assert_int_equal(pp_findings_problem(&findings, "a", &problem, &err), 0);
    /* Two members may have one name: they are one, as if found one after the other. */
    assert_int_equal(pp_findings_problem(&part, "a", &problem, &err), 0);
    hit(&part, leaf(&part, "a", 0, NULL), false);
    hit(&part, leaf(&part, "b", 0, "a script"), true);
    assert_int_equal(pp_findings_problem(&part, "b", &problem, &err), 0);
    part.closed = true;
    assert_int_equal(pp_findings_append(&findings, &part, &err), 0);
    assert_int_equal(findings.leaf_count, 2);
    assert_int_equal(findings.count, 3);
    assert_int_equal(findings.items[1].leaf, 0);
    assert_false(findings.items[1].written);
    assert_int_equal(findings.items[2].leaf, 1);
    assert_string_equal(findings.leaves[1].left, "a script");
    assert_int_equal(findings.problem_count, 2);
    assert_string_equal(findings.problems[1].path, "b");
    assert_int_equal(findings.problems[1].kind, PP_ERR_DAMAGED);
    assert_true(findings.closed);
}

static void test_rewind(void **state) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_err problem = PP_ERR_INIT;
    struct pp_findings_mark mark;

    (void)state;
    pp_err_set(&problem, PP_ERR_DAMAGED, "truncated");
    hit(&findings, leaf(&findings, "a", -1, NULL), true);
    assert_int_equal(pp_findings_problem(&findings, "x", &problem, &err), 0);
    findings.digest[3] = 7;
    mark = pp_findings_mark(&findings);
    for (int i = 0; i < 9; i++) {
        hit(&findings, leaf(&findings, i % 2 == 0 ? "b" : "c", -1, NULL), true);
        assert_int_equal(pp_findings_problem(&findings, "y", &problem, &err), 0);
    }
    findings.digest[3] = 8;
    pp_findings_rewind(&findings, &mark);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.leaf_count, 1);
    assert_int_equal(findings.problem_count, 1);
    assert_string_equal(findings.problems[0].path, "x");
    assert_string_equal(findings.problems[0].text, "truncated");
    assert_int_equal(findings.problems[0].kind, PP_ERR_DAMAGED);
    assert_int_equal(findings.digest[3], 7);
}

static void test_innermost_layer_that_changes_its_size(void **state) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;

    (void)state;
    assert_int_equal(pp_findings_coded_layer(&findings, ""), -2);
    hit(&findings, leaf(&findings, "a", -1, NULL), true);
    hit(&findings, leaf(&findings, "ab", 3, NULL), true);
    hit(&findings, leaf(&findings, "b!c", 2, NULL), true);
    hit(&findings, leaf(&findings, "d", 5, "a script"), true);
    assert_int_equal(pp_findings_coded_layer(&findings, ""), 3);
    assert_int_equal(pp_findings_coded_layer(&findings, "a"), -1);
    assert_int_equal(pp_findings_coded_layer(&findings, "b"), 2);
    assert_int_equal(pp_findings_coded_layer(&findings, "b!c"), 2);
    assert_int_equal(pp_findings_coded_layer(&findings, "b!c!d"), -2);
    assert_int_equal(pp_findings_coded_layer(&findings, "d"), -2);
}

static void test_defaults_are_dropped(void **state) {
    const char *const set[] = {"TERMUX__HOME=/h", NULL};
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_table table;
    struct pp_values values;
    struct pp_finding home = {.written = true};
    struct pp_finding prefix = {.written = true};

    (void)state;
    assert_int_equal(pp_table_load(&table, NULL, &err), 0);
    assert_int_equal(
        pp_values_resolve(&values, &table, &(struct pp_value_sources){.set = set}, &err), 0);
    home.placeholder = (uint16_t)pp_table_find(&table, "TERMUX__HOME");
    prefix.placeholder = (uint16_t)pp_table_find(&table, "TERMUX__PREFIX");
    home.leaf = prefix.leaf = leaf(&findings, "", -1, NULL);
    assert_int_equal(pp_findings_add(&findings, &prefix, &err), 0);
    assert_int_equal(pp_findings_add(&findings, &home, &err), 0);
    /* There is something to write: all stay. */
    pp_findings_drop_defaults(&findings, &values);
    assert_int_equal(findings.count, 2);
    /* In a script nothing is written; what could be is still told. */
    findings.leaves[0].left = "a script";
    pp_findings_drop_defaults(&findings, &values);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.items[0].placeholder, home.placeholder);
    pp_values_done(&values);
    pp_table_done(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leaf_is_given_back),
        cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_defaults_are_dropped),
        cmocka_unit_test(test_innermost_layer_that_changes_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
