/* Acks and nacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "notify/reply.h"

#include <string.h>

#define RUN "00112233445566778899aabbccddeeff"
#define TAIL "\"run\":\"" RUN "\""

static void test_both_ways(void **state) {
    static const struct {
        enum pp_reply_verdict verdict;
        const char *json;
    } cases[] = {
        {PP_REPLY_ACK, "{\"v\":1,\"ack\":7," TAIL "}"},
        {PP_REPLY_BUSY, "{\"v\":1,\"nack\":7," TAIL ",\"err\":\"busy\"}"},
        {PP_REPLY_BAD, "{\"v\":1,\"nack\":7," TAIL ",\"err\":\"bad\"}"},
        {PP_REPLY_VERSION, "{\"v\":1,\"nack\":7," TAIL ",\"err\":\"version\"}"},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        struct pp_reply reply = {.verdict = cases[i].verdict, .seq = 7, .run = RUN};
        struct pp_err err = PP_ERR_INIT;
        char json[PP_LINE_MAX];

        assert_int_equal(pp_reply_encode(&reply, json, &err), strlen(cases[i].json));
        assert_string_equal(json, cases[i].json);
        memset(&reply, 0xff, sizeof(reply));
        assert_int_equal(pp_reply_decode(&reply, json, strlen(json), &err), 0);
        assert_int_equal(reply.verdict, cases[i].verdict);
        assert_int_equal(reply.seq, 7);
        assert_string_equal(reply.run, RUN);
    }
}

static void test_decode_refuses(void **state) {
    static const char *const cases[] = {
        "",
        "ACK",
        "{\"v\":1,\"ack\":7}",
        "{\"v\":2,\"ack\":7," TAIL "}",
        "{\"v\":1,\"ack\":\"7\"," TAIL "}",
        "{\"v\":1,\"ack\":true," TAIL "}",
        "{\"v\":1,\"ack\":7,\"nack\":7," TAIL "}",
        "{\"v\":1,\"nack\":7," TAIL "}",
        "{\"v\":1,\"nack\":7," TAIL ",\"err\":\"ack\"}",
        "{\"v\":1,\"type\":\"complete\"," TAIL ",\"seq\":7}",
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        struct pp_err err = PP_ERR_INIT;
        struct pp_reply reply;

        if (pp_reply_decode(&reply, cases[i], strlen(cases[i]), &err) >= 0)
            fail_msg("taken: %s", cases[i]);
        assert_int_equal(err.kind, PP_ERR_DAMAGED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_decode_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
