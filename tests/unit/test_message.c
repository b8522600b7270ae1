/* Messages of protocol 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "notify/message.h"

#include <string.h>

#define RUN "00112233445566778899aabbccddeeff"

static void test_encode(void **state) {
    static const struct {
        struct pp_message message;
        const char *json;
    } cases[] = {
        {{.type = PP_MESSAGE_START, .run = RUN, .seq = 1},
         "{\"v\":1,\"type\":\"start\",\"run\":\"" RUN "\",\"seq\":1}"},
        {{.type = PP_MESSAGE_PROGRESS, .run = RUN, .seq = 2, .files = 10, .patched = 3},
         "{\"v\":1,\"type\":\"progress\",\"run\":\"" RUN
         "\",\"seq\":2,\"files\":10,\"patched\":3}"},
        {{.type = PP_MESSAGE_COMPLETE, .run = RUN, .seq = 7, .files = 4132, .patched = 977},
         "{\"v\":1,\"type\":\"complete\",\"run\":\"" RUN
         "\",\"seq\":7,\"status\":0,\"files\":4132,\"patched\":977}"},
        {{.type = PP_MESSAGE_FAILED, .run = RUN, .seq = INT64_MAX, .status = 3, .files = INT64_MAX},
         "{\"v\":1,\"type\":\"failed\",\"run\":\"" RUN
         "\",\"seq\":9223372036854775807,\"status\":3,\"files\":9223372036854775807,\"patched\":"
         "0}"},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        struct pp_err err = PP_ERR_INIT;
        struct pp_message back;
        char json[PP_LINE_MAX];

        assert_int_equal(pp_message_encode(&cases[i].message, json, &err), strlen(cases[i].json));
        assert_string_equal(json, cases[i].json);
        assert_int_equal(pp_message_decode(&back, json, strlen(json), &err), 0);
        assert_int_equal(back.type, cases[i].message.type);
        assert_string_equal(back.run, RUN);
        assert_true(back.seq == cases[i].message.seq);
        assert_int_equal(back.status, cases[i].message.status);
        assert_true(back.files == cases[i].message.files);
        assert_true(back.patched == cases[i].message.patched);
    }
}

#define HEAD "{\"v\":1,\"type\":\"start\",\"run\":\"" RUN "\""

static void test_decode_refuses(void **state) {
    static const struct {
        const char *json;
        enum pp_err_kind kind;
        bool has_run; /* enough is known for a nack */
    } cases[] = {
        {"", PP_ERR_DAMAGED, false},
        {"[]", PP_ERR_DAMAGED, false},
        {"{}", PP_ERR_DAMAGED, false},
        {HEAD "}", PP_ERR_DAMAGED, false},
        {HEAD ",\"seq\":-1}", PP_ERR_DAMAGED, false},
        {HEAD ",\"seq\":1.0}", PP_ERR_DAMAGED, false},
        {HEAD ",\"seq\":1,\"seq\":2}", PP_ERR_DAMAGED, false},
        {HEAD ",\"seq\":1} {}", PP_ERR_DAMAGED, false},
        {HEAD ",\t\"seq\":1}", PP_ERR_DAMAGED, false},
        {HEAD ",\"seq\":1,\"x\":\"\xc3\xa9\"}", PP_ERR_DAMAGED, false},
        {"{\"type\":\"start\",\"run\":\"" RUN "\",\"seq\":1}", PP_ERR_DAMAGED, true},
        {"{\"v\":2,\"type\":\"later\",\"run\":\"" RUN "\",\"seq\":1}", PP_ERR_UNSUPPORTED, true},
        {"{\"v\":1,\"type\":\"later\",\"run\":\"" RUN "\",\"seq\":1}", PP_ERR_DAMAGED, true},
        {"{\"v\":1,\"type\":0,\"run\":\"" RUN "\",\"seq\":1}", PP_ERR_DAMAGED, true},
        {"{\"v\":1,\"run\":\"" RUN "\",\"seq\":1}", PP_ERR_DAMAGED, true},
        {"{\"v\":1,\"type\":\"start\",\"run\":\"" RUN "0\",\"seq\":1}", PP_ERR_DAMAGED, false},
        {"{\"v\":1,\"type\":\"start\",\"run\":\"../../../../../../../../../../x/\",\"seq\":1}",
         PP_ERR_DAMAGED, false},
        {"{\"v\":1,\"type\":\"complete\",\"run\":\"" RUN
         "\",\"seq\":1,\"status\":256,\"files\":1,\"patched\":1}",
         PP_ERR_DAMAGED, true},
        {"{\"v\":1,\"type\":\"progress\",\"run\":\"" RUN "\",\"seq\":1,\"files\":1}",
         PP_ERR_DAMAGED, true},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        struct pp_err err = PP_ERR_INIT;
        struct pp_message message;
        int rc = pp_message_decode(&message, cases[i].json, strlen(cases[i].json), &err);

        if (rc >= 0 || err.kind != cases[i].kind || (message.run[0] != '\0') != cases[i].has_run)
            fail_msg("%s: %d, %s", cases[i].json, rc, err.text);
    }
}

static void test_unknown_fields_are_skipped(void **state) {
    static const char json[] = HEAD ", \"seq\":1, \"later\":{\"x\":[1,null]}}";
    struct pp_err err = PP_ERR_INIT;
    struct pp_message message;

    (void)state;
    assert_int_equal(pp_message_decode(&message, json, strlen(json), &err), 0);
    assert_int_equal(message.type, PP_MESSAGE_START);
}

static void test_runs(void **state) {
    struct pp_err err = PP_ERR_INIT;
    char a[PP_RUN_LEN + 1];
    char b[PP_RUN_LEN + 1];

    (void)state;
    assert_int_equal(pp_run_new(a, &err), 0);
    assert_int_equal(pp_run_new(b, &err), 0);
    assert_true(pp_run_valid(a));
    assert_true(pp_run_valid(b));
    assert_string_not_equal(a, b);
    assert_false(pp_run_valid(""));
    assert_false(pp_run_valid("00112233445566778899AABBCCDDEEFF"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_decode_refuses),
        cmocka_unit_test(test_unknown_fields_are_skipped),
        cmocka_unit_test(test_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
