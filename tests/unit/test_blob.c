#include "base/blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LEN 12

static const char text[] = "file content";

/* The same bytes in memory, in a file, and in a file that was begun to be read: all parts of them
 * read the same at every offset. */
static void test_each_holds_the_same(void **state) {
    int fd = memfd_create("blob", MFD_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, LEN), LEN);
    for (size_t head_len = 0; head_len <= LEN + 1; head_len++) {
        char head[LEN + 1] = "";
        struct pp_blob blobs[] = {pp_blob_memory(text, LEN), pp_blob_file(fd, 0, LEN),
                                  pp_blob_begun(fd, LEN, head, head_len)};

        memcpy(head, text, head_len < LEN ? head_len : LEN);
        for (size_t start = 0; start <= LEN; start++)
            for (size_t end = start; end <= LEN; end++)
                for (size_t offset = 0; offset <= end - start; offset++)
                    for (size_t kind = 0; kind < 3; kind++) {
                        struct pp_err err = PP_ERR_INIT;
                        struct pp_blob part = pp_blob_part(&blobs[kind], start, end - start);
                        char got[LEN] = "";
                        ssize_t count = pp_blob_read(&part, offset, got, LEN, &err);

                        assert_int_equal(count, end - start - offset);
                        assert_memory_equal(got, text + start + offset, (size_t)count);
                    }
    }
    close(fd);
}

/* What was read before is not read again. */
static void test_head_is_not_read(void **state) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_blob begun = pp_blob_begun(-1, LEN, text, 5);
    char got[LEN];

    (void)state;
    assert_int_equal(pp_blob_read(&begun, 1, got, 4, &err), 4);
    assert_memory_equal(got, "ile ", 4);
    assert_true(pp_blob_read(&begun, 1, got, 5, &err) < 0);
    assert_int_equal(err.kind, PP_ERR_SYSTEM);
}

static void test_shorter_than_it_was(void **state) {
    int fd = memfd_create("blob", MFD_CLOEXEC);
    struct pp_err err = PP_ERR_INIT;
    struct pp_blob begun = pp_blob_begun(fd, LEN, text, 5);
    char got[LEN];

    (void)state;
    assert_true(fd >= 0);
    assert_true(pp_blob_read(&begun, 3, got, 4, &err) < 0);
    assert_int_equal(err.kind, PP_ERR_CHANGED);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_holds_the_same),
        cmocka_unit_test(test_head_is_not_read),
        cmocka_unit_test(test_shorter_than_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
