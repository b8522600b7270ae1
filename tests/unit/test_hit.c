#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/hit.h"

#include <stdlib.h>
#include <string.h>

static void check_round(const struct pp_hit *hits, size_t count) {
    PP_AUTO_BUFFER struct pp_buffer packed = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct pp_hit *back;
    size_t back_count;

    assert_int_equal(pp_hits_pack(hits, count, &packed, &err), 0);
    assert_int_equal(pp_hits_unpack(packed.data, packed.len, &back, &back_count, &err), 0);
    assert_int_equal(back_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(back[i].offset, hits[i].offset);
        assert_int_equal(back[i].member, hits[i].member);
        assert_int_equal(back[i].placeholder, hits[i].placeholder);
        assert_int_equal(back[i].was, hits[i].was);
        assert_int_equal(back[i].encoding, hits[i].encoding);
    }
    free(back);
}

static void test_round_trip(void **state) {
    const struct pp_hit hits[] = {
        {.offset = 0, .placeholder = 3},
        {.offset = 90, .placeholder = 0, .encoding = 4},
        {.offset = UINT64_MAX, .placeholder = UINT32_MAX, .was = UINT32_MAX, .encoding = 1},
        {.offset = 5, .member = 1, .was = 2},
        {.offset = 6, .member = 1},
        {.offset = 0, .member = UINT32_MAX},
    };

    (void)state;
    for (size_t count = 0; count <= sizeof(hits) / sizeof(hits[0]); count++)
        check_round(hits, count);
}

static void test_hits_are_small(void **state) {
    PP_AUTO_BUFFER struct pp_buffer packed = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct pp_hit hits[100];

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        hits[i] = (struct pp_hit){.offset = 1000 * (uint64_t)i, .placeholder = i % 8};
    assert_int_equal(pp_hits_pack(hits, 100, &packed, &err), 0);
    assert_true(packed.len <= 400);
}

static void test_nonsense_is_refused(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x00", 1},                                                  /* no offset */
        {"\x80", 1},                                                  /* an open varint */
        {"\x01\x05", 2},                                              /* a member, then nothing */
        {"\x01\xff\xff\xff\xff\x7f\x00", 7},                          /* a member past 32 bits */
        {"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},         /* an offset past 64 bits */
        {"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x01", 13}, /* the sum is */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pp_err err = PP_ERR_INIT;
        struct pp_hit *hits = NULL;
        size_t count;

        assert_int_equal(
            pp_hits_unpack((const uint8_t *)bad[i].bytes, bad[i].len, &hits, &count, &err),
            -PP_ERR_DAMAGED);
        assert_null(hits);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_hits_are_small),
        cmocka_unit_test(test_nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
