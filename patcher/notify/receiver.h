/* The reference receiver: listens on an address as an app does.
 *
 * Several peers at once, none of which can hold up the others. Who may send is decided as in
 * peer.h, or by the token. A `complete` or `failed` that comes again is acknowledged, but handed
 * up only once.
 */
#ifndef PP_NOTIFY_RECEIVER_H
#define PP_NOTIFY_RECEIVER_H

#include "notify/address.h"
#include "notify/peer.h"
#include "notify/token.h"

#include <stdbool.h>
#include <stddef.h>

/* All pointers are borrowed, until the receiver is freed. */
struct pp_receiver_options {
    struct pp_address address;
    const struct pp_token *token; /* @name only; NULL: the peer's uid decides */
    struct pp_peers peers;        /* uids trusted besides ours */
};

/* What came: the JSON of protocol 1, the text of a datagram, the payload of a ZeroMQ request. */
struct pp_receipt {
    const char *text; /* borrowed; only the JSON is known to be printable */
    size_t len;
    bool is_last; /* a run has ended */
};

struct pp_receiver_handler {
    /* 0: it was taken, and is acknowledged; 1: the same, and it is enough. An error ends
     * receiving, without an ack. */
    int (*message)(void *data, const struct pp_receipt *receipt, struct pp_err *err);
    /* A peer was turned away. */
    void (*refused)(void *data, const struct pp_err *why);
    void *data;
};

struct pp_receiver;

/* Binds and listens; NULL and `err` when that fails. */
struct pp_receiver *pp_receiver_new(const struct pp_receiver_options *options, struct pp_err *err);
void pp_receiver_free(struct pp_receiver *receiver);

/* Receives until the handler has enough. */
int pp_receiver_run(struct pp_receiver *receiver, const struct pp_receiver_handler *handler,
                    struct pp_err *err);

#endif
