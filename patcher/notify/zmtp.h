/* ZMTP 3.0 (rfc.zeromq.org/spec/23), as much as REQ and REP need: the NULL mechanism and messages
 * of one part. Either side. */
#ifndef PP_NOTIFY_ZMTP_H
#define PP_NOTIFY_ZMTP_H

#include "base/buffer.h"
#include "notify/channel.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a message. */
#define PP_ZMTP_MESSAGE_MAX PP_LINE_MAX

enum pp_zmtp_role {
    PP_ZMTP_REQ,
    PP_ZMTP_REP,
};

enum pp_zmtp_stage {
    PP_ZMTP_GREETING,  /* waits for the peer's greeting */
    PP_ZMTP_HANDSHAKE, /* waits for its READY */
    PP_ZMTP_DELIMITER, /* waits for the empty frame before a message */
    PP_ZMTP_BODY,      /* waits for the message */
};

struct pp_zmtp {
    enum pp_zmtp_role role;
    enum pp_zmtp_stage stage;
    size_t body_len;
    char body[PP_ZMTP_MESSAGE_MAX];
};

void pp_zmtp_init(struct pp_zmtp *zmtp, enum pp_zmtp_role role);

/* Append what to send: first the opening, and, when the peer is ready, a message. */
int pp_zmtp_put_opening(const struct pp_zmtp *zmtp, struct pp_buffer *out, struct pp_err *err);
int pp_zmtp_put_message(struct pp_buffer *out, const char *text, struct pp_err *err);

/* Takes in what the channel has received, up to the next message or the moment the peer becomes
 * ready. Returns 1 with a message in `body`, 2 when it has just become ready, 0 when it needs more,
 * and PP_ERR_DAMAGED when the peer does not keep to the protocol. */
int pp_zmtp_step(struct pp_zmtp *zmtp, struct pp_channel *channel, struct pp_err *err);

#endif
