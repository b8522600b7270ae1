/* Tells an app how a run goes. The door of this room:
 *
 *     struct pp_notifier *notifier = pp_notifier_new(&options, err);
 *     pp_notifier_event(notifier, PP_MESSAGE_START, 0, 0);
 *     pp_notifier_event(notifier, PP_MESSAGE_PROGRESS, 100, 20);      as often as you like
 *     pp_notifier_deliver(notifier, PP_MESSAGE_COMPLETE, 0, 4132, 977, err);
 *     pp_notifier_free(notifier);
 *
 * Not for several threads at once.
 */
#ifndef PP_NOTIFY_NOTIFIER_H
#define PP_NOTIFY_NOTIFIER_H

#include "notify/address.h"
#include "notify/message.h"
#include "notify/outbox.h"
#include "notify/peer.h"
#include "notify/token.h"

#include <stddef.h>
#include <stdint.h>

#define PP_NOTIFY_TIMEOUT_MS 5000
#define PP_NOTIFY_PAYLOAD "green_flag"
#define PP_NOTIFY_EXPECT "ACK"

/* All pointers are borrowed, until the notifier is freed. */
struct pp_notifier_options {
    struct pp_address address;
    const char *run;                /* 32 hex, see pp_run_new() */
    const struct pp_token *token;   /* NULL: the peer's uid decides */
    struct pp_peers peers;          /* uids trusted besides ours */
    int64_t timeout_ms;             /* for a whole delivery; 0: PP_NOTIFY_TIMEOUT_MS */
    const struct pp_outbox *outbox; /* NULL: what is not delivered is lost */
    const char *payload;            /* zmq; NULL: PP_NOTIFY_PAYLOAD */
    const char *expect;             /* zmq; NULL: PP_NOTIFY_EXPECT */
};

struct pp_notifier;

/* Connects to nobody yet. PP_ERR_USAGE when an option does not fit the form of the address. */
struct pp_notifier *pp_notifier_new(const struct pp_notifier_options *options, struct pp_err *err);
void pp_notifier_free(struct pp_notifier *notifier);

/* Does a delivery prove that somebody took the message? Not with sd: */
bool pp_notifier_has_proof(const struct pp_notifier *notifier);

/* `start` or `progress`, fire and forget: failing to tell is no failure of the run. `start` may
 * wait up to a second for the proof of a token, `progress` never waits, and goes out at most ten
 * times a second. */
void pp_notifier_event(struct pp_notifier *notifier, enum pp_message_type type, int64_t files,
                       int64_t patched);

/* `complete` or `failed`: kept in the outbox first, sent until it is acknowledged or the time is
 * up. PP_ERR_UNDELIVERED: nobody acknowledged, the outbox keeps it; PP_ERR_PEER: the peer is not
 * who it must be, the outbox keeps it. */
int pp_notifier_deliver(struct pp_notifier *notifier, enum pp_message_type type, int status,
                        int64_t files, int64_t patched, struct pp_err *err);

/* Sends what the outbox holds, oldest first, within one timeout for all of it. Counts what was
 * delivered, also when something else was not: then the error is that of the first which failed. */
int pp_notifier_resend(struct pp_notifier *notifier, size_t *delivered_count, struct pp_err *err);

#endif
