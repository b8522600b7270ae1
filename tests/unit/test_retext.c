#include "content/retext.h"

#include "values/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The prefix padded to its 89 bytes: by default, and with the value below. */
#define SLASHES_47 "///////////////////////////////////////////////"
#define PADDED "/data/data/com.termux/files/usr" SLASHES_47 "///////////"
#define VALUE_PADDED "/d/files/usr" SLASHES_47 "//////////////////////////////"

struct fixture {
    struct pp_table table;
    struct pp_values values;
    struct pp_budget budget;
    struct pp_policy policy;
    struct pp_retext retext;
};

static int set_up(void **state) {
    static const char *const set[] = {"TERMUX_APP__DATA_DIR=/d", NULL};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct pp_value_sources sources = {.set = set};
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_table_load(&fixture->table, NULL, &err), 0);
    assert_int_equal(pp_values_resolve(&fixture->values, &fixture->table, &sources, &err), 0);
    pp_budget_init(&fixture->budget, (uint64_t)100 << 20);
    fixture->policy = (struct pp_policy){
        .matcher = pp_values_matcher(&fixture->values, NULL, 0, &err),
        .budget = &fixture->budget,
        .decode = true,
    };
    fixture->retext = (struct pp_retext){.policy = &fixture->policy, .table = &fixture->table};
    for (size_t i = 0; i < fixture->table.count; i++)
        fixture->retext.put[i] = fixture->values.values[i].path;
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    pp_matcher_free((struct pp_matcher *)(uintptr_t)fixture->policy.matcher);
    pp_budget_done(&fixture->budget);
    pp_values_done(&fixture->values);
    pp_table_done(&fixture->table);
    free(fixture);
    return 0;
}

static void test_text(void **state) {
    static const struct {
        const char *text;
        const char *wanted;
        int count;
    } rows[] = {
        {"", "", 0},
        {"no path", "no path", 0},
        {"/data/data/com.termux", "/d", 1},
        {"/data/data/com.termux/files/usr/bin/x", "/d/files/usr/bin/x", 1},
        {"a:/data/data/com.termux/files/home:/data/data/com.termux/cache",
         "a:/d/files/home:/d/cache", 2},
        /* Slashes behind a path stay, whatever their number. */
        {"/data/data/com.termux/files/usr////x", "/d/files/usr////x", 1},
        {PADDED "/x", VALUE_PADDED "/x", 1},
        {PADDED "///x", VALUE_PADDED "///x", 1},
        {PADDED PADDED, VALUE_PADDED VALUE_PADDED, 2},
        /* Where one path ends. */
        {"see /data/data/com.termux.", "see /d.", 1},
        {"/data/data/com.termux\n/data/data/com.termux'", "/d\n/d'", 2},
        {"/data/data/com.termux.api", "/data/data/com.termux.api", 0},
        {"/data/data/com.termux-x /data/data/com.termux_x",
         "/data/data/com.termux-x "
         "/data/data/com.termux_x",
         0},
        {"/data/data/com.termux/files/usrx", "/d/files/usrx", 1},
        {"/data/data/com.termu", "/data/data/com.termu", 0},
        {"//data/data/com.termux", "//d", 1},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
        PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
        struct pp_err err = PP_ERR_INIT;

        assert_int_equal(pp_retext_text(&fixture->retext, (const uint8_t *)rows[i].text,
                                        strlen(rows[i].text), &out, &findings, &err),
                         rows[i].count);
        assert_int_equal(findings.count, rows[i].count);
        for (size_t k = 0; k < findings.count; k++)
            assert_memory_equal(
                rows[i].text + findings.items[k].offset,
                fixture->table.placeholders[findings.items[k].placeholder].default_path,
                strlen(fixture->table.placeholders[findings.items[k].placeholder].default_path));
        assert_int_equal(out.len, strlen(rows[i].wanted));
        assert_memory_equal(out.data, rows[i].wanted, out.len);
    }
}

static void test_what_is_text(void **state) {
#define ROW(text) text, sizeof(text) - 1
    static const struct {
        const char *content;
        size_t len;
        uint32_t mode;
        int count;
    } rows[] = {
        {ROW("/data/data/com.termux\n"), 0644, 1},
        {ROW("/data/data/com.termux\n"), 0755, PP_RETEXT_NO_TEXT},
        {ROW("#!/data/data/com.termux/files/usr/bin/sh\n"), 0644, PP_RETEXT_NO_TEXT},
        {ROW("/data/data/com.termux\0"), 0644, PP_RETEXT_NO_TEXT},
        {ROW("%PDF-/data/data/com.termux\n"), 0644, PP_RETEXT_NO_TEXT},
        {ROW("nothing\n"), 0644, 0},
        {ROW(""), 0644, 0},
    };
#undef ROW
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
        struct pp_blob content = pp_blob_memory(rows[i].content, rows[i].len);
        PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
        struct pp_sink_buffer sink;
        struct pp_err err = PP_ERR_INIT;

        pp_sink_buffer_init(&sink, &out);
        assert_int_equal(pp_retext_content(&fixture->retext, &content, rows[i].mode, &sink.sink,
                                           &findings, &err),
                         rows[i].count);
        assert_int_equal(out.len > 0, rows[i].count == 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_text, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
