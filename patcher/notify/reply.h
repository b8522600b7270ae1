/* What the app answers to `complete` and `failed`, one line of JSON each:
 *
 *     {"v":1,"ack":7,"run":"<32 hex>"}
 *     {"v":1,"nack":7,"run":"<32 hex>","err":"busy"}
 */
#ifndef PP_NOTIFY_REPLY_H
#define PP_NOTIFY_REPLY_H

#include "notify/message.h"

enum pp_reply_verdict {
    PP_REPLY_ACK,
    PP_REPLY_BUSY,    /* try again in a moment */
    PP_REPLY_BAD,     /* the message makes no sense to the app */
    PP_REPLY_VERSION, /* the app does not speak this protocol */
};

struct pp_reply {
    enum pp_reply_verdict verdict;
    int64_t seq; /* of the message that is answered */
    char run[PP_RUN_LEN + 1];
};

/* As those of message.h. Everything wrong with a reply is PP_ERR_DAMAGED. */
int pp_reply_encode(const struct pp_reply *reply, char json[PP_LINE_MAX], struct pp_err *err);
int pp_reply_decode(struct pp_reply *reply, const char *json, size_t len, struct pp_err *err);

#endif
