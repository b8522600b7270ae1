/* Two MD5 at once are what nettle makes of them one by one, however the content is cut. */
#include "base/md5_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define CONTENT_LEN 5000
#define ROUNDS 200

static void check_same(const struct md5_ctx *left, const struct md5_ctx *right) {
    struct md5_ctx one = *left;
    struct md5_ctx other = *right;
    uint8_t want[MD5_DIGEST_SIZE];
    uint8_t found[MD5_DIGEST_SIZE];

    md5_digest(&one, sizeof(want), want);
    md5_digest(&other, sizeof(found), found);
    assert_memory_equal(found, want, sizeof(want));
}

/* Content that is the same but for its first bytes. */
static void check_cut(const uint8_t *data, size_t apart_len, size_t chunk_len) {
    struct md5_ctx want[2];
    struct md5_ctx found[2];

    for (int i = 0; i < 2; i++) {
        md5_init(&want[i]);
        md5_init(&found[i]);
        md5_update(&want[i], apart_len, data + i);
        md5_update(&found[i], apart_len, data + i);
        md5_update(&want[i], CONTENT_LEN, data);
    }
    for (size_t at = 0; at < CONTENT_LEN; at += chunk_len) {
        size_t len = CONTENT_LEN - at < chunk_len ? CONTENT_LEN - at : chunk_len;

        pp_md5_update_pair(&found[0], &found[1], data + at, len);
    }
    check_same(&want[0], &found[0]);
    check_same(&want[1], &found[1]);
}

static void test_pairs(void **state) {
    static const size_t lens[] = {1, 3, 55, 56, 63, 64, 65, 127, 128, 129, 1000, CONTENT_LEN};
    uint8_t data[CONTENT_LEN + 1];

    (void)state;
    srandom(1);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)random();
    for (size_t apart_len = 0; apart_len < 130; apart_len++)
        for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
            check_cut(data, apart_len, lens[i]);
    for (int i = 0; i < ROUNDS; i++)
        check_cut(data, (size_t)random() % 300, 1 + (size_t)random() % 300);
}

static void test_nothing(void **state) {
    struct md5_ctx want;
    struct md5_ctx one;
    struct md5_ctx other;

    (void)state;
    md5_init(&want);
    one = other = want;
    pp_md5_update_pair(&one, &other, (const uint8_t *)"", 0);
    check_same(&want, &one);
    check_same(&want, &other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
