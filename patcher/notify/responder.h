/* A connection of protocol 1, the app's side. */
#ifndef PP_NOTIFY_RESPONDER_H
#define PP_NOTIFY_RESPONDER_H

#include "notify/channel.h"
#include "notify/message.h"
#include "notify/token.h"

#include <stdbool.h>

struct pp_responder {
    struct pp_handshake handshake;
    bool is_greeted;           /* the token's hello is done */
    struct pp_message message; /* the last one */
    char json[PP_LINE_MAX];
};

/* `token` is NULL when there is none; both are borrowed. */
void pp_responder_init(struct pp_responder *responder, const struct pp_address *address,
                       const struct pp_token *token);

/* Takes the next message from the channel. Returns 1 with it in `message` and `json`, 0 when more
 * must be received first. After an error the connection is good for nothing: PP_ERR_PEER is a
 * wrong proof, PP_ERR_DAMAGED and PP_ERR_UNSUPPORTED a message that was answered with a nack. */
int pp_responder_step(struct pp_responder *responder, struct pp_channel *channel,
                      struct pp_err *err);

/* Acknowledges the last message, if its type wants that. */
int pp_responder_ack(const struct pp_responder *responder, struct pp_channel *channel,
                     struct pp_err *err);

#endif
