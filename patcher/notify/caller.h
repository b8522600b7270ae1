/* A connection of protocol 1, the patcher's side. */
#ifndef PP_NOTIFY_CALLER_H
#define PP_NOTIFY_CALLER_H

#include "notify/channel.h"
#include "notify/token.h"

#include <stdbool.h>

struct pp_caller {
    struct pp_channel channel;
    struct pp_handshake handshake;
};

/* Opens no connection. `token` is NULL when there is none; both are borrowed. */
void pp_caller_init(struct pp_caller *caller, const struct pp_address *address,
                    const struct pp_token *token);
bool pp_caller_is_open(const struct pp_caller *caller);
void pp_caller_close(struct pp_caller *caller);

/* Connects, checks the peer: by its uid, or with a token by its proof. PP_ERR_PEER when it is not
 * the one, PP_ERR_UNDELIVERED as in channel.h. It is closed after any error. */
int pp_caller_open(struct pp_caller *caller, const struct pp_address *address,
                   const struct pp_peers *peers, int64_t deadline, struct pp_err *err);

/* Sends what needs no answer, without waiting. Closes when the peer cannot take it. */
void pp_caller_offer(struct pp_caller *caller, const char *json);

/* Sends a message and waits for its ack. PP_ERR_UNDELIVERED: not acknowledged, worth another try;
 * PP_ERR_PEER: an answer with a wrong proof; PP_ERR_DAMAGED: an answer that is none;
 * PP_ERR_REFUSED: the app wants none of it. It is closed after any error. */
int pp_caller_deliver(struct pp_caller *caller, const struct pp_message *message, int64_t deadline,
                      struct pp_err *err);

/* The first line of a connection with a token. */
int pp_hello_encode(const char *cn, char json[PP_LINE_MAX], struct pp_err *err);
int pp_hello_decode(char cn[PP_PROOF_LEN + 1], const char *json, struct pp_err *err);

#endif
