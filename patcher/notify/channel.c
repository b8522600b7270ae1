#include "notify/channel.h"

#include "notify/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void pp_channel_init(struct pp_channel *channel, int fd) {
    channel->fd = fd;
    channel->len = 0;
}

void pp_channel_close(struct pp_channel *channel) {
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
}

static int channel_broke(struct pp_err *err) {
    pp_err_sys(err, "the connection broke");
    if (err->sys == ECONNRESET || err->sys == EPIPE)
        err->kind = PP_ERR_UNDELIVERED;
    return -(int)err->kind;
}

int pp_channel_connect(struct pp_channel *channel, const struct pp_address *address,
                       const struct pp_peers *peers, struct pp_err *err) {
    int rc = 0;

    pp_channel_init(channel, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (channel->fd < 0)
        return pp_err_sys(err, "cannot make a socket");
    /* A full backlog is EAGAIN: unlike TCP, AF_UNIX never goes on connecting by itself. */
    if (connect(channel->fd, (const struct sockaddr *)&address->sun, address->sun_len) < 0) {
        rc = pp_err_sys(err, "cannot connect");
        if (err->sys == ECONNREFUSED || err->sys == EAGAIN || err->sys == EINTR)
            rc = pp_err_set(err, PP_ERR_UNDELIVERED,
                            err->sys == ECONNREFUSED ? "nobody listens there"
                                                     : "the peer does not accept");
    } else if (peers != NULL) {
        rc = pp_peers_check(peers, channel->fd, err);
    }
    if (rc < 0)
        pp_channel_close(channel);
    return rc;
}

int pp_channel_send(struct pp_channel *channel, const void *data, size_t len, int64_t deadline,
                    struct pp_err *err) {
    const char *at = data;

    while (len > 0) {
        ssize_t count = send(channel->fd, at, len, MSG_NOSIGNAL);

        if (count >= 0) {
            at += count;
            len -= (size_t)count;
        } else if (errno == EAGAIN) {
            int rc = pp_clock_wait(channel->fd, POLLOUT, deadline, err);

            if (rc < 0)
                return rc;
        } else if (errno != EINTR) {
            return channel_broke(err);
        }
    }
    return 0;
}

int pp_channel_receive(struct pp_channel *channel, struct pp_err *err) {
    size_t room = sizeof(channel->data) - channel->len;
    ssize_t count;

    if (room == 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer sends more than %zu bytes at once",
                          sizeof(channel->data));
    do
        count = recv(channel->fd, channel->data + channel->len, room, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? 0 : channel_broke(err);
    if (count == 0)
        return pp_err_set(err, PP_ERR_UNDELIVERED, "the peer closed the connection");
    channel->len += (size_t)count;
    return (int)count;
}

int pp_channel_fill(struct pp_channel *channel, int64_t deadline, struct pp_err *err) {
    int rc;

    do {
        rc = pp_clock_wait(channel->fd, POLLIN, deadline, err);
        if (rc == 0)
            rc = pp_channel_receive(channel, err);
    } while (rc == 0);
    return rc;
}

void pp_channel_consume(struct pp_channel *channel, size_t len) {
    channel->len -= len;
    memmove(channel->data, channel->data + len, channel->len);
}

int pp_channel_line(struct pp_channel *channel, char line[PP_LINE_MAX], struct pp_err *err) {
    size_t limit = channel->len < PP_LINE_MAX ? channel->len : PP_LINE_MAX;
    const char *end = memchr(channel->data, '\n', limit);
    size_t len;

    if (end == NULL && channel->len >= PP_LINE_MAX)
        return pp_err_set(err, PP_ERR_DAMAGED, "a line is longer than %d bytes", PP_LINE_MAX);
    if (end == NULL)
        return 0;
    len = (size_t)(end - channel->data);
    if (memchr(channel->data, '\0', len) != NULL)
        return pp_err_set(err, PP_ERR_DAMAGED, "a line holds a NUL");
    memcpy(line, channel->data, len);
    line[len] = '\0';
    pp_channel_consume(channel, len + 1);
    return 1;
}
