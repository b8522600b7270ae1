#include "base/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CONTENT_LEN (5 * PP_WINDOW_LEN / 2)
/* In front of the blob in its file. */
#define START 100

struct fixture {
    uint8_t content[CONTENT_LEN];
    FILE *file;
    struct pp_blob blob;
};

static int set_up(void **state) {
    struct fixture *self = malloc(sizeof(*self));

    assert_non_null(self);
    for (size_t i = 0; i < CONTENT_LEN; i++)
        self->content[i] = (uint8_t)(i * 2654435761u >> 13);
    self->file = tmpfile();
    assert_non_null(self->file);
    assert_int_equal(fseek(self->file, START, SEEK_SET), 0);
    assert_int_equal(fwrite(self->content, 1, CONTENT_LEN, self->file), CONTENT_LEN);
    assert_int_equal(fflush(self->file), 0);
    self->blob = pp_blob_file(fileno(self->file), START, CONTENT_LEN);
    *state = self;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *self = *state;

    fclose(self->file);
    free(self);
    return 0;
}

static void check_at(struct fixture *self, struct pp_window *window, size_t offset, size_t len) {
    struct pp_err err = PP_ERR_INIT;
    const uint8_t *bytes = pp_window_at(window, offset, len, &err);

    assert_non_null(bytes);
    assert_memory_equal(bytes, self->content + offset, len);
}

static void test_any_place(void **state) {
    struct fixture *self = *state;
    struct pp_window window;
    unsigned random = 1;

    pp_window_init(&window, &self->blob);
    for (size_t offset = 0; offset + 30 <= CONTENT_LEN; offset += 1000)
        check_at(self, &window, offset, 30);
    for (int i = 0; i < 1000; i++) {
        size_t offset = (random = random * 1103515245 + 12345) / 65536 * 7 % CONTENT_LEN;
        size_t len =
            (random = random * 1103515245 + 12345) / 65536 * 3 % (CONTENT_LEN - offset + 1);

        check_at(self, &window, offset, len);
    }
    check_at(self, &window, 0, CONTENT_LEN);
    check_at(self, &window, CONTENT_LEN, 0);
    pp_window_done(&window);
}

/* What lies in the window is not read again: there it is as it was when the file changes. */
static void test_few_calls(void **state) {
    struct fixture *self = *state;
    struct pp_window window;
    struct pp_err err = PP_ERR_INIT;
    const uint8_t *bytes;

    pp_window_init(&window, &self->blob);
    check_at(self, &window, 10, 20);
    assert_int_equal(ftruncate(fileno(self->file), START + 10), 0);
    check_at(self, &window, 1000, PP_WINDOW_LEN - 990);
    bytes = pp_window_at(&window, 9, 2, &err);
    assert_null(bytes);
    assert_int_equal(err.kind, PP_ERR_CHANGED);
    pp_window_done(&window);
}

static void test_memory_is_shown_where_it_is(void **state) {
    struct fixture *self = *state;
    struct pp_blob blob = pp_blob_memory(self->content, CONTENT_LEN);
    struct pp_window window;
    struct pp_err err = PP_ERR_INIT;

    pp_window_init(&window, &blob);
    assert_ptr_equal(pp_window_at(&window, 77, CONTENT_LEN - 77, &err), self->content + 77);
    pp_window_done(&window);
}

static void check_ends(const struct pp_blob *blob) {
    static const struct {
        uint64_t offset;
        size_t len;
    } places[] = {{CONTENT_LEN, 1}, {CONTENT_LEN - 1, 2}, {0, CONTENT_LEN + 1}, {UINT64_MAX, 1}};
    struct pp_window window;

    pp_window_init(&window, blob);
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        struct pp_err err = PP_ERR_INIT;
        const uint8_t *bytes = pp_window_at(&window, places[i].offset, places[i].len, &err);

        assert_null(bytes);
        assert_int_equal(err.kind, PP_ERR_DAMAGED);
    }
    pp_window_done(&window);
}

static void test_ends(void **state) {
    struct fixture *self = *state;
    struct pp_blob memory = pp_blob_memory(self->content, CONTENT_LEN);

    check_ends(&self->blob);
    check_ends(&memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_any_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_few_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_is_shown_where_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ends, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
