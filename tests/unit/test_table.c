#include "values/table.h"

#include "base/cleanup.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch root;

#define HEAD "[table]\nname = t\nstate = /opt/t/state\nadmindir = /opt/t/dpkg\n"

static int setup(void **state) {
    (void)state;
    scratch_init(&root);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_done(&root);
    return 0;
}

static int load(struct pp_table *table, const char *text, struct pp_err *err) {
    char path[128];

    scratch_text(&root, "table.ini", text);
    snprintf(path, sizeof(path), "%s/table.ini", root.path);
    return pp_table_load(table, path, err);
}

/* The message names the file and holds `words`. */
static void check_refused(const char *text, const char *words) {
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(load(&table, text, &err), -PP_ERR_REFUSED);
    assert_int_equal(table.count, 0);
    if (strstr(err.text, words) == NULL || strstr(err.text, "table.ini: ") == NULL)
        fail_msg("'%s' is not in: %s", words, err.text);
}

static void test_default_table(void **state) {
    static const struct {
        const char *name;
        const char *default_path;
        size_t len;
    } termux[] = {
        {"TERMUX_APP__DATA_DIR", "/data/data/com.termux", 69 - 1},
        {"TERMUX__APPS_DIR", "/data/data/com.termux/termux/app", 84 - 1},
        {"TERMUX__ROOTFS", "/data/data/com.termux/files", 86 - 1},
        {"TERMUX__PREFIX", "/data/data/com.termux/files/usr", 90 - 1},
        {"TERMUX__PREFIX__BIN_DIR", "/data/data/com.termux/files/usr/bin", 94 - 1},
        {"TERMUX__PREFIX__TMP_DIR", "/data/data/com.termux/files/usr/tmp", 94 - 1},
        {"TERMUX__HOME", "/data/data/com.termux/files/home", 91 - 1},
        {"TERMUX__CACHE_DIR", "/data/data/com.termux/cache", 75 - 1},
        {"TERMUX_APP__NATIVE_LIB_DIR", "/data/data/com.termux/lib", 160},
    };
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(pp_table_load(&table, NULL, &err), 0);
    assert_string_equal(table.name, "termux");
    assert_int_equal(table.count, PP_ARRAY_LEN(termux));
    for (size_t i = 0; i < table.count; i++) {
        const struct pp_placeholder *placeholder = &table.placeholders[i];

        assert_int_equal(pp_table_find(&table, termux[i].name), i);
        assert_string_equal(placeholder->default_path, termux[i].default_path);
        assert_int_equal(placeholder->len, termux[i].len);
        assert_int_equal(strlen(placeholder->text), termux[i].len);
        assert_memory_equal(placeholder->text, termux[i].default_path,
                            strlen(termux[i].default_path));
        assert_int_equal(strspn(placeholder->text + strlen(termux[i].default_path), "/"),
                         termux[i].len - strlen(termux[i].default_path));
    }
    pp_table_done(&table);
    assert_int_equal(table.count, 0);
}

static void test_parents(void **state) {
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;
    int bin;

    (void)state;
    assert_int_equal(pp_table_load(&table, NULL, &err), 0);
    bin = pp_table_find(&table, "TERMUX__PREFIX__BIN_DIR");
    assert_int_equal(pp_table_parent(&table, (size_t)bin), pp_table_find(&table, "TERMUX__PREFIX"));
    assert_int_equal(pp_table_parent(&table, 0), -1);
    assert_int_equal(pp_table_find(&table, "TERMUX__PREFI"), -1);
    pp_table_done(&table);
}

static void test_below(void **state) {
    (void)state;
    assert_string_equal(pp_path_below("/a/b", "/a"), "/b");
    assert_string_equal(pp_path_below("/a", "/a"), "");
    assert_null(pp_path_below("/ab", "/a"));
    assert_null(pp_path_below("/", "/a"));
}

static void test_own_table(void **state) {
    char text[2000];
    char long_default[181];
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    memset(long_default, 'x', 180);
    long_default[0] = '/';
    long_default[180] = '\0';
    snprintf(text, sizeof(text),
             HEAD "scope = A\nexecutable = /opt/t/bin\nexecutable = /opt/t/sbin\n"
                  "[A]\ndefault = /opt/a\nlength = 20\nenv = A B\nunscoped = C\n"
                  "[LONG]\ndefault = %s\nlength = 1024\n",
             long_default);
    if (load(&table, text, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(table.executables, "/opt/t/bin /opt/t/sbin");
    assert_string_equal(table.placeholders[0].text, "/opt/a//////////////");
    assert_string_equal(table.placeholders[0].env, "A B");
    assert_string_equal(table.placeholders[0].unscoped, "C");
    assert_string_equal(table.placeholders[1].default_path, long_default);
    assert_string_equal(table.placeholders[1].env, "");
    pp_table_done(&table);
}

static void test_refused_placeholders(void **state) {
    (void)state;
    check_refused(HEAD "[A]\ndefault = opt\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt/\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt//a\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt/./a\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt/../a\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt/.\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt/..\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt/a\tb\nlength = 20\n", "[A]: default must be");
    check_refused(HEAD "[A]\ndefault = /opt/a\nlength = 6\n",
                  "[A]: default is 6 bytes long, which is not shorter than length 6");
    check_refused(HEAD "[A]\ndefault = /opt/a\n", "not shorter than length 0");
    check_refused(HEAD "[A]\ndefault = /opt/a\nlength = 1025\n", "up to 1024");
    check_refused(HEAD "[A]\ndefault = /opt/a\nlength = -5\n", "not a number");
    check_refused(HEAD "[A]\ndefault = /opt/a\nlength = 20x\n", "not a number");
    check_refused(HEAD "[A]\ndefault = /opt/a\nlength = 99999999999999999999\n", "not a number");
    check_refused(HEAD "[A]\ndefault = /opt/a\nlength = 20\nvolatile = maybe\n",
                  "neither yes nor no");
}

static void test_two_with_one_text(void **state) {
    (void)state;
    check_refused(HEAD "[A]\ndefault = /opt/a\nlength = 20\n[B]\ndefault = /opt/a\nlength = 20\n",
                  "[A] and [B] have one text");
}

static void test_one_default_of_two_lengths(void **state) {
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(load(&table,
                          HEAD "[A]\ndefault = /opt/a\nlength = 20\n"
                               "[B]\ndefault = /opt/a\nlength = 21\n",
                          &err),
                     0);
    assert_int_equal(pp_table_parent(&table, 1), -1);
    pp_table_done(&table);
}

static void test_refused_tables(void **state) {
    static const char one[] = "[A]\ndefault = /opt/a\nlength = 20\n";
    char text[1000];

    (void)state;
    check_refused(HEAD, "no placeholder");
    check_refused(one, "name is missing");
    check_refused("[table]\nname = t\n[A]\ndefault = /opt/a\nlength = 20\n", "state");
    check_refused("[table]\nname = t\nstate = /s\n[A]\ndefault = /opt/a\nlength = 20\n",
                  "admindir");
    snprintf(text, sizeof(text), HEAD "scope = B\n%s", one);
    check_refused(text, "scope 'B' is no placeholder");
    snprintf(text, sizeof(text), HEAD "size = 3\n%s", one);
    check_refused(text, "[table]: unknown key 'size'");
    snprintf(text, sizeof(text), HEAD "%ssize = 3\n", one);
    check_refused(text, "[A]: unknown key 'size'");
    snprintf(text, sizeof(text), HEAD "%sgarbage\n", one);
    check_refused(text, "line 8");
    snprintf(text, sizeof(text), HEAD "[A]\ndefault = /%0200d\nlength = 300\n", 0);
    check_refused(text, "too long");
}

static void test_names_that_cannot_be_used(void **state) {
    (void)state;
    /* They are words of --set NAME=VALUE and of the recorded values. */
    check_refused(HEAD "[A=B]\ndefault = /opt/a\nlength = 20\n", "[A=B]: the name");
    check_refused(HEAD "[A B]\ndefault = /opt/a\nlength = 20\n", "[A B]: the name");
    check_refused("default = /opt/a\nlength = 20\n" HEAD, "[]: the name");
    /* The reader of INI files cuts longer ones. */
    check_refused(HEAD "[A1234567890123456789012345678901234567890123456789]\n"
                       "default = /opt/a\nlength = 20\n",
                  "the name");
}

static void test_a_key_that_is_given_twice(void **state) {
    (void)state;
    check_refused(HEAD "[A]\ndefault = /opt/a\ndefault = /opt/b\nlength = 20\n",
                  "[A]: 'default' is given twice");
    /* To the reader of INI files an indented line goes on with the key before. */
    check_refused(HEAD "[A]\nenv = A\n  B\ndefault = /opt/b\nlength = 20\n",
                  "[A]: 'env' is given twice");
    check_refused(HEAD "state = /opt/t\n[A]\ndefault = /opt/b\nlength = 20\n",
                  "[table]: 'state' is given twice");
}

static void test_too_many(void **state) {
    char text[4000];
    size_t len = (size_t)snprintf(text, sizeof(text), HEAD);

    (void)state;
    for (int i = 0; i <= PP_PLACEHOLDER_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "[P%d]\ndefault = /opt/p%d\nlength = 20\n", i, i);
    check_refused(text, "[P64]: more than 64 placeholders");
}

static void test_no_table_there(void **state) {
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(pp_table_load(&table, "/nonexistent/table.ini", &err), -PP_ERR_SYSTEM);
    assert_non_null(strstr(err.text, "/nonexistent/table.ini"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_table),
        cmocka_unit_test(test_parents),
        cmocka_unit_test(test_below),
        cmocka_unit_test_setup_teardown(test_own_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_placeholders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_with_one_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_default_of_two_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_that_cannot_be_used, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_key_that_is_given_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
        cmocka_unit_test(test_no_table_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
