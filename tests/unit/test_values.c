#include "values/values.h"

#include "base/cleanup.h"
#include "scratch.h"
#include "stream/replacer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct pp_table termux;

static int load_table(void **state) {
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    return pp_table_load(&termux, NULL, &err);
}

static int drop_table(void **state) {
    (void)state;
    pp_table_done(&termux);
    return 0;
}

static struct pp_table table_from(const char *text) {
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;
    struct scratch folder;
    char whole[1000];
    char path[128];

    scratch_init(&folder);
    snprintf(whole, sizeof(whole), "[table]\nname = t\nstate = /opt/s\nadmindir = /opt/d\n%s",
             text);
    scratch_text(&folder, "table.ini", whole);
    snprintf(path, sizeof(path), "%s/table.ini", folder.path);
    if (pp_table_load(&table, path, &err) < 0)
        fail_msg("%s", err.text);
    scratch_done(&folder);
    return table;
}

static const struct pp_value *value_of(const struct pp_values *values, const char *name) {
    return &values->values[pp_table_find(values->table, name)];
}

static void check_value(const struct pp_values *values, const char *name, const char *path,
                        enum pp_value_origin origin) {
    const struct pp_value *value = value_of(values, name);
    size_t len = values->table->placeholders[pp_table_find(values->table, name)].len;

    assert_string_equal(value->path, path);
    assert_int_equal(value->origin, origin);
    assert_int_equal(strlen(value->text), len);
    assert_memory_equal(value->text, path, strlen(path));
    assert_int_equal(strspn(value->text + strlen(path), "/"), len - strlen(path));
}

static struct pp_values resolve(const struct pp_table *table,
                                const struct pp_value_sources *sources) {
    struct pp_values values;
    struct pp_err err = PP_ERR_INIT;

    if (pp_values_resolve(&values, table, sources, &err) < 0)
        fail_msg("%s", err.text);
    return values;
}

static struct pp_values resolve_set(const struct pp_table *table, const char *set) {
    const char *const list[] = {set, NULL};

    return resolve(table, &(struct pp_value_sources){.set = list});
}

static enum pp_err_kind refusal(const struct pp_table *table,
                                const struct pp_value_sources *sources, struct pp_err *err) {
    struct pp_values values;

    *err = (struct pp_err)PP_ERR_INIT;
    assert_true(pp_values_resolve(&values, table, sources, err) < 0);
    assert_null(values.values[0].path);
    return err->kind;
}

/* The message holds every word. */
static void check_refused(const struct pp_table *table, const char *set, int any_bytes, ...) {
    const char *const list[] = {set, NULL};
    struct pp_err err;
    const char *word;
    va_list words;

    assert_int_equal(
        refusal(table, &(struct pp_value_sources){.set = list, .any_bytes = any_bytes}, &err),
        PP_ERR_REFUSED);
    va_start(words, any_bytes);
    while ((word = va_arg(words, const char *)) != NULL)
        if (strstr(err.text, word) == NULL)
            fail_msg("'%s' is not in: %s", word, err.text);
    va_end(words);
}

/* ---- where values come from ---- */

static void test_all_default(void **state) {
    struct pp_values values = resolve(&termux, &(struct pp_value_sources){0});

    (void)state;
    assert_true(pp_values_are_default(&values));
    check_value(&values, "TERMUX__PREFIX", "/data/data/com.termux/files/usr", PP_VALUE_DEFAULT);
    pp_values_done(&values);
}

static void test_derived_from_the_longest_parent(void **state) {
    const char *const set[] = {"TERMUX__ROOTFS=/r", "TERMUX__PREFIX=/p/q", NULL};
    struct pp_values values = resolve(&termux, &(struct pp_value_sources){.set = set});

    (void)state;
    assert_false(pp_values_are_default(&values));
    check_value(&values, "TERMUX__PREFIX__BIN_DIR", "/p/q/bin", PP_VALUE_DERIVED);
    check_value(&values, "TERMUX__HOME", "/r/home", PP_VALUE_DERIVED);
    check_value(&values, "TERMUX__CACHE_DIR", "/data/data/com.termux/cache", PP_VALUE_DEFAULT);
    pp_values_done(&values);
}

static void test_derived_over_several_levels(void **state) {
    struct pp_values values = resolve_set(&termux, "TERMUX_APP__DATA_DIR=/data/user/10/com.termux");

    (void)state;
    check_value(&values, "TERMUX__PREFIX__TMP_DIR", "/data/user/10/com.termux/files/usr/tmp",
                PP_VALUE_DERIVED);
    check_value(&values, "TERMUX__APPS_DIR", "/data/user/10/com.termux/termux/app",
                PP_VALUE_DERIVED);
    pp_values_done(&values);
}

static void test_a_child_says_nothing_of_its_parent(void **state) {
    struct pp_values values = resolve_set(&termux, "TERMUX__PREFIX=/p");

    (void)state;
    check_value(&values, "TERMUX__ROOTFS", "/data/data/com.termux/files", PP_VALUE_DEFAULT);
    pp_values_done(&values);
}

static void test_the_root_as_a_value(void **state) {
    struct pp_values values = resolve_set(&termux, "TERMUX__ROOTFS=/");
    PP_AUTO_FREE char *moved = NULL;
    PP_AUTO_FREE char *itself = NULL;

    (void)state;
    check_value(&values, "TERMUX__PREFIX", "/usr", PP_VALUE_DERIVED);
    /* Padded with slashes alone it could fill up what stands before it. */
    assert_int_equal(memcmp(value_of(&values, "TERMUX__ROOTFS")->text, "/.//", 4), 0);
    assert_int_equal(strlen(value_of(&values, "TERMUX__ROOTFS")->text), 85);
    moved = pp_values_move(&values, "/data/data/com.termux/files/var/x");
    assert_string_equal(moved, "/var/x");
    itself = pp_values_move(&values, "/data/data/com.termux/files");
    assert_string_equal(itself, "/");
    pp_values_done(&values);
}

static const char *environment(const char *name) {
    static const char *const variables[][2] = {
        {"TERMUX__ROOTFS_DIR", "/env/rootfs"},
        {"TERMUX__CACHE_DIR", ""},
        {"PREFIX", "/env/prefix"},
        {"HOME", "/env/home"},
    };

    for (size_t i = 0; i < PP_ARRAY_LEN(variables); i++)
        if (strcmp(variables[i][0], name) == 0)
            return variables[i][1];
    return NULL;
}

static const char *unscoped_environment(const char *name) {
    return strncmp(name, "TERMUX", 6) == 0 ? NULL : environment(name);
}

static void test_environment(void **state) {
    struct pp_values values =
        resolve(&termux, &(struct pp_value_sources){.environment = environment});

    (void)state;
    check_value(&values, "TERMUX__ROOTFS", "/env/rootfs", PP_VALUE_ENVIRONMENT);
    /* Beside a scoped rootfs PREFIX and HOME count. */
    check_value(&values, "TERMUX__PREFIX", "/env/prefix", PP_VALUE_ENVIRONMENT);
    check_value(&values, "TERMUX__HOME", "/env/home", PP_VALUE_ENVIRONMENT);
    check_value(&values, "TERMUX__PREFIX__BIN_DIR", "/env/prefix/bin", PP_VALUE_DERIVED);
    /* An empty variable is none. */
    check_value(&values, "TERMUX__CACHE_DIR", "/data/data/com.termux/cache", PP_VALUE_DEFAULT);
    pp_values_done(&values);
}

static void test_unscoped_variables_alone(void **state) {
    struct pp_values values =
        resolve(&termux, &(struct pp_value_sources){.environment = unscoped_environment});

    (void)state;
    assert_true(pp_values_are_default(&values));
    pp_values_done(&values);
}

static void test_unscoped_needs_the_scope_in_the_same_place(void **state) {
    char text[] = "TERMUX__ROOTFS=/file/rootfs\n";
    PP_AUTO_ENVFILE struct pp_envfile file;
    struct pp_err err = PP_ERR_INIT;
    struct pp_values values;

    (void)state;
    assert_int_equal(pp_envfile_parse(&file, text, &err), 0);
    values = resolve(&termux, &(struct pp_value_sources){.env_file = &file,
                                                         .environment = unscoped_environment});
    check_value(&values, "TERMUX__HOME", "/file/rootfs/home", PP_VALUE_DERIVED);
    pp_values_done(&values);
}

static void test_precedence(void **state) {
    const char *const set[] = {"TERMUX__HOME=/a", "TERMUX__HOME=/set/home", NULL};
    char env_text[] = "TERMUX__HOME=/file/home\nTERMUX__PREFIX=/file/usr\n";
    char recorded_text[] = "TERMUX__HOME=/recorded/home\nTERMUX__PREFIX=/recorded/usr\n"
                           "TERMUX__ROOTFS=/recorded\nTERMUX__CACHE_DIR=/recorded/cache\n";
    PP_AUTO_ENVFILE struct pp_envfile file;
    PP_AUTO_ENVFILE struct pp_envfile recorded;
    struct pp_err err = PP_ERR_INIT;
    struct pp_values values;

    (void)state;
    assert_int_equal(pp_envfile_parse(&file, env_text, &err), 0);
    assert_int_equal(pp_envfile_parse(&recorded, recorded_text, &err), 0);
    values = resolve(&termux, &(struct pp_value_sources){.set = set,
                                                         .env_file = &file,
                                                         .environment = environment,
                                                         .recorded = &recorded});
    check_value(&values, "TERMUX__HOME", "/set/home", PP_VALUE_SET);
    check_value(&values, "TERMUX__PREFIX", "/file/usr", PP_VALUE_ENVFILE);
    check_value(&values, "TERMUX__ROOTFS", "/env/rootfs", PP_VALUE_ENVIRONMENT);
    check_value(&values, "TERMUX__CACHE_DIR", "/recorded/cache", PP_VALUE_RECORDED);
    check_value(&values, "TERMUX__PREFIX__BIN_DIR", "/file/usr/bin", PP_VALUE_DERIVED);
    check_value(&values, "TERMUX_APP__DATA_DIR", "/data/data/com.termux", PP_VALUE_DEFAULT);
    assert_string_equal(recorded.entries[pp_values_differ(&values, &recorded) >= 0].key,
                        "TERMUX__PREFIX");
    pp_values_done(&values);
}

/* A recorded value that follows from its parent's goes with it; another one was chosen, and stays.
 */
static void test_recorded_values_follow_their_parent(void **state) {
    char text[] = "TERMUX_APP__DATA_DIR=/old\nTERMUX__ROOTFS=/old/files\n"
                  "TERMUX__PREFIX=/old/files/usr\nTERMUX__HOME=/chosen\n";
    const char *const moved[] = {"TERMUX_APP__DATA_DIR=/new", NULL};
    const char *const rootfs[] = {"TERMUX__ROOTFS=/other", NULL};
    PP_AUTO_ENVFILE struct pp_envfile recorded;
    struct pp_err err = PP_ERR_INIT;
    struct pp_values values;

    (void)state;
    assert_int_equal(pp_envfile_parse(&recorded, text, &err), 0);
    values = resolve(&termux, &(struct pp_value_sources){.set = moved, .recorded = &recorded});
    check_value(&values, "TERMUX__ROOTFS", "/new/files", PP_VALUE_DERIVED);
    check_value(&values, "TERMUX__PREFIX", "/new/files/usr", PP_VALUE_DERIVED);
    check_value(&values, "TERMUX__HOME", "/chosen", PP_VALUE_RECORDED);
    pp_values_done(&values);
    values = resolve(&termux, &(struct pp_value_sources){.set = rootfs, .recorded = &recorded});
    check_value(&values, "TERMUX_APP__DATA_DIR", "/old", PP_VALUE_RECORDED);
    check_value(&values, "TERMUX__PREFIX", "/other/usr", PP_VALUE_DERIVED);
    pp_values_done(&values);
    values = resolve(&termux, &(struct pp_value_sources){.recorded = &recorded});
    check_value(&values, "TERMUX__PREFIX", "/old/files/usr", PP_VALUE_DERIVED);
    assert_int_equal(pp_values_differ(&values, &recorded), -1);
    pp_values_done(&values);
}

static void test_differ(void **state) {
    char same_text[] = "TERMUX__ROOTFS=/r\nUNKNOWN=/x\n";
    char other_text[] = "TERMUX__ROOTFS=/r\nTERMUX__HOME=/elsewhere\n";
    PP_AUTO_ENVFILE struct pp_envfile same;
    PP_AUTO_ENVFILE struct pp_envfile other;
    struct pp_err err = PP_ERR_INIT;
    struct pp_values values = resolve_set(&termux, "TERMUX__ROOTFS=/r");

    (void)state;
    assert_int_equal(pp_envfile_parse(&same, same_text, &err), 0);
    assert_int_equal(pp_envfile_parse(&other, other_text, &err), 0);
    assert_int_equal(pp_values_differ(&values, &same), -1);
    assert_int_equal(pp_values_differ(&values, &other), pp_table_find(&termux, "TERMUX__HOME"));
    pp_values_done(&values);
}

static void test_move(void **state) {
    struct pp_values values = resolve_set(&termux, "TERMUX__PREFIX=/p");
    PP_AUTO_FREE char *longest = pp_values_move(&values, "/data/data/com.termux/files/usr/bin/x");
    PP_AUTO_FREE char *itself = pp_values_move(&values, "/data/data/com.termux/files/usr");
    PP_AUTO_FREE char *beside = pp_values_move(&values, "/data/data/com.termux/files/usr2");
    PP_AUTO_FREE char *outside = pp_values_move(&values, "/etc/x");

    (void)state;
    assert_string_equal(longest, "/p/bin/x");
    assert_string_equal(itself, "/p");
    assert_string_equal(beside, "/data/data/com.termux/files/usr2");
    assert_string_equal(outside, "/etc/x");
    pp_values_done(&values);
}

/* ---- what is refused ---- */

#define X10 "xxxxxxxxxx"
#define X80 X10 X10 X10 X10 X10 X10 X10 X10

static void test_length(void **state) {
    struct pp_values values = resolve_set(&termux, "TERMUX__ROOTFS=/" X80 "xxxx");

    (void)state;
    assert_string_equal(value_of(&values, "TERMUX__ROOTFS")->text, "/" X80 "xxxx");
    pp_values_done(&values);
    check_refused(&termux, "TERMUX__ROOTFS=/" X80 "xxxxx", false, "TERMUX__ROOTFS", "/" X80 "xxxxx",
                  "86 bytes long", "1 over the limit of 85", "--set", NULL);
}

static void test_length_of_what_is_derived(void **state) {
    struct pp_table table =
        table_from("[A]\ndefault = /a\nlength = 10\n[B]\ndefault = /a/b\nlength = 11\n");

    (void)state;
    check_refused(&table, "A=/123456789", false, "B", "'/123456789/b'", "12 bytes long",
                  "limit of 11", "a parent's value", NULL);
    pp_table_done(&table);
}

static void test_real_values_fit(void **state) {
    static const char *const fitting[] = {
        "TERMUX__ROOTFS=/data/user/10/com.termux/files",
        "TERMUX__ROOTFS=/mnt/expand/01234567-89ab-cdef-0123-456789abcdef/user/999/com.termux/files",
        "TERMUX_APP__DATA_DIR=/mnt/expand/01234567-89ab-cdef-0123-456789abcdef/user/999/com.termux",
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(fitting); i++) {
        struct pp_values values = resolve_set(&termux, fitting[i]);

        pp_values_done(&values);
    }
}

static void test_trailing_slashes_are_trimmed(void **state) {
    struct pp_values values = resolve_set(&termux, "TERMUX__CACHE_DIR=/" X10 X10 X10 X10 X10 X10 X10
                                                   "//////////////////");

    (void)state;
    assert_string_equal(value_of(&values, "TERMUX__CACHE_DIR")->path,
                        "/" X10 X10 X10 X10 X10 X10 X10);
    pp_values_done(&values);
}

static void test_forms_of_paths(void **state) {
    static const struct {
        const char *set;
        const char *why;
    } refused[] = {
        {"TERMUX__HOME=", "empty"},
        {"TERMUX__HOME=home", "relative"},
        {"TERMUX__HOME=./home", "relative"},
        {"TERMUX__HOME=/a/./b", ". or .. component"},
        {"TERMUX__HOME=/a/../b", ". or .. component"},
        {"TERMUX__HOME=/..", ". or .. component"},
        {"TERMUX__HOME=/a/.", ". or .. component"},
        {"TERMUX__HOME=/a/..//", ". or .. component"},
        {"TERMUX__HOME=/a//b", "empty component"},
        {"TERMUX__HOME=//a", "empty component"},
        {"TERMUX__HOME=/a\nb", "control byte"},
        {"TERMUX__HOME=/a\tb", "control byte"},
        {"TERMUX__HOME=/a\x7f", "control byte"},
        {"TERMUX__HOME=/a\x1b[1m", "control byte"},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(refused); i++) {
        check_refused(&termux, refused[i].set, false, "TERMUX__HOME", "--set", refused[i].why,
                      NULL);
        check_refused(&termux, refused[i].set, true, refused[i].why, NULL);
    }
}

static void test_names_with_dots_are_fine(void **state) {
    struct pp_values values = resolve_set(&termux, "TERMUX__HOME=/.a/..b/c../...");

    (void)state;
    assert_string_equal(value_of(&values, "TERMUX__HOME")->path, "/.a/..b/c../...");
    pp_values_done(&values);
}

static void test_odd_bytes(void **state) {
    static const char odd[] = " '\"$`\\;:*?&|<>()[]{}!#%^\xc3";
    const char *const allowed[] = {"TERMUX__HOME=/aZ09._/+,=@~-", NULL};
    struct pp_values values = resolve(&termux, &(struct pp_value_sources){.set = allowed});

    (void)state;
    pp_values_done(&values);
    for (const char *byte = odd; *byte != '\0'; byte++) {
        char set[64];
        const char *const list[] = {set, NULL};

        snprintf(set, sizeof(set), "TERMUX__HOME=/a%cb", *byte);
        check_refused(&termux, set, false, "TERMUX__HOME", "outside [A-Za-z0-9._/+,=@~-]",
                      "--any-bytes", NULL);
        values = resolve(&termux, &(struct pp_value_sources){.set = list, .any_bytes = true});
        assert_string_equal(value_of(&values, "TERMUX__HOME")->path, set + strlen("TERMUX__HOME="));
        pp_values_done(&values);
    }
}

/* It would be lost where the values are recorded, a line each. */
static void test_a_space_at_the_end(void **state) {
    (void)state;
    check_refused(&termux, "TERMUX__HOME=/a ", true, "TERMUX__HOME", "ends with a space", NULL);
}

/* Who recorded it allowed it; later runs, the hook's too, go on with it. */
static void test_recorded_odd_bytes_hold(void **state) {
    char text[] = "TERMUX__ROOTFS=/a b\n";
    PP_AUTO_ENVFILE struct pp_envfile recorded;
    struct pp_err err = PP_ERR_INIT;
    struct pp_values values;

    (void)state;
    assert_int_equal(pp_envfile_parse(&recorded, text, &err), 0);
    values = resolve(&termux, &(struct pp_value_sources){.recorded = &recorded});
    check_value(&values, "TERMUX__ROOTFS", "/a b", PP_VALUE_RECORDED);
    check_value(&values, "TERMUX__HOME", "/a b/home", PP_VALUE_DERIVED);
    pp_values_done(&values);
}

static void test_recorded_values_are_checked(void **state) {
    char text[] = "TERMUX__ROOTFS=relative\n";
    PP_AUTO_ENVFILE struct pp_envfile recorded;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(pp_envfile_parse(&recorded, text, &err), 0);
    assert_int_equal(refusal(&termux, &(struct pp_value_sources){.recorded = &recorded}, &err),
                     PP_ERR_REFUSED);
    assert_non_null(strstr(err.text, "the recorded values"));
}

static void test_words_of_set(void **state) {
    const char *const no_value[] = {"TERMUX__HOME", NULL};
    struct pp_err err;

    (void)state;
    assert_int_equal(refusal(&termux, &(struct pp_value_sources){.set = no_value}, &err),
                     PP_ERR_USAGE);
    assert_non_null(strstr(err.text, "NAME=VALUE"));
    check_refused(&termux, "NO_SUCH=/x", false, "--set NO_SUCH=/x", "'termux'", NULL);
}

/* ---- values that form placeholders ---- */

static void test_a_value_that_forms_its_own(void **state) {
    struct pp_table table = table_from("[A]\ndefault = /a\nlength = 10\n");
    struct pp_values values = resolve_set(&table, "A=/a");

    (void)state;
    assert_true(pp_values_are_default(&values));
    pp_values_done(&values);
    /* "/x/a//////" and what follows in a run of slashes. */
    check_refused(&table, "A=/x/a", false, "A", "'/x/a'", "4 bytes", "limit 10", "form",
                  "the placeholder A", NULL);
    values = resolve_set(&table, "A=/x/ab");
    pp_values_done(&values);
    values = resolve_set(&table, "A=/a/x");
    pp_values_done(&values);
    pp_table_done(&table);
}

static void test_a_value_that_forms_another(void **state) {
    struct pp_table table =
        table_from("[A]\ndefault = /a\nlength = 10\n[B]\ndefault = /b\nlength = 12\n");

    (void)state;
    check_refused(&table, "A=/b", false, "A", "'/b'", "the placeholder B", NULL);
    check_refused(&table, "B=/x/a", false, "B", "'/x/a'", "the placeholder A", NULL);
    pp_table_done(&table);
}

/* It fills its length, so what stands behind it may make it a placeholder's beginning whole. */
static void test_a_value_that_ends_as_a_placeholder_begins(void **state) {
    struct pp_table table =
        table_from("[A]\ndefault = /a\nlength = 6\n[B]\ndefault = /b/c\nlength = 12\n");
    struct pp_values values;

    (void)state;
    check_refused(&table, "A=/xyz/b", false, "A", "'/xyz/b'", "form the placeholder B", NULL);
    check_refused(&table, "A=/xy/b", false, "A", "'/xy/b'", "form the placeholder B", NULL);
    values = resolve_set(&table, "A=/x/b");
    pp_values_done(&values);
    values = resolve_set(&table, "A=/xyz/d");
    pp_values_done(&values);
    pp_table_done(&table);
}

static void test_a_value_that_is_part_of_a_placeholder(void **state) {
    struct pp_table table =
        table_from("[A]\ndefault = /a\nlength = 6\n[B]\ndefault = /b/c\nlength = 12\n");
    struct pp_values values;

    (void)state;
    check_refused(&table, "A=/c", false, "A", "'/c'", "be a part of the placeholder B", NULL);
    values = resolve_set(&table, "A=/");
    pp_values_done(&values);
    pp_table_done(&table);
}

static void test_termux_values_that_form_another(void **state) {
    (void)state;
    check_refused(&termux, "TERMUX__PREFIX=/data/data/com.termux/files", false, "TERMUX__PREFIX",
                  "TERMUX__ROOTFS", NULL);
}

/* ---- the matcher ---- */

static int ignore(void *user, const struct pp_match *match, uint64_t offset, bool written,
                  struct pp_err *err) {
    size_t *count = user;

    (void)match;
    (void)offset;
    (void)written;
    (void)err;
    ++*count;
    return 0;
}

static void test_matcher(void **state) {
    struct pp_table table =
        table_from("[A]\ndefault = /a\nlength = 10\n[B]\ndefault = /a/b\nlength = 12\n");
    struct pp_values values = resolve_set(&table, "A=/xyz");
    struct pp_err err = PP_ERR_INIT;
    struct pp_matcher *matcher = pp_values_matcher(&values, NULL, 0, &err);
    char text[] = "A=/a////////x:/a/b///////////y /a///////";
    size_t count = 0;
    struct pp_replacer replacer = {
        .matcher = matcher, .edit = true, .on_match = ignore, .user = &count};

    (void)state;
    assert_int_equal(pp_replacer_edit(&replacer, (uint8_t *)text, strlen(text), true, &err),
                     strlen(text));
    assert_string_equal(text, "A=/xyz//////x:/xyz/b/////////y /a///////");
    assert_int_equal(count, 2);
    pp_matcher_free(matcher);
    pp_values_done(&values);
    pp_table_done(&table);
}

static void test_pad(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    const struct pp_placeholder placeholder = {.name = (char *)"A", .len = 10};

    (void)state;
    assert_int_equal(pp_value_pad(&placeholder, "/a//", &text, &err), 0);
    assert_int_equal(pp_value_pad(&placeholder, "/123456789", &text, &err), 0);
    assert_string_equal((char *)text.data, "/a/////////123456789");
    assert_int_equal(pp_value_pad(&placeholder, "/1234567890", &text, &err), -PP_ERR_REFUSED);
    assert_int_equal(pp_value_pad(&placeholder, "a", &text, &err), -PP_ERR_REFUSED);
    assert_int_equal(text.len, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_default),
        cmocka_unit_test(test_derived_from_the_longest_parent),
        cmocka_unit_test(test_derived_over_several_levels),
        cmocka_unit_test(test_a_child_says_nothing_of_its_parent),
        cmocka_unit_test(test_the_root_as_a_value),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_unscoped_variables_alone),
        cmocka_unit_test(test_unscoped_needs_the_scope_in_the_same_place),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_differ),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_length_of_what_is_derived),
        cmocka_unit_test(test_real_values_fit),
        cmocka_unit_test(test_trailing_slashes_are_trimmed),
        cmocka_unit_test(test_forms_of_paths),
        cmocka_unit_test(test_names_with_dots_are_fine),
        cmocka_unit_test(test_odd_bytes),
        cmocka_unit_test(test_a_space_at_the_end),
        cmocka_unit_test(test_recorded_values_follow_their_parent),
        cmocka_unit_test(test_recorded_odd_bytes_hold),
        cmocka_unit_test(test_recorded_values_are_checked),
        cmocka_unit_test(test_words_of_set),
        cmocka_unit_test(test_a_value_that_forms_its_own),
        cmocka_unit_test(test_a_value_that_forms_another),
        cmocka_unit_test(test_a_value_that_ends_as_a_placeholder_begins),
        cmocka_unit_test(test_a_value_that_is_part_of_a_placeholder),
        cmocka_unit_test(test_termux_values_that_form_another),
        cmocka_unit_test(test_matcher),
        cmocka_unit_test(test_pad),
    };

    return cmocka_run_group_tests(tests, load_table, drop_table);
}
