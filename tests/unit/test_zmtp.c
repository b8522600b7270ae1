/* ZMTP 3.0, against the bytes of the specification, at every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "notify/zmtp.h"

#include <string.h>

/* 23/ZMTP: greeting = signature version mechanism as-server filler, and READY with its metadata. */
#define GREETING                                                                                   \
    "\xff\0\0\0\0\0\0\0\0\x7f"                                                                     \
    "\3\0"                                                                                         \
    "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                                         \
    "\0"                                                                                           \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define READY(type) "\4\31\5READY\13Socket-Type\0\0\0\3" type
#define READY_IDENTITY "\4\46\5READY\13Socket-Type\0\0\0\3REP\10Identity\0\0\0\0"
#define PING "\4\7\4PING\0\0"
#define ACK_MESSAGE "\1\0\0\3ACK"

#define BYTES(text) text, sizeof(text) - 1

/* Gives `data` in pieces of `cut` bytes. Returns what the last step returned, with the results of
 * all of them in `results` as digits. */
static int feed(struct pp_zmtp *zmtp, const char *data, size_t len, size_t cut, char *results) {
    struct pp_channel channel;
    struct pp_err err = PP_ERR_INIT;
    int rc = 0;

    pp_channel_init(&channel, -1);
    for (size_t at = 0; at < len && rc >= 0; at += cut) {
        size_t piece = len - at < cut ? len - at : cut;

        memcpy(channel.data + channel.len, data + at, piece);
        channel.len += piece;
        while ((rc = pp_zmtp_step(zmtp, &channel, &err)) > 0)
            *results++ = (char)('0' + rc);
    }
    *results = '\0';
    if (rc < 0)
        assert_int_equal(err.kind, PP_ERR_DAMAGED);
    return rc;
}

static void test_opening(void **state) {
    static const char expected[] = GREETING READY("REQ");
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct pp_zmtp zmtp;

    (void)state;
    pp_zmtp_init(&zmtp, PP_ZMTP_REQ);
    assert_int_equal(pp_zmtp_put_opening(&zmtp, &out, &err), 0);
    assert_int_equal(out.len, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.len);
}

static void test_messages(void **state) {
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    char text[257];

    (void)state;
    assert_int_equal(pp_zmtp_put_message(&out, "green_flag", &err), 0);
    assert_int_equal(out.len, 14);
    assert_memory_equal(out.data, "\1\0\0\12green_flag", 14);
    memset(text, 'x', 256);
    text[256] = '\0';
    out.len = 0;
    assert_int_equal(pp_zmtp_put_message(&out, text, &err), 0);
    assert_int_equal(out.len, 2 + 9 + 256);
    assert_memory_equal(out.data, "\1\0\2\0\0\0\0\0\0\1\0xxx", 14);
}

static void test_talk_at_every_cut(void **state) {
    static const char plain[] = GREETING READY("REP") ACK_MESSAGE ACK_MESSAGE;
    static const char rich[] = GREETING READY_IDENTITY PING ACK_MESSAGE PING ACK_MESSAGE;
    struct pp_zmtp zmtp;
    char results[8];

    (void)state;
    for (size_t cut = 1; cut <= sizeof(rich); cut++) {
        pp_zmtp_init(&zmtp, PP_ZMTP_REQ);
        assert_int_equal(feed(&zmtp, BYTES(plain), cut, results), 0);
        assert_string_equal(results, "211");
        pp_zmtp_init(&zmtp, PP_ZMTP_REQ);
        assert_int_equal(feed(&zmtp, BYTES(rich), cut, results), 0);
        assert_string_equal(results, "211");
        assert_int_equal(zmtp.body_len, 3);
        assert_memory_equal(zmtp.body, "ACK", 3);
    }
}

static void test_refuses(void **state) {
    static const struct {
        const char *data;
        size_t len;
    } cases[] = {
        {BYTES("{\"v\":1}")},
        {BYTES("\xff\0\0\0\0\0\0\0\0\x7f\1\0NULL")}, /* ZMTP 2: too short, never a greeting */
        {BYTES("\xff\0\0\0\0\0\0\0\0\x7f\3\0PLAIN")},
        {BYTES(GREETING READY("PUB"))},
        {BYTES(GREETING READY("REQ"))},
        {BYTES(GREETING "\4\10\5ERROR\1x")},
        {BYTES(GREETING "\4\6\5READY")},
        {BYTES(GREETING "\4\26\5READY\13Socket-Type\xff\xff\xff\xff")},
        {BYTES(GREETING "\4\7\5READY\xff")},
        {BYTES(GREETING "\0\3REP")},
        {BYTES(GREETING "\6\xff\xff\xff\xff\xff\xff\xff\xff")},
        {BYTES(GREETING READY("REP") "\0\3ACK")},
        {BYTES(GREETING READY("REP") "\1\3ACK")},
        {BYTES(GREETING READY("REP") "\1\0\1\3ACK")},
        {BYTES(GREETING READY("REP") "\1\0\2\0\0\0\0\0\0\x10\1")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t cut = 1; cut <= 128; cut += 127) {
            char padded[256] = "";
            struct pp_zmtp zmtp;
            char results[8];

            /* Whole greetings, so that what is wrong in them is looked at. */
            memcpy(padded, cases[i].data, cases[i].len);
            pp_zmtp_init(&zmtp, PP_ZMTP_REQ);
            if (feed(&zmtp, padded, cases[i].len < 64 ? 64 : cases[i].len, cut, results) >= 0)
                fail_msg("case %zu at cut %zu is taken", i, cut);
            assert_null(strchr(results, '1'));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_talk_at_every_cut),
        cmocka_unit_test(test_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
