#include "ledger/ledger.h"

#include "ledger/intent.h"
#include "ledger/pristine.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sqlite3.h>

static struct scratch root;
static struct pp_state state;
static struct pp_ledger *ledger;

static void open_ledger(void) {
    struct pp_err err = PP_ERR_INIT;

    ledger = pp_ledger_open(&state, true, &err);
    if (ledger == NULL)
        fail_msg("%s", err.text);
}

static int setup(void **unused) {
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    scratch_init(&root);
    state = (struct pp_state)PP_STATE_INIT;
    assert_int_equal(pp_state_open(&state, root.path, true, NULL, NULL, &err), 1);
    open_ledger();
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    pp_ledger_close(ledger);
    ledger = NULL;
    pp_state_done(&state);
    scratch_done(&root);
    return 0;
}

static struct pp_ledger_file file_at(const char *path) {
    struct pp_ledger_file file = {
        .path = path,
        .package = "toy:amd64",
        .kind = PP_LEDGER_PLAIN,
        .size = 12345678901,
        .mtime = {-5, 999999999},
        .set = 1,
        .hits = (const uint8_t *)"\x00\x05",
        .hits_len = 2,
    };

    memset(&file.shipped, 0x11, sizeof(file.shipped));
    memset(&file.current, 0xee, sizeof(file.current));
    return file;
}

static void put(const char *path, const char *package, enum pp_ledger_kind kind) {
    struct pp_ledger_file file = file_at(path);
    struct pp_err err = PP_ERR_INIT;

    file.package = package;
    file.kind = kind;
    assert_int_equal(pp_ledger_put(ledger, &file, &err), 0);
}

static int check_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    const struct pp_ledger_file *want = context;

    (void)err;
    assert_string_equal(file->path, want->path);
    assert_string_equal(file->package, want->package);
    assert_int_equal(file->kind, want->kind);
    assert_int_equal(file->size, want->size);
    assert_int_equal(file->mtime.tv_sec, want->mtime.tv_sec);
    assert_int_equal(file->mtime.tv_nsec, want->mtime.tv_nsec);
    assert_memory_equal(&file->shipped, &want->shipped, sizeof(want->shipped));
    assert_memory_equal(&file->current, &want->current, sizeof(want->current));
    assert_int_equal(file->set, want->set);
    assert_int_equal(file->hits_len, want->hits_len);
    assert_memory_equal(file->hits, want->hits, want->hits_len);
    assert_int_equal(file->members_len, want->members_len);
    if (want->members_len > 0)
        assert_memory_equal(file->members, want->members, want->members_len);
    return 7;
}

static void test_rows_come_back(void **unused) {
    struct pp_ledger_file file = file_at("usr/share/x\xff\xfe");
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    file.members = "a\0b/c";
    file.members_len = 6;
    assert_int_equal(pp_ledger_put(ledger, &file, &err), 0);
    pp_ledger_close(ledger);
    open_ledger();
    assert_int_equal(pp_ledger_find(ledger, file.path, check_row, &file, &err), 7);
    assert_int_equal(pp_ledger_find(ledger, "usr/share/y", check_row, &file, &err), 0);
    assert_int_equal(pp_ledger_find(ledger, "none/y", check_row, &file, &err), 0);
    file.size = 1;
    file.package = "";
    assert_int_equal(pp_ledger_put(ledger, &file, &err), 0);
    assert_int_equal(pp_ledger_find(ledger, file.path, check_row, &file, &err), 7);
    assert_int_equal(pp_ledger_count(ledger, &err), 1);
    assert_int_equal(pp_ledger_forget(ledger, file.path, &err), 0);
    assert_int_equal(pp_ledger_count(ledger, &err), 0);
    assert_int_equal(pp_ledger_find(ledger, file.path, check_row, &file, &err), 0);
}

struct list {
    char text[512];
    int stop_after;
};

static int list_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct list *list = context;

    (void)err;
    strcat(strcat(list->text, file->path), " ");
    return --list->stop_after == 0 ? 1 : 0;
}

static void check_list(const char *package, const char *under, const char *after, int stop_after,
                       const char *want) {
    struct pp_ledger_filter filter = {.package = package, .under = under, .after = after};
    struct list list = {.stop_after = stop_after};
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_ledger_files(ledger, &filter, list_row, &list, &err), stop_after > 0);
    assert_string_equal(list.text, want);
}

static void test_filters(void **unused) {
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    put("top", "one:all", PP_LEDGER_PLAIN);
    put("a/x", "one:all", PP_LEDGER_PLAIN);
    put("a-b/x", "two:all", PP_LEDGER_PLAIN);
    put("a/b/x", "two:all", PP_LEDGER_PLAIN);
    put("a0/x", "", PP_LEDGER_PLAIN);
    check_list(NULL, NULL, NULL, 0, "top a/x a-b/x a/b/x a0/x ");
    check_list(NULL, "", NULL, 0, "top a/x a-b/x a/b/x a0/x ");
    check_list(NULL, "a", NULL, 0, "a/x a/b/x ");
    check_list(NULL, "a/b", NULL, 0, "a/b/x ");
    check_list(NULL, "a/x", NULL, 0, "a/x ");
    check_list(NULL, "top", NULL, 0, "top ");
    check_list(NULL, "to", NULL, 0, "");
    check_list("one:all", NULL, NULL, 0, "top a/x ");
    check_list("two:all", "a", NULL, 0, "a/b/x ");
    check_list("two:all", "a/x", NULL, 0, "");
    check_list("", NULL, NULL, 0, "a0/x ");
    check_list("none:all", NULL, NULL, 0, "");
    check_list(NULL, NULL, NULL, 2, "top a/x ");
    check_list(NULL, NULL, "a/x", 2, "a-b/x a/b/x ");
    check_list(NULL, NULL, "a0/x", 0, "");
    check_list("two:all", NULL, "a-b/x", 0, "a/b/x ");
    assert_int_equal(pp_ledger_assign(ledger, "a/x", "two:all", &err), 0);
    check_list("two:all", NULL, NULL, 0, "a/x a-b/x a/b/x ");
}

static void test_suffix(void **unused) {
    struct pp_ledger_filter filter = {.suffix = ".dpkg-new"};
    struct list list = {.stop_after = 0};
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    put("b/x.dpkg-new", "one:all", PP_LEDGER_PLAIN);
    put("a/y.dpkg-new", "", PP_LEDGER_PLAIN);
    put("a/x.dpkg-newer", "one:all", PP_LEDGER_PLAIN);
    put("a.dpkg-new/x", "one:all", PP_LEDGER_PLAIN);
    put("a/new", "one:all", PP_LEDGER_PLAIN);
    assert_int_equal(pp_ledger_files(ledger, &filter, list_row, &list, &err), 0);
    assert_string_equal(list.text, "a/y.dpkg-new b/x.dpkg-new ");
}

static int failing(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    (void)context;
    (void)file;
    return pp_err_set(err, PP_ERR_LIMIT, "enough");
}

static void test_errors_of_callbacks_pass(void **unused) {
    struct pp_ledger_filter all = {0};
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    put("a", "", PP_LEDGER_PLAIN);
    assert_int_equal(pp_ledger_files(ledger, &all, failing, NULL, &err), -PP_ERR_LIMIT);
    check_list(NULL, NULL, NULL, 0, "a ");
}

static void test_rollback(void **unused) {
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    assert_int_equal(pp_ledger_begin(ledger, &err), 0);
    put("folder/a", "p:all", PP_LEDGER_PLAIN);
    pp_ledger_rollback(ledger);
    check_list(NULL, NULL, NULL, 0, "");
    put("folder/a", "p:all", PP_LEDGER_PLAIN);
    check_list(NULL, NULL, NULL, 0, "folder/a ");
}

static int check_values(void *context, const struct pp_ledger_value *value, struct pp_err *err) {
    char *text = context;

    (void)err;
    strcat(strcat(strcat(strcat(text, value->name), "="), value->value), " ");
    return 0;
}

static uint32_t set_of(const struct pp_ledger_value *values, size_t count) {
    struct pp_err err = PP_ERR_INIT;
    uint32_t set = 0;

    assert_int_equal(pp_ledger_set(ledger, values, count, &set, &err), 0);
    assert_true(set > 0);
    return set;
}

static void test_value_sets(void **unused) {
    const struct pp_ledger_value one[] = {{"A", "/a"}, {"B", "/b"}};
    const struct pp_ledger_value two[] = {{"A", "/a"}, {"B", "/c"}};
    const struct pp_ledger_value turned[] = {{"B", "/b"}, {"A", "/a"}};
    struct pp_err err = PP_ERR_INIT;
    uint32_t first = set_of(one, 2);
    char text[64] = "";

    (void)unused;
    assert_int_equal(set_of(one, 2), first);
    assert_int_not_equal(set_of(two, 2), first);
    assert_int_not_equal(set_of(turned, 2), first);
    assert_int_not_equal(set_of(one, 1), first);
    assert_int_equal(set_of(one, 2), first);
    assert_int_equal(pp_ledger_values(ledger, first, check_values, text, &err), 2);
    assert_string_equal(text, "A=/a B=/b ");
    assert_int_equal(pp_ledger_values(ledger, 99, check_values, text, &err), -PP_ERR_DAMAGED);
}

static int list_package(void *context, const char *package, const char *version, size_t file_count,
                        struct pp_err *err) {
    char *text = context;

    (void)err;
    sprintf(text + strlen(text), "%s(%s)%zu ", package, version, file_count);
    return 0;
}

static int list_name(void *context, const char *package, struct pp_err *err) {
    (void)err;
    strcat(strcat(context, package), " ");
    return 0;
}

struct wanted {
    const char *package;
    const struct pp_ledger_stamp *stamp;
    int found;
};

static int compare_stamp(void *context, const char *package, const struct pp_ledger_stamp *stamp,
                         struct pp_err *err) {
    struct wanted *wanted = context;

    (void)err;
    if (strcmp(package, wanted->package) == 0)
        wanted->found += pp_ledger_same_stamp(stamp, wanted->stamp);
    return 0;
}

static int has_stamp(const char *package, const struct pp_ledger_stamp *stamp) {
    struct wanted wanted = {package, stamp, 0};
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_ledger_stamps(ledger, compare_stamp, &wanted, &err), 0);
    return wanted.found;
}

static void test_stamps(void **unused) {
    struct pp_ledger_stamp stamp = {.version = "1.0",
                                    .list_mtime = {10, 20},
                                    .list_ino = UINT64_MAX,
                                    .list_size = 99,
                                    .config = {1, 2}};
    struct pp_ledger_stamp other;
    struct pp_err err = PP_ERR_INIT;
    char text[128] = "";

    (void)unused;
    assert_int_equal(has_stamp("p:all", &stamp), 0);
    assert_int_equal(pp_ledger_put_stamp(ledger, "p:all", &stamp, &err), 0);
    assert_int_equal(has_stamp("p:all", &stamp), 1);
    assert_int_equal(has_stamp("q:all", &stamp), 0);
    other = stamp, other.version = "1.1";
    assert_int_equal(has_stamp("p:all", &other), 0);
    other = stamp, other.list_mtime.tv_nsec++;
    assert_int_equal(has_stamp("p:all", &other), 0);
    other = stamp, other.list_ino--;
    assert_int_equal(has_stamp("p:all", &other), 0);
    other = stamp, other.list_size++;
    assert_int_equal(has_stamp("p:all", &other), 0);
    other = stamp, other.config[31] = 1;
    assert_int_equal(has_stamp("p:all", &other), 0);
    put("a", "row:all", PP_LEDGER_PLAIN);
    assert_int_equal(pp_ledger_packages(ledger, list_package, text, &err), 0);
    assert_string_equal(text, "p:all(1.0)0 row:all()1 ");
    text[0] = '\0';
    assert_int_equal(pp_ledger_package_names(ledger, list_name, text, &err), 0);
    assert_string_equal(text, "p:all row:all ");
    assert_int_equal(pp_ledger_expire(ledger, "p:all", &err), 0);
    assert_int_equal(has_stamp("p:all", &stamp), 0);
    assert_int_equal(pp_ledger_put_stamp(ledger, "p:all", &stamp, &err), 0);
    assert_int_equal(pp_ledger_expire(ledger, NULL, &err), 0);
    assert_int_equal(has_stamp("p:all", &stamp), 0);
}

static void test_intents(void **unused) {
    struct pp_ledger_intent intent = {.file = file_at("a/b"), .ino = 7};
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    assert_int_equal(pp_ledger_pending(ledger, &err), 0);
    assert_int_equal(pp_ledger_put_intent(ledger, &intent, &err), 0);
    assert_int_equal(pp_ledger_pending(ledger, &err), 1);
    check_list(NULL, NULL, NULL, 0, "");
    assert_int_equal(pp_ledger_settle(ledger, "a/b", &err), 0);
    assert_int_equal(pp_ledger_pending(ledger, &err), 0);
    assert_int_equal(pp_ledger_find(ledger, "a/b", check_row, &intent.file, &err), 7);
    intent.file.size = 1;
    assert_int_equal(pp_ledger_put_intent(ledger, &intent, &err), 0);
    assert_int_equal(pp_ledger_drop_intent(ledger, "a/b", &err), 0);
    intent.file = file_at("a/b");
    assert_int_equal(pp_ledger_find(ledger, "a/b", check_row, &intent.file, &err), 7);
    intent.undo = true;
    assert_int_equal(pp_ledger_put_intent(ledger, &intent, &err), 0);
    assert_int_equal(pp_ledger_settle(ledger, "a/b", &err), 0);
    check_list(NULL, NULL, NULL, 0, "");
    assert_int_equal(pp_ledger_pending(ledger, &err), 0);
}

static void test_shipped_bytes_go_with_their_last_row(void **unused) {
    struct pp_digest digest;
    struct pp_err err = PP_ERR_INIT;
    struct pp_blob shipped;
    int fd;

    (void)unused;
    scratch_text(&root, "content", "as shipped");
    fd = openat(root.fd, "content", O_RDONLY | O_CLOEXEC);
    shipped = pp_blob_file(fd, 0, strlen("as shipped"));
    assert_int_equal(pp_pristine_keep(&state, &shipped, ".pp-x", true, true, &digest, &err), 0);
    close(fd);
    for (int i = 0; i < 2; i++) {
        struct pp_ledger_file file = file_at(i == 0 ? "one" : "two");

        file.kind = PP_LEDGER_REWRITTEN;
        file.shipped = digest;
        assert_int_equal(pp_ledger_put(ledger, &file, &err), 0);
    }
    scratch_text(&root, "pristine/stray", "");
    assert_int_equal(pp_ledger_sweep_due(ledger, &err), 0);
    for (int i = 0; i < 2; i++) {
        fd = pp_pristine_open(&state, digest.sha256, &err);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(pp_ledger_forget(ledger, i == 0 ? "one" : "two", &err), 0);
        assert_int_equal(pp_ledger_sweep_due(ledger, &err), 1);
        assert_int_equal(pp_ledger_pending(ledger, &err), 0);
        assert_int_equal(pp_pristine_sweep(&state, ledger, &err), 0);
        assert_int_equal(pp_ledger_swept(ledger, &err), 0);
        assert_false(scratch_has(&root, "pristine/stray"));
    }
    assert_true(pp_pristine_open(&state, digest.sha256, &err) < 0);
}

static void run_sql(const char *sql) {
    char path[128];
    sqlite3 *db;

    pp_ledger_close(ledger);
    ledger = NULL;
    snprintf(path, sizeof(path), "%s/ledger.db", root.path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void check_not_opened(enum pp_err_kind kind) {
    struct pp_err err = PP_ERR_INIT;

    ledger = pp_ledger_open(&state, true, &err);
    assert_null(ledger);
    assert_int_equal(err.kind, kind);
}

static void test_newer_schema_is_refused(void **unused) {
    (void)unused;
    run_sql("PRAGMA user_version = 99");
    check_not_opened(PP_ERR_UNSUPPORTED);
}

static void test_foreign_schemas_are_refused(void **unused) {
    static const char *const additions[] = {
        "CREATE TRIGGER t AFTER INSERT ON file BEGIN SELECT 1; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE other(x)",
        "DROP INDEX file_package",
        "PRAGMA application_id = 1",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(additions) / sizeof(additions[0]); i++) {
        struct pp_err err = PP_ERR_INIT;

        run_sql(additions[i]);
        check_not_opened(PP_ERR_DAMAGED);
        assert_int_equal(pp_ledger_set_aside(&state, &err), 0);
        open_ledger();
    }
}

static void test_damage_is_told_and_set_aside(void **unused) {
    struct pp_err err = PP_ERR_INIT;
    int fd;

    (void)unused;
    for (int i = 0; i < 100; i++) {
        char path[32];

        snprintf(path, sizeof(path), "folder/%d", i);
        put(path, "p:all", PP_LEDGER_PLAIN);
    }
    pp_ledger_close(ledger);
    fd = openat(root.fd, "ledger.db", O_WRONLY | O_CLOEXEC);
    for (off_t at = 4096; at < scratch_stat(&root, "ledger.db").st_size; at += 4096)
        assert_int_equal(pwrite(fd, "garbage garbage garbage", 23, at), 23);
    close(fd);
    /* After a good end nobody looks at all of it; once the damage is met, the next one does. */
    open_ledger();
    assert_int_equal(pp_ledger_check(ledger, &err), -PP_ERR_DAMAGED);
    pp_err_clear(&err);
    pp_ledger_close(ledger);
    check_not_opened(PP_ERR_DAMAGED);
    check_not_opened(PP_ERR_DAMAGED);
    scratch_text(&root, "ledger.db", "this is no database at all, but it is long enough to look");
    check_not_opened(PP_ERR_DAMAGED);
    assert_int_equal(pp_ledger_set_aside(&state, &err), 0);
    assert_true(scratch_has(&root, "ledger.db.damaged"));
    open_ledger();
    assert_int_equal(pp_ledger_count(ledger, &err), 0);
}

static void test_rows_without_values_are_damage(void **unused) {
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    put("folder/a", "p:all", PP_LEDGER_PLAIN);
    assert_int_equal(pp_ledger_check(ledger, &err), -PP_ERR_DAMAGED);
    assert_non_null(strstr(err.text, "values are missing"));
}

static void test_symlinked_database_is_refused(void **unused) {
    (void)unused;
    pp_ledger_close(ledger);
    ledger = NULL;
    assert_int_equal(renameat(root.fd, "ledger.db", root.fd, "elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", root.fd, "ledger.db"), 0);
    check_not_opened(PP_ERR_REFUSED);
}

static void test_rows_are_small(void **unused) {
    struct pp_err err = PP_ERR_INIT;
    enum { FILE_COUNT = 2000 };

    (void)unused;
    assert_int_equal(pp_ledger_begin(ledger, &err), 0);
    for (int i = 0; i < FILE_COUNT; i++) {
        char path[96];

        snprintf(path, sizeof(path), "data/data/com.termux/files/usr/share/folder%d/name%d.conf",
                 i / 20, i);
        put(path, "package:aarch64", PP_LEDGER_PLAIN);
    }
    assert_int_equal(pp_ledger_commit(ledger, &err), 0);
    pp_ledger_close(ledger);
    ledger = NULL;
    assert_true(scratch_stat(&root, "ledger.db").st_size < 250 * FILE_COUNT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_suffix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_of_callbacks_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rollback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_sets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stamps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_intents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shipped_bytes_go_with_their_last_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_schemas_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_told_and_set_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_without_values_are_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_symlinked_database_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_are_small, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
