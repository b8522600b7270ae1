/* The public library: what include/pathpatch.h promises. */
#include "pathpatch.h"

#include "scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zlib.h>

#include <cmocka.h>

static struct scratch root;

#define PADDING_58 "//////////////////////////////////////////////////////////"
#define PREFIX "/data/data/com.termux/files/usr" PADDING_58
#define VALUE_PADDING_85                                                                           \
    "/////////////////////////////////////////////////////////////////////////////////////"

static const char *const values[] = {"TERMUX__PREFIX=/x/y", NULL};
static const char text[] = "a " PREFIX "/lib\nb " PREFIX "\n";
static const char want[] = "a /x/y" VALUE_PADDING_85 "/lib\nb /x/y" VALUE_PADDING_85 "\n";

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

static struct pp_patcher *patcher_new(const char *const *set) {
    char message[256] = "untouched";
    struct pp_patcher *patcher = pp_patcher_new(NULL, set, message, sizeof(message));

    if (patcher == NULL)
        fail_msg("%s", message);
    assert_string_equal(message, "untouched");
    return patcher;
}

/* Patches the file "in" to "out". */
static int64_t patch(const struct pp_patcher *patcher, char *message, size_t message_len) {
    int in = openat(root.fd, "in", O_RDONLY | O_CLOEXEC);
    int out = openat(root.fd, "out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int64_t count = pp_patcher_content(patcher, in, out, NULL, NULL, message, message_len);

    /* Both are still open. */
    assert_int_equal(close(in), 0);
    assert_int_equal(close(out), 0);
    return count;
}

static void test_plain(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    char message[256] = "untouched";

    (void)state;
    scratch_text(&root, "in", text);
    assert_int_equal(patch(patcher, message, sizeof(message)), 2);
    assert_string_equal(scratch_read(&root, "out"), want);
    assert_string_equal(scratch_read(&root, "in"), text);
    assert_string_equal(message, "untouched");
    pp_patcher_free(patcher);
}

static void test_appends_at_the_offset(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    char message[256];
    int in;
    int out;

    (void)state;
    scratch_text(&root, "in", PREFIX);
    scratch_text(&root, "out", "before|");
    in = openat(root.fd, "in", O_RDONLY | O_CLOEXEC);
    out = openat(root.fd, "out", O_RDWR | O_CLOEXEC);
    /* The file is read from its start all the same. */
    assert_int_equal(lseek(in, 9, SEEK_SET), 9);
    assert_int_equal(lseek(out, 0, SEEK_END), 7);
    assert_int_equal(pp_patcher_content(patcher, in, out, NULL, NULL, message, sizeof(message)), 1);
    assert_string_equal(scratch_read(&root, "out"), "before|/x/y" VALUE_PADDING_85);
    close(in);
    close(out);
    pp_patcher_free(patcher);
}

static void gzip_to(const char *name, const char *content) {
    char path[128];
    gzFile file;

    snprintf(path, sizeof(path), "%s/%s", root.path, name);
    file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, content, (unsigned)strlen(content)), strlen(content));
    assert_int_equal(gzclose(file), Z_OK);
}

static void test_compressed(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    char message[256];
    char path[128];
    char content[1000] = "";
    gzFile file;

    (void)state;
    gzip_to("in", text);
    assert_int_equal(patch(patcher, message, sizeof(message)), 2);
    snprintf(path, sizeof(path), "%s/out", root.path);
    file = gzopen(path, "rb");
    assert_int_equal(gzread(file, content, sizeof(content) - 1), strlen(want));
    assert_int_equal(gzclose(file), Z_OK);
    assert_string_equal(content, want);
    pp_patcher_free(patcher);
}

static void check_nothing_written(const struct pp_patcher *patcher) {
    char message[256];

    assert_int_equal(patch(patcher, message, sizeof(message)), 0);
    assert_int_equal(scratch_stat(&root, "out").st_size, 0);
}

static void test_nothing_to_write(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    struct pp_patcher *defaults = patcher_new((const char *const[]){NULL});

    (void)state;
    scratch_text(&root, "in", "nothing in here\n");
    check_nothing_written(patcher);
    scratch_text(&root, "in", "");
    check_nothing_written(patcher);
    scratch_text(&root, "in", "#!/bin/sh\n" PREFIX "\n");
    check_nothing_written(patcher);
    scratch_text(&root, "in", text);
    check_nothing_written(defaults);
    scratch_text(&root, "in", "/data/data/com.termux/files/home" PADDING_58);
    check_nothing_written(patcher);
    pp_patcher_free(patcher);
    pp_patcher_free(defaults);
}

static void test_values_that_are_derived(void **state) {
    struct pp_patcher *patcher = patcher_new((const char *const[]){"TERMUX__ROOTFS=/r", NULL});
    char message[256];

    (void)state;
    scratch_text(&root, "in", PREFIX);
    assert_int_equal(patch(patcher, message, sizeof(message)), 1);
    assert_memory_equal(scratch_read(&root, "out"), "/r/usr//", 8);
    pp_patcher_free(patcher);
}

static void test_own_table(void **state) {
    char path[128];
    char message[256];
    struct pp_patcher *patcher;

    (void)state;
    scratch_text(&root, "table",
                 "[table]\nname = t\nstate = /s\nadmindir = /d\n"
                 "[OWN]\ndefault = /opt\nlength = 8\n");
    snprintf(path, sizeof(path), "%s/table", root.path);
    patcher =
        pp_patcher_new(path, (const char *const[]){"OWN=/srv", NULL}, message, sizeof(message));
    assert_non_null(patcher);
    scratch_text(&root, "in", "/opt/////");
    assert_int_equal(patch(patcher, message, sizeof(message)), 1);
    assert_string_equal(scratch_read(&root, "out"), "/srv/////");
    pp_patcher_free(patcher);
}

static void test_refusals(void **state) {
    const char *const refused[] = {"TERMUX__PREFIX=relative", NULL};
    const char *const unknown[] = {"NO_SUCH=/x", NULL};
    char message[256] = "";
    char cut[8] = "";

    (void)state;
    assert_null(pp_patcher_new(NULL, refused, message, sizeof(message)));
    assert_non_null(strstr(message, "TERMUX__PREFIX"));
    assert_non_null(strstr(message, "relative"));
    assert_null(pp_patcher_new(NULL, unknown, message, sizeof(message)));
    assert_non_null(strstr(message, "NO_SUCH"));
    assert_null(pp_patcher_new("/nonexistent", values, message, sizeof(message)));
    assert_non_null(strstr(message, "/nonexistent"));
    assert_null(pp_patcher_new(NULL, refused, cut, sizeof(cut)));
    assert_string_equal(cut, "TERMUX_");
    assert_null(pp_patcher_new(NULL, refused, NULL, 0));
    pp_patcher_free(NULL);
}

static void test_failures(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    char message[256] = "";
    char path[128];
    int out;

    (void)state;
    gzip_to("in", text);
    snprintf(path, sizeof(path), "%s/in", root.path);
    assert_int_equal(truncate(path, scratch_stat(&root, "in").st_size - 4), 0);
    assert_int_equal(patch(patcher, message, sizeof(message)), -1);
    assert_non_null(strstr(message, "gzip"));
    out = openat(root.fd, "out", O_RDWR | O_CLOEXEC);
    assert_int_equal(
        pp_patcher_content(patcher, root.fd, out, NULL, NULL, message, sizeof(message)), -1);
    assert_string_equal(message, "not a regular file");
    assert_int_equal(pp_patcher_content(patcher, -1, out, NULL, NULL, message, sizeof(message)),
                     -1);
    close(out);
    scratch_text(&root, "in", text);
    out = openat(root.fd, "in", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pp_patcher_content(patcher, out, out, NULL, NULL, message, sizeof(message)),
                     -1);
    assert_non_null(strstr(message, "write"));
    close(out);
    pp_patcher_free(patcher);
}

/* What a visit was told, a line each. */
struct told {
    char text[2000];
    size_t len;
};

static void note_place(void *context, const struct pp_place *place) {
    struct told *told = context;

    told->len += (size_t)snprintf(
        told->text + told->len, sizeof(told->text) - told->len, "%s:%llu %s %s %s\n", place->member,
        (unsigned long long)place->offset, place->placeholder != NULL ? place->placeholder : "-",
        place->encoding != NULL ? place->encoding : "-", place->left != NULL ? "left" : "written");
}

static int64_t scan(const struct pp_patcher *patcher, struct told *told) {
    char message[256] = "untouched";
    int in = openat(root.fd, "in", O_RDONLY | O_CLOEXEC);
    int64_t count = pp_patcher_scan(patcher, in, note_place, told, message, sizeof(message));

    assert_int_equal(lseek(in, 0, SEEK_CUR), 0);
    assert_int_equal(close(in), 0);
    assert_string_equal(message, "untouched");
    return count;
}

static void test_scan(void **state) {
    struct pp_patcher *defaults = patcher_new((const char *const[]){NULL});
    struct told told = {.len = 0};
    int in;

    (void)state;
    scratch_text(&root, "in", text);
    assert_int_equal(scan(defaults, &told), 2);
    gzip_to("in", text);
    assert_int_equal(scan(defaults, &told), 2);
    scratch_text(&root, "in", "#!/bin/sh\n" PREFIX);
    assert_int_equal(scan(defaults, &told), 0);
    scratch_text(&root, "in", "/data/data/com.termux/files/usr");
    assert_int_equal(scan(defaults, &told), 0);
    assert_string_equal(told.text, ":2 TERMUX__PREFIX bytes written\n"
                                   ":98 TERMUX__PREFIX bytes written\n"
                                   ":2 TERMUX__PREFIX bytes written\n"
                                   ":98 TERMUX__PREFIX bytes written\n"
                                   ":10 TERMUX__PREFIX bytes left\n");
    scratch_text(&root, "in", text);
    in = openat(root.fd, "in", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pp_patcher_scan(defaults, in, NULL, NULL, NULL, 0), 2);
    assert_int_equal(close(in), 0);
    assert_int_equal(pp_patcher_scan(defaults, -1, NULL, NULL, NULL, 0), -1);
    pp_patcher_free(defaults);
}

/* The bytes of a tar archive with two sound texts around a gzip file that is cut. */
static void tar_to(const char *name) {
    char command[1000];

    gzip_to("b.gz", text);
    snprintf(command, sizeof(command),
             "cd %s && truncate -s -4 b.gz && tar --format=ustar -cf %s a b.gz c", root.path, name);
    assert_int_equal(system(command), 0);
}

static void test_what_is_left_is_told(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    struct told told = {.len = 0};
    char message[256] = "untouched";
    int in;
    int out;

    (void)state;
    scratch_text(&root, "a", text);
    scratch_text(&root, "c", text);
    tar_to("in");
    in = openat(root.fd, "in", O_RDONLY | O_CLOEXEC);
    out = openat(root.fd, "out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(
        pp_patcher_content(patcher, in, out, note_place, &told, message, sizeof(message)), 4);
    assert_string_equal(message, "untouched");
    assert_string_equal(told.text, "a:2 TERMUX__PREFIX bytes written\n"
                                   "a:98 TERMUX__PREFIX bytes written\n"
                                   "c:2 TERMUX__PREFIX bytes written\n"
                                   "c:98 TERMUX__PREFIX bytes written\n"
                                   "b.gz:0 - - left\n");
    assert_memory_equal(scratch_read(&root, "out") + 512, want, sizeof(want) - 1);
    /* Where nobody would hear of it, it is a failure. */
    assert_int_equal(pp_patcher_content(patcher, in, out, NULL, NULL, message, sizeof(message)),
                     -1);
    assert_non_null(strstr(message, "gzip"));
    close(in);
    close(out);
    pp_patcher_free(patcher);
}

static void test_text(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    struct pp_patcher *defaults = patcher_new((const char *const[]){NULL});
    char message[256] = "untouched";
    char target[] = PREFIX "/lib/x";

    (void)state;
    assert_int_equal(pp_patcher_text(defaults, target, strlen(target), message, sizeof(message)),
                     0);
    assert_string_equal(target, PREFIX "/lib/x");
    assert_int_equal(pp_patcher_text(patcher, target, strlen(target), message, sizeof(message)), 1);
    assert_string_equal(target, "/x/y" VALUE_PADDING_85 "/lib/x");
    assert_int_equal(pp_patcher_text(patcher, target, strlen(target), message, sizeof(message)), 0);
    assert_string_equal(target, "/x/y" VALUE_PADDING_85 "/lib/x");
    assert_string_equal(message, "untouched");
    pp_patcher_free(patcher);
    pp_patcher_free(defaults);
}

struct thread {
    const struct pp_patcher *patcher;
    pthread_t id;
    int number;
    int64_t count;
};

static void *patch_often(void *arg) {
    struct thread *thread = arg;
    char name[16];
    char message[256];

    snprintf(name, sizeof(name), "out%d", thread->number);
    for (int i = 0; i < 20; i++) {
        int in = openat(root.fd, "in", O_RDONLY | O_CLOEXEC);
        int out = openat(root.fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        thread->count +=
            pp_patcher_content(thread->patcher, in, out, NULL, NULL, message, sizeof(message));
        close(in);
        close(out);
    }
    return NULL;
}

static void test_threads_share_a_patcher(void **state) {
    struct pp_patcher *patcher = patcher_new(values);
    struct thread threads[4];

    (void)state;
    gzip_to("in", text);
    for (int i = 0; i < 4; i++) {
        threads[i] = (struct thread){.patcher = patcher, .number = i};
        assert_int_equal(pthread_create(&threads[i].id, NULL, patch_often, &threads[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i].id, NULL), 0);
        assert_int_equal(threads[i].count, 40);
    }
    pp_patcher_free(patcher);
}

static void test_version(void **state) {
    (void)state;
    assert_string_equal(pp_version(), PP_VERSION);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_plain),
        TEST(test_appends_at_the_offset),
        TEST(test_compressed),
        TEST(test_nothing_to_write),
        TEST(test_values_that_are_derived),
        TEST(test_own_table),
        TEST(test_refusals),
        TEST(test_failures),
        TEST(test_scan),
        TEST(test_what_is_left_is_told),
        TEST(test_text),
        TEST(test_threads_share_a_patcher),
        cmocka_unit_test(test_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
