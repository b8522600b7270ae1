#include "tree/inplace.h"

#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch root;

static const uint8_t old_text[] = "old!";
static const uint8_t new_text[] = "NEW!";
static const struct pp_span spans[] = {{2, 4, old_text, new_text}, {70000, 4, old_text, new_text}};

static int setup(void **state) {
    char data[70010];

    (void)state;
    scratch_init(&root);
    memset(data, '.', sizeof(data));
    memcpy(data + 2, "old!", 4);
    memcpy(data + 70000, "old!", 4);
    scratch_write(&root, "file", data, sizeof(data));
    fchmodat(root.fd, "file", 06640, 0);
    scratch_age(&root, "file");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_done(&root);
    return 0;
}

static int open_file(void) {
    struct stat st = scratch_stat(&root, "file");
    struct pp_identity seen = pp_identity_of(&st);
    struct pp_err err = PP_ERR_INIT;
    int fd = pp_inplace_open(root.fd, "file", &seen, &st, &err);

    assert_true(fd >= 0);
    return fd;
}

static void check_bytes(int fd, off_t offset, const char *want) {
    char data[5] = "";

    assert_int_equal(pread(fd, data, 4, offset), 4);
    assert_string_equal(data, want);
}

static int write_spans(int fd, bool torn, bool *touched) {
    struct stat st = scratch_stat(&root, "file");
    struct pp_err err = PP_ERR_INIT;

    *touched = false;
    return pp_inplace_write(fd, spans, 2, &st.st_mtim, torn, touched, &err);
}

static void test_writes_and_keeps_the_rest(void **state) {
    struct stat before = scratch_stat(&root, "file");
    struct stat after;
    bool touched;
    int fd = open_file();

    (void)state;
    assert_int_equal(write_spans(fd, false, &touched), 0);
    assert_true(touched);
    check_bytes(fd, 2, "NEW!");
    check_bytes(fd, 70000, "NEW!");
    check_bytes(fd, 6, "....");
    check_bytes(fd, 70004, "....");
    after = scratch_stat(&root, "file");
    assert_true(scratch_is_aged(&root, "file"));
    assert_int_equal(after.st_size, before.st_size);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_ino, before.st_ino);
    /* Once more: the new text is as good as the old one. */
    assert_int_equal(write_spans(fd, false, &touched), 0);
    close(fd);
}

static void test_other_bytes_are_left(void **state) {
    bool touched;
    int fd = open_file();

    (void)state;
    assert_int_equal(pwrite(fd, "x", 1, 70001), 1);
    assert_int_equal(write_spans(fd, true, &touched), -PP_ERR_CHANGED);
    assert_false(touched);
    check_bytes(fd, 2, "old!");
    close(fd);
}

static void test_torn_span_is_mended_only_on_demand(void **state) {
    bool touched;
    int fd = open_file();

    (void)state;
    assert_int_equal(pwrite(fd, "NE", 2, 2), 2);
    assert_int_equal(write_spans(fd, false, &touched), -PP_ERR_CHANGED);
    check_bytes(fd, 2, "NEd!");
    assert_int_equal(write_spans(fd, true, &touched), 0);
    check_bytes(fd, 2, "NEW!");
    close(fd);
}

static void test_shorter_file_is_left(void **state) {
    bool touched;
    int fd = open_file();

    (void)state;
    assert_int_equal(ftruncate(fd, 70002), 0);
    assert_int_equal(write_spans(fd, false, &touched), -PP_ERR_CHANGED);
    check_bytes(fd, 2, "old!");
    close(fd);
}

static void check_not_opened(const struct pp_identity *seen) {
    struct pp_err err = PP_ERR_INIT;
    struct stat st;

    assert_int_equal(pp_inplace_open(root.fd, "file", seen, &st, &err), -PP_ERR_CHANGED);
}

static void test_any_difference_is_seen(void **state) {
    struct stat st = scratch_stat(&root, "file");
    struct pp_identity seen = pp_identity_of(&st);
    struct pp_identity other;

    (void)state;
    other = seen, other.dev++, check_not_opened(&other);
    other = seen, other.ino++, check_not_opened(&other);
    other = seen, other.size++, check_not_opened(&other);
    other = seen, other.mtime.tv_nsec++, check_not_opened(&other);
    other = seen, other.ctime.tv_nsec++, check_not_opened(&other);
}

static void test_only_regular_files(void **state) {
    struct stat st;
    struct pp_identity seen;
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    unlinkat(root.fd, "file", 0);
    assert_int_equal(mkfifoat(root.fd, "file", 0600), 0);
    st = scratch_stat(&root, "file");
    seen = pp_identity_of(&st);
    assert_int_equal(pp_inplace_open(root.fd, "file", &seen, &st, &err), -PP_ERR_CHANGED);
    unlinkat(root.fd, "file", 0);
    assert_int_equal(symlinkat("elsewhere", root.fd, "file"), 0);
    assert_true(pp_inplace_open(root.fd, "file", &seen, &st, &err) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_and_keeps_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_bytes_are_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_span_is_mended_only_on_demand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shorter_file_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_difference_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_regular_files, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
