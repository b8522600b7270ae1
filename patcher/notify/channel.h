/* One connection, either side of it: bytes that were received and not yet used, and ways to wait.
 *
 * Everything is non-blocking; functions with a deadline wait. PP_ERR_UNDELIVERED stands for what
 * may go better on another try: nobody there, a full backlog, a connection that broke, a timeout.
 */
#ifndef PP_NOTIFY_CHANNEL_H
#define PP_NOTIFY_CHANNEL_H

#include "notify/address.h"
#include "notify/message.h"
#include "notify/peer.h"

#include <stddef.h>
#include <stdint.h>

struct pp_channel {
    int fd; /* -1: closed */
    size_t len;
    char data[2 * PP_LINE_MAX];
};

void pp_channel_init(struct pp_channel *channel, int fd);
void pp_channel_close(struct pp_channel *channel);

/* Connects and checks the peer's uid, before any byte is sent. `peers` is NULL when something else
 * will prove who it is. */
int pp_channel_connect(struct pp_channel *channel, const struct pp_address *address,
                       const struct pp_peers *peers, struct pp_err *err);

/* Sends all of it. */
int pp_channel_send(struct pp_channel *channel, const void *data, size_t len, int64_t deadline,
                    struct pp_err *err);

/* Takes in what has arrived. Returns the bytes, 0 when there are none now. */
int pp_channel_receive(struct pp_channel *channel, struct pp_err *err);
/* Waits until there is more. */
int pp_channel_fill(struct pp_channel *channel, int64_t deadline, struct pp_err *err);

/* Drops the first `len` bytes of what was received. */
void pp_channel_consume(struct pp_channel *channel, size_t len);
/* Takes the first line, without its LF. Returns 1, or 0 while it is not all there. One of more
 * than PP_LINE_MAX bytes is PP_ERR_DAMAGED. */
int pp_channel_line(struct pp_channel *channel, char line[PP_LINE_MAX], struct pp_err *err);

#endif
