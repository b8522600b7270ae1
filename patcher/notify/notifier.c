#include "notify/notifier.h"

#include "base/cleanup.h"
#include "base/secret.h"
#include "notify/caller.h"
#include "notify/clock.h"
#include "notify/datagram.h"
#include "notify/requester.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRY_MS 1000
#define PROGRESS_MS 100
#define PAUSE_FIRST_MS 10
#define PAUSE_LAST_MS 500

struct pp_notifier {
    struct pp_notifier_options options;
    struct pp_caller caller;
    int64_t seq;              /* of the last message */
    int64_t next_progress_at; /* not before */
};

static int check_options(const struct pp_notifier_options *options, struct pp_err *err) {
    bool is_zmq = options->address.form == PP_ADDRESS_ZMQ;

    if (options->token != NULL && options->address.form != PP_ADDRESS_LINES)
        return pp_err_set(err, PP_ERR_USAGE, "a token works with @name only");
    if (options->peers.count > 0 && options->address.form == PP_ADDRESS_SD)
        return pp_err_set(err, PP_ERR_USAGE, "sd: cannot tell who receives: leave out the uids");
    if ((options->payload != NULL || options->expect != NULL) && !is_zmq)
        return pp_err_set(err, PP_ERR_USAGE, "payload and expected reply are for zmq:@name only");
    if (options->payload != NULL && strlen(options->payload) >= PP_LINE_MAX)
        return pp_err_set(err, PP_ERR_USAGE, "the payload is longer than %d bytes",
                          PP_LINE_MAX - 1);
    return 0;
}

struct pp_notifier *pp_notifier_new(const struct pp_notifier_options *options, struct pp_err *err) {
    struct pp_notifier *notifier;

    if (check_options(options, err) < 0)
        return NULL;
    notifier = calloc(1, sizeof(*notifier));
    if (notifier == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    notifier->options = *options;
    if (notifier->options.timeout_ms == 0)
        notifier->options.timeout_ms = PP_NOTIFY_TIMEOUT_MS;
    if (notifier->options.payload == NULL)
        notifier->options.payload = PP_NOTIFY_PAYLOAD;
    if (notifier->options.expect == NULL)
        notifier->options.expect = PP_NOTIFY_EXPECT;
    pp_caller_init(&notifier->caller, &notifier->options.address, options->token);
    return notifier;
}

void pp_notifier_free(struct pp_notifier *notifier) {
    if (notifier == NULL)
        return;
    pp_caller_close(&notifier->caller);
    free(notifier);
}

bool pp_notifier_has_proof(const struct pp_notifier *notifier) {
    return notifier->options.address.form != PP_ADDRESS_SD;
}

static struct pp_message next_message(struct pp_notifier *notifier, enum pp_message_type type) {
    struct pp_message message = {.type = type, .seq = ++notifier->seq};

    memcpy(message.run, notifier->options.run, sizeof(message.run));
    return message;
}

void pp_notifier_event(struct pp_notifier *notifier, enum pp_message_type type, int64_t files,
                       int64_t patched) {
    const struct pp_notifier_options *options = &notifier->options;
    struct pp_err ignored = PP_ERR_INIT;
    int64_t now = pp_clock_ms();
    struct pp_message message;
    char json[PP_LINE_MAX];

    if (options->address.form == PP_ADDRESS_ZMQ)
        return;
    if (type == PP_MESSAGE_PROGRESS) {
        if (now < notifier->next_progress_at)
            return;
        notifier->next_progress_at = now + PROGRESS_MS;
    }
    message = next_message(notifier, type);
    message.files = files;
    message.patched = patched;
    if (options->address.form == PP_ADDRESS_SD) {
        pp_datagram_send(&options->address, &message, &ignored);
        return;
    }
    if (type == PP_MESSAGE_START && !pp_caller_is_open(&notifier->caller))
        pp_caller_open(&notifier->caller, &options->address, &options->peers, now + TRY_MS,
                       &ignored);
    if (pp_caller_is_open(&notifier->caller) && pp_message_encode(&message, json, &ignored) >= 0)
        pp_caller_offer(&notifier->caller, json);
}

/* One try. PP_ERR_UNDELIVERED means that another one may go better. */
static int try_once(struct pp_notifier *notifier, const struct pp_message *message,
                    int64_t deadline, struct pp_err *err) {
    const struct pp_notifier_options *options = &notifier->options;
    int rc = 0;

    switch (options->address.form) {
    case PP_ADDRESS_SD:
        return pp_datagram_send(&options->address, message, err);
    case PP_ADDRESS_ZMQ:
        /* The payload means that all went well: it must never go out for a failure. */
        if (message->type == PP_MESSAGE_FAILED)
            return pp_err_set(err, PP_ERR_REFUSED, "zmq: has no word for a failure");
        return pp_requester_ask(&options->address, &options->peers, options->payload,
                                options->expect, deadline, err);
    case PP_ADDRESS_LINES:
        break;
    }
    if (!pp_caller_is_open(&notifier->caller))
        rc = pp_caller_open(&notifier->caller, &options->address, &options->peers, deadline, err);
    return rc < 0 ? rc : pp_caller_deliver(&notifier->caller, message, deadline, err);
}

/* Half of the pause to all of it, so that several patchers do not knock in step. */
static int64_t with_jitter(int64_t pause) {
    struct pp_err ignored = PP_ERR_INIT;
    uint8_t byte = 0;

    pp_secret_random(&byte, sizeof(byte), &ignored);
    return pause / 2 + pause / 2 * byte / UINT8_MAX;
}

static int try_until(struct pp_notifier *notifier, const struct pp_message *message,
                     int64_t deadline, struct pp_err *err) {
    int64_t pause = PAUSE_FIRST_MS;
    int64_t wake;
    int rc;

    for (;;) {
        struct pp_err last = PP_ERR_INIT;
        int64_t try_deadline = pp_clock_ms() + TRY_MS;

        rc = try_once(notifier, message, try_deadline < deadline ? try_deadline : deadline, &last);
        if (rc >= 0)
            return 0;
        wake = pp_clock_ms() + with_jitter(pause);
        if (last.kind != PP_ERR_UNDELIVERED || wake >= deadline) {
            *err = last;
            break;
        }
        pp_clock_sleep(wake);
        pause = 2 * pause < PAUSE_LAST_MS ? 2 * pause : PAUSE_LAST_MS;
    }
    if (err->kind != PP_ERR_PEER)
        err->kind = PP_ERR_UNDELIVERED;
    return -(int)err->kind;
}

/* Says where the message that was not delivered is now. */
static int add_hint(struct pp_err *err, const struct pp_outbox *outbox, const struct pp_err *kept) {
    struct pp_err why = *err;

    if (outbox == NULL)
        return pp_err_set(err, why.kind, "%s; no spool keeps the message", why.text);
    if (kept->kind != PP_ERR_NONE)
        return pp_err_set(err, why.kind, "%s; no spool keeps the message: %s", why.text,
                          kept->text);
    return pp_err_set(err, why.kind,
                      "%s; the spool keeps the message: send it with notify --resend", why.text);
}

int pp_notifier_deliver(struct pp_notifier *notifier, enum pp_message_type type, int status,
                        int64_t files, int64_t patched, struct pp_err *err) {
    const struct pp_outbox *outbox = notifier->options.outbox;
    struct pp_message message = next_message(notifier, type);
    struct pp_err kept = PP_ERR_INIT;
    struct pp_err ignored = PP_ERR_INIT;
    int rc;

    message.status = status;
    message.files = files;
    message.patched = patched;
    /* A spool that fails is told only if it was needed. */
    if (outbox != NULL)
        pp_outbox_put(outbox, &message, &kept);
    rc = try_until(notifier, &message, pp_clock_ms() + notifier->options.timeout_ms, err);
    if (rc < 0)
        return add_hint(err, outbox, &kept);
    /* A message that stays although it was acked is sent again, which the app expects. */
    if (outbox != NULL)
        pp_outbox_drop(outbox, message.run, &ignored);
    return 0;
}

int pp_notifier_resend(struct pp_notifier *notifier, size_t *delivered_count, struct pp_err *err) {
    const struct pp_outbox *outbox = notifier->options.outbox;
    int64_t deadline = pp_clock_ms() + notifier->options.timeout_ms;
    PP_AUTO_FREE struct pp_outbox_entry *entries = NULL;
    struct pp_err first = PP_ERR_INIT;
    size_t count;
    int rc = pp_outbox_list(outbox, &entries, &count, err);

    *delivered_count = 0;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && first.kind != PP_ERR_PEER; i++) {
        struct pp_err here = PP_ERR_INIT;
        struct pp_message message;

        rc = pp_outbox_get(outbox, entries[i].run, &message, &here);
        /* The app reads the folder too, and may have been faster. */
        if (rc < 0 && here.sys == ENOENT)
            continue;
        if (rc == 0)
            rc = try_until(notifier, &message, deadline, &here);
        if (rc == 0)
            rc = pp_outbox_drop(outbox, entries[i].run, &here);
        if (rc == 0)
            *delivered_count += 1;
        else if (first.kind == PP_ERR_NONE)
            first = here;
    }
    if (first.kind != PP_ERR_NONE)
        *err = first;
    return -(int)first.kind;
}
