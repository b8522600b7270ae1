/* A question to a ZeroMQ REP socket, for apps that listen with ZeroMQ. */
#ifndef PP_NOTIFY_REQUESTER_H
#define PP_NOTIFY_REQUESTER_H

#include "notify/address.h"
#include "notify/peer.h"

#include <stdint.h>

/* Sends `payload` and compares the reply with `expect`. Errors as in channel.h; PP_ERR_REFUSED:
 * another reply; PP_ERR_PEER: the uid at the other end. */
int pp_requester_ask(const struct pp_address *address, const struct pp_peers *peers,
                     const char *payload, const char *expect, int64_t deadline, struct pp_err *err);

#endif
