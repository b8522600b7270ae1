/* gettext .mo: which strings are offered, in both byte orders. Real catalogues are in
 * tests/cli/test_mo.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../tools/walker.h"

#define OLD "/old/prefix/////"
#define NEW "/new/pre/fix////"
#define AREA 60 /* where the strings are: behind the header and two descriptors for each of two */

static const size_t steps[] = {1, 7, 29, (size_t)1 << 20};

/* Two messages, whose ids and translations are at the given offsets and lengths in `strings`. */
struct message {
    uint32_t id_at, id_len, text_at, text_len;
};

static void put(struct pp_buffer *catalog, uint32_t number, bool big_endian) {
    struct pp_err err = PP_ERR_INIT;
    uint8_t bytes[4];

    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(number >> 8 * (big_endian ? 3 - i : i));
    assert_int_equal(pp_buffer_append(catalog, bytes, 4, &err), 0);
}

static void build(struct pp_buffer *catalog, const struct message messages[2], const char *strings,
                  size_t len, bool big_endian) {
    struct pp_err err = PP_ERR_INIT;

    catalog->len = 0;
    put(catalog, 0x950412de, big_endian);
    put(catalog, 0, big_endian);
    put(catalog, 2, big_endian);
    put(catalog, 28, big_endian);
    put(catalog, 44, big_endian);
    put(catalog, 0, big_endian);
    put(catalog, 0, big_endian);
    for (int i = 0; i < 2; i++) {
        put(catalog, messages[i].id_len, big_endian);
        put(catalog, messages[i].id_at + AREA, big_endian);
    }
    for (int i = 0; i < 2; i++) {
        put(catalog, messages[i].text_len, big_endian);
        put(catalog, messages[i].text_at + AREA, big_endian);
    }
    assert_int_equal(catalog->len, AREA);
    assert_int_equal(pp_buffer_append(catalog, strings, len, &err), 0);
}

static int run(const struct pp_buffer *catalog, size_t step, struct pp_buffer *out, char *log) {
    struct walker walker = walker_of(OLD, NEW);
    struct pp_err err = PP_ERR_INIT;
    int rc = walker_run(&walker, &pp_container_mo, catalog->data, catalog->len, step, out, &err);

    if (log != NULL)
        snprintf(log, 256, "%s", walker.log.data == NULL ? "" : (char *)walker.log.data);
    pp_buffer_done(&walker.log);
    return rc;
}

static void test_texts(void **state) {
    static const struct message messages[2] = {{0, 1, 2, 4}, {7, 0, 8, 16}};
    static const char strings[] = "a\0text\0\0" OLD;

    (void)state;
    for (int big_endian = 0; big_endian < 2; big_endian++)
        for (size_t i = 0; i < PP_ARRAY_LEN(steps); i++) {
            PP_AUTO_BUFFER struct pp_buffer catalog = PP_BUFFER_INIT;
            PP_AUTO_BUFFER struct pp_buffer want = PP_BUFFER_INIT;
            PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
            char log[256];

            build(&catalog, messages, strings, sizeof(strings), big_endian);
            build(&want, messages, "a\0text\0\0" NEW, sizeof(strings), big_endian);
            assert_true(pp_container_mo.bid(catalog.data, catalog.len));
            assert_int_equal(run(&catalog, steps[i], &out, log), 0);
            assert_string_equal(log, "text 2 0 62 \ntext 2 0 68 \n");
            assert_int_equal(out.len, want.len);
            assert_memory_equal(out.data, want.data, want.len);
        }
}

/* Where a translation has a byte in common with an id or a table, it is not offered. */
static void test_fixed(void **state) {
    static const char strings[] = "abc\0def\0ghi";
    static const struct {
        struct message messages[2];
        const char *log;
    } cases[] = {
        {{{8, 3, 0, 7}, {3, 0, 4, 3}}, "text 2 0 64 \n"}, /* an empty id: its NUL counts */
        {{{0, 3, 8, 3}, {4, 3, 8, 3}}, "text 2 0 68 \ntext 2 0 68 \n"},
        {{{0, 11, 4, 3}, {1, 2, 8, 3}}, ""}, /* a long id, then a short one in it */
        {{{0, 3, 2, 5}, {0, 3, 3, 0}}, ""},  /* an end, and nothing */
        {{{8, 3, 4, 3}, {8, 3, 4, 7}}, "text 2 0 64 \n"},
        {{{0, 3, (uint32_t)-16, 16 + 3}, {0, 3, (uint32_t)-60, 63}}, ""},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        PP_AUTO_BUFFER struct pp_buffer catalog = PP_BUFFER_INIT;
        char log[256];

        build(&catalog, cases[i].messages, strings, sizeof(strings), false);
        assert_int_equal(run(&catalog, 100, NULL, log), 0);
        if (strcmp(log, cases[i].log) != 0)
            fail_msg("case %zu: %s", i, log);
    }
}

static void test_unsound(void **state) {
    static const struct message messages[2] = {{0, 1, 2, 4}, {7, 0, 8, 16}};
    static const struct {
        size_t at;
        uint8_t byte;
        enum pp_err_kind kind;
    } cases[] = {
        {0, 0, PP_ERR_DAMAGED},  {6, 2, PP_ERR_UNSUPPORTED}, {6, 1, PP_ERR_NONE},
        {4, 1, PP_ERR_NONE},     {11, 1, PP_ERR_DAMAGED},    {15, 1, PP_ERR_DAMAGED},
        {19, 1, PP_ERR_DAMAGED}, {20, 1, PP_ERR_NONE},       {23, 1, PP_ERR_DAMAGED},
        {28, 2, PP_ERR_DAMAGED}, {31, 255, PP_ERR_DAMAGED},  {44, 3, PP_ERR_DAMAGED},
        {47, 9, PP_ERR_DAMAGED}, {51, 9, PP_ERR_DAMAGED},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        PP_AUTO_BUFFER struct pp_buffer catalog = PP_BUFFER_INIT;

        build(&catalog, messages, "a\0text\0\0" OLD, 25, false);
        catalog.data[cases[i].at] = cases[i].byte;
        if (run(&catalog, 100, NULL, NULL) != -(int)cases[i].kind)
            fail_msg("case %zu", i);
    }
}

/* Gives zeros behind a header, without end. */
struct endless {
    struct pp_source source;
    const struct pp_buffer *head;
    size_t at;
};

static ssize_t endless_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct endless *self = (struct endless *)source;

    (void)err;
    memset(data, 0, len);
    if (self->at == 0 && len >= self->head->len)
        memcpy(data, self->head->data, self->head->len);
    self->at += len;
    return (ssize_t)len;
}

static void test_limit(void **state) {
    static const struct message messages[2] = {{0, 1, 2, 4}, {7, 0, 8, 16}};
    static const struct pp_source_ops ops = {.read = endless_read};
    PP_AUTO_BUFFER struct pp_buffer catalog = PP_BUFFER_INIT;
    struct endless endless = {.source.ops = &ops, .head = &catalog};
    struct walker walker = walker_of(NULL, NULL);
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    build(&catalog, messages, "a\0text\0\0" OLD, 25, false);
    assert_int_equal(pp_container_mo.walk(&endless.source, NULL, &walker.visitor, &err),
                     -PP_ERR_LIMIT);
    assert_in_range(endless.at, (size_t)64 << 20, (size_t)65 << 20);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_unsound),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
