/* Notifier and receiver, one against the other: a whole run with its events. What either does with
 * independent or hostile peers is in tests/cli/test_notify.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "notify/clock.h"
#include "notify/notifier.h"
#include "notify/receiver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN "00112233445566778899aabbccddeeff"
#define TEXTS_MAX 32

/* An app in a thread of its own. */
struct app {
    struct pp_receiver *receiver;
    pthread_t thread;
    int rc;
    size_t count;
    size_t refused_count;
    char texts[TEXTS_MAX][256];
};

static int app_message(void *data, const struct pp_receipt *receipt, struct pp_err *err) {
    struct app *app = data;

    (void)err;
    if (app->count < TEXTS_MAX)
        snprintf(app->texts[app->count++], sizeof(app->texts[0]), "%.*s", (int)receipt->len,
                 receipt->text);
    return receipt->is_last ? 1 : 0;
}

static void app_refused(void *data, const struct pp_err *why) {
    struct app *app = data;

    (void)why;
    app->refused_count++;
}

static void *app_main(void *data) {
    struct app *app = data;
    const struct pp_receiver_handler handler = {app_message, app_refused, app};
    struct pp_err err = PP_ERR_INIT;

    app->rc = pp_receiver_run(app->receiver, &handler, &err);
    return NULL;
}

/* `before` and `after` stand around a name that no other process uses. */
static void parse_address(struct pp_address *address, const char *before, const char *after) {
    struct pp_err err = PP_ERR_INIT;
    char text[64];

    snprintf(text, sizeof(text), "%stest_notifier.%d%s", before, (int)getpid(), after);
    assert_int_equal(pp_address_parse(address, text, &err), 0);
}

static void app_start(struct app *app, const struct pp_notifier_options *options) {
    struct pp_receiver_options receiver = {.address = options->address, .token = options->token};
    struct pp_err err = PP_ERR_INIT;

    memset(app, 0, sizeof(*app));
    app->receiver = pp_receiver_new(&receiver, &err);
    assert_non_null(app->receiver);
    assert_int_equal(pthread_create(&app->thread, NULL, app_main, app), 0);
}

static void app_join(struct app *app) {
    pthread_join(app->thread, NULL);
    pp_receiver_free(app->receiver);
    assert_int_equal(app->rc, 0);
    assert_int_equal(app->refused_count, 0);
}

/* start, many progress, complete. */
static void run(const struct pp_notifier_options *options) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_notifier *notifier = pp_notifier_new(options, &err);

    assert_non_null(notifier);
    pp_notifier_event(notifier, PP_MESSAGE_START, 0, 0);
    for (int i = 0; i < 1000; i++)
        pp_notifier_event(notifier, PP_MESSAGE_PROGRESS, i, 0);
    assert_int_equal(pp_notifier_deliver(notifier, PP_MESSAGE_COMPLETE, 0, 1000, 7, &err), 0);
    pp_notifier_free(notifier);
}

static void check_lines(const struct app *app, int64_t elapsed_ms) {
    assert_string_equal(app->texts[0],
                        "{\"v\":1,\"type\":\"start\",\"run\":\"" RUN "\",\"seq\":1}");
    assert_string_equal(app->texts[1], "{\"v\":1,\"type\":\"progress\",\"run\":\"" RUN
                                       "\",\"seq\":2,\"files\":0,\"patched\":0}");
    assert_non_null(strstr(app->texts[app->count - 1], "\"type\":\"complete\""));
    assert_non_null(strstr(app->texts[app->count - 1], "\"files\":1000,\"patched\":7}"));
    /* Ten a second, whatever this machine is doing; the first one is free. */
    assert_true((int64_t)app->count <= 3 + elapsed_ms / 100);
}

static void test_lines(void **state) {
    struct pp_notifier_options options = {.run = RUN};
    int64_t start = pp_clock_ms();
    struct app app;

    (void)state;
    parse_address(&options.address, "@", "");
    app_start(&app, &options);
    run(&options);
    app_join(&app);
    check_lines(&app, pp_clock_ms() - start);
}

static void test_lines_with_token(void **state) {
    struct pp_token token = {.len = PP_TOKEN_MIN};
    struct pp_notifier_options options = {.run = RUN, .token = &token};
    int64_t start = pp_clock_ms();
    struct app app;

    (void)state;
    parse_address(&options.address, "@", ",pad");
    app_start(&app, &options);
    run(&options);
    app_join(&app);
    check_lines(&app, pp_clock_ms() - start);
}

static void test_datagrams(void **state) {
    struct pp_notifier_options options = {.run = RUN};
    struct app app;

    (void)state;
    parse_address(&options.address, "sd:@", "");
    app_start(&app, &options);
    run(&options);
    app_join(&app);
    assert_string_equal(app.texts[0], "STATUS=Patching.\nX_PATHPATCH_RUN=" RUN "\n");
    assert_string_equal(app.texts[1],
                        "STATUS=Patched 0 of 0 files so far.\nX_PATHPATCH_RUN=" RUN "\n");
    assert_string_equal(app.texts[app.count - 1],
                        "READY=1\nSTATUS=Patched 7 of 1000 files.\nX_PATHPATCH_RUN=" RUN "\n");
}

static void test_zmq_tells_the_end_alone(void **state) {
    struct pp_notifier_options options = {.run = RUN};
    struct app app;

    (void)state;
    parse_address(&options.address, "zmq:@", "");
    app_start(&app, &options);
    run(&options);
    app_join(&app);
    assert_int_equal(app.count, 1);
    assert_string_equal(app.texts[0], "green_flag");
}

/* No app, then one that comes up in the middle of the run. */
static void test_app_that_comes_late(void **state) {
    struct pp_notifier_options options = {.run = RUN};
    struct pp_err err = PP_ERR_INIT;
    struct pp_notifier *notifier;
    struct app app;

    (void)state;
    parse_address(&options.address, "@", "");
    notifier = pp_notifier_new(&options, &err);
    assert_non_null(notifier);
    pp_notifier_event(notifier, PP_MESSAGE_START, 0, 0);
    pp_notifier_event(notifier, PP_MESSAGE_PROGRESS, 1, 1);
    app_start(&app, &options);
    assert_int_equal(pp_notifier_deliver(notifier, PP_MESSAGE_FAILED, 3, 2, 1, &err), 0);
    pp_notifier_free(notifier);
    app_join(&app);
    assert_int_equal(app.count, 1);
    assert_string_equal(app.texts[0], "{\"v\":1,\"type\":\"failed\",\"run\":\"" RUN
                                      "\",\"seq\":3,\"status\":3,\"files\":2,\"patched\":1}");
}

static void test_options_that_do_not_fit(void **state) {
    static const struct pp_token token = {.len = PP_TOKEN_MIN};
    const uid_t uid = 1;
    struct pp_notifier_options cases[] = {
        {.token = &token}, {.token = &token}, {.peers = {&uid, 1}},
        {.payload = "x"},  {.expect = "x"},
    };
    static const char *const addresses[] = {"sd:@", "zmq:@", "sd:@", "@", "sd:@"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pp_err err = PP_ERR_INIT;

        cases[i].run = RUN;
        parse_address(&cases[i].address, addresses[i], "");
        assert_null(pp_notifier_new(&cases[i], &err));
        assert_int_equal(err.kind, PP_ERR_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_lines_with_token),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_zmq_tells_the_end_alone),
        cmocka_unit_test(test_app_that_comes_late),
        cmocka_unit_test(test_options_that_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
