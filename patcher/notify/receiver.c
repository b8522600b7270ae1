#include "notify/receiver.h"

#include "base/cleanup.h"
#include "notify/datagram.h"
#include "notify/responder.h"
#include "notify/zmtp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define BACKLOG 16
/* Runs that are remembered, so that a message which comes twice is handed up once. */
#define SEEN_MAX 256

/* One peer. Which of the two states is used depends on the form of the address. */
struct client {
    struct pp_channel channel; /* fd -1: free */
    struct pp_responder responder;
    struct pp_zmtp zmtp;
};

struct pp_receiver {
    struct pp_receiver_options options;
    const struct pp_receiver_handler *handler; /* of the call that is going on */
    int fd;
    size_t next_client; /* the slot of the peer that comes next */
    size_t next_seen;
    char seen[SEEN_MAX][PP_RUN_LEN + 1];
    struct client clients[CLIENTS_MAX];
};

static int receiver_bind(struct pp_receiver *receiver, struct pp_err *err) {
    const struct pp_address *address = &receiver->options.address;
    int type = address->form == PP_ADDRESS_SD ? SOCK_DGRAM : SOCK_STREAM;
    int rc = 0;

    receiver->fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (receiver->fd < 0)
        return pp_err_sys(err, "cannot make a socket");
    if (type == SOCK_DGRAM)
        rc = pp_datagram_ask_uid(receiver->fd, err);
    if (rc < 0)
        return rc;
    if (bind(receiver->fd, (const struct sockaddr *)&address->sun, address->sun_len) < 0)
        return pp_err_sys(err, "cannot bind");
    if (type == SOCK_STREAM && listen(receiver->fd, BACKLOG) < 0)
        return pp_err_sys(err, "cannot listen");
    return 0;
}

struct pp_receiver *pp_receiver_new(const struct pp_receiver_options *options, struct pp_err *err) {
    struct pp_receiver *receiver;

    if (options->token != NULL && options->address.form != PP_ADDRESS_LINES) {
        pp_err_set(err, PP_ERR_USAGE, "a token works with @name only");
        return NULL;
    }
    receiver = calloc(1, sizeof(*receiver));
    if (receiver == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    receiver->options = *options;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        pp_channel_init(&receiver->clients[i].channel, -1);
    if (receiver_bind(receiver, err) < 0) {
        pp_receiver_free(receiver);
        return NULL;
    }
    return receiver;
}

void pp_receiver_free(struct pp_receiver *receiver) {
    if (receiver == NULL)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        pp_channel_close(&receiver->clients[i].channel);
    pp_cleanup_close(&receiver->fd);
    free(receiver);
}

static int hand_up(struct pp_receiver *receiver, const char *text, size_t len, bool is_last,
                   struct pp_err *err) {
    struct pp_receipt receipt = {.text = text, .len = len, .is_last = is_last};

    return receiver->handler->message(receiver->handler->data, &receipt, err);
}

static void refuse(struct pp_receiver *receiver, const struct pp_err *why) {
    receiver->handler->refused(receiver->handler->data, why);
}

static bool was_seen(const struct pp_receiver *receiver, const char *run) {
    for (size_t i = 0; i < SEEN_MAX; i++)
        if (strcmp(receiver->seen[i], run) == 0)
            return true;
    return false;
}

/* The functions that take what a client sent return 1 when the handler has enough, 0 to go on. An
 * error in `err` ends receiving, one in `why` only this client. */

static int take_lines(struct pp_receiver *receiver, struct client *client, struct pp_err *why,
                      struct pp_err *err) {
    struct pp_responder *responder = &client->responder;
    int enough = 0;

    while (enough == 0 && pp_responder_step(responder, &client->channel, why) > 0) {
        const struct pp_message *message = &responder->message;
        bool is_last = pp_message_is_last(message);

        if (!is_last || !was_seen(receiver, message->run))
            enough = hand_up(receiver, responder->json, strlen(responder->json), is_last, err);
        if (enough < 0)
            break;
        if (is_last && !was_seen(receiver, message->run)) {
            memcpy(receiver->seen[receiver->next_seen], message->run, sizeof(message->run));
            receiver->next_seen = (receiver->next_seen + 1) % SEEN_MAX;
        }
        if (pp_responder_ack(responder, &client->channel, why) < 0)
            break;
    }
    return enough;
}

static int take_requests(struct pp_receiver *receiver, struct client *client, struct pp_err *why,
                         struct pp_err *err) {
    struct pp_zmtp *zmtp = &client->zmtp;
    int enough = 0;
    int rc;

    while (enough == 0 && (rc = pp_zmtp_step(zmtp, &client->channel, why)) > 0) {
        PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;

        if (rc != 1)
            continue;
        enough = hand_up(receiver, zmtp->body, zmtp->body_len, true, err);
        if (enough < 0 || pp_zmtp_put_message(&out, "ACK", why) < 0 ||
            pp_channel_send(&client->channel, out.data, out.len, 0, why) < 0)
            break;
    }
    return enough;
}

static int serve(struct pp_receiver *receiver, struct client *client, struct pp_err *err) {
    struct pp_err why = PP_ERR_INIT;
    int enough = 0;

    if (pp_channel_receive(&client->channel, &why) > 0) {
        if (receiver->options.address.form == PP_ADDRESS_ZMQ)
            enough = take_requests(receiver, client, &why, err);
        else
            enough = take_lines(receiver, client, &why, err);
    }
    if (why.kind != PP_ERR_NONE) {
        /* That a peer goes away is how every connection ends. */
        if (why.kind != PP_ERR_UNDELIVERED)
            refuse(receiver, &why);
        pp_channel_close(&client->channel);
    }
    return enough;
}

/* Gets the client ready for what its peer will send. */
static int client_open(struct client *client, int fd, const struct pp_receiver_options *options,
                       struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    int rc = 0;

    pp_channel_init(&client->channel, fd);
    pp_responder_init(&client->responder, &options->address, options->token);
    pp_zmtp_init(&client->zmtp, PP_ZMTP_REP);
    if (options->address.form == PP_ADDRESS_ZMQ) {
        rc = pp_zmtp_put_opening(&client->zmtp, &out, err);
        if (rc == 0)
            rc = pp_channel_send(&client->channel, out.data, out.len, 0, err);
    }
    if (rc < 0)
        pp_channel_close(&client->channel);
    return rc;
}

static int receiver_accept(struct pp_receiver *receiver, struct pp_err *err) {
    const struct pp_receiver_options *options = &receiver->options;
    struct client *client = &receiver->clients[receiver->next_client];
    struct pp_err why = PP_ERR_INIT;
    int fd = accept4(receiver->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return 0;
    if (fd < 0)
        return pp_err_sys(err, "cannot accept");
    if (options->token == NULL && pp_peers_check(&options->peers, fd, &why) < 0) {
        close(fd);
        refuse(receiver, &why);
        return 0;
    }
    /* Whoever came longest ago makes room; it is free to come again. */
    pp_channel_close(&client->channel);
    if (client_open(client, fd, options, &why) < 0)
        refuse(receiver, &why);
    else
        receiver->next_client = (receiver->next_client + 1) % CLIENTS_MAX;
    return 0;
}

static int receiver_datagram(struct pp_receiver *receiver, struct pp_err *err) {
    struct pp_err why = PP_ERR_INIT;
    char text[PP_LINE_MAX];
    uid_t uid;
    int len = pp_datagram_receive(receiver->fd, text, &uid, &why);

    if (len > 0)
        pp_peers_check_uid(&receiver->options.peers, uid, &why);
    if (why.kind == PP_ERR_SYSTEM) {
        *err = why;
        return -(int)err->kind;
    }
    if (why.kind != PP_ERR_NONE) {
        refuse(receiver, &why);
        return 0;
    }
    /* systemd-notify(1) waits until this one's descriptor is closed, and that was done. */
    if (len == 0 || strcmp(text, "BARRIER=1") == 0)
        return 0;
    return hand_up(receiver, text, (size_t)len,
                   strstr(text, "READY=1") != NULL || strstr(text, "ERRNO=") != NULL, err);
}

int pp_receiver_run(struct pp_receiver *receiver, const struct pp_receiver_handler *handler,
                    struct pp_err *err) {
    bool is_datagram = receiver->options.address.form == PP_ADDRESS_SD;
    int enough = 0;

    receiver->handler = handler;
    while (enough == 0) {
        struct pollfd fds[CLIENTS_MAX + 1];

        for (size_t i = 0; i < CLIENTS_MAX; i++)
            fds[i] = (struct pollfd){.fd = receiver->clients[i].channel.fd, .events = POLLIN};
        fds[CLIENTS_MAX] = (struct pollfd){.fd = receiver->fd, .events = POLLIN};
        if (poll(fds, CLIENTS_MAX + 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            return pp_err_sys(err, "cannot wait for peers");
        }
        for (size_t i = 0; enough == 0 && i < CLIENTS_MAX; i++)
            if (fds[i].revents != 0)
                enough = serve(receiver, &receiver->clients[i], err);
        if (enough == 0 && fds[CLIENTS_MAX].revents != 0)
            enough =
                is_datagram ? receiver_datagram(receiver, err) : receiver_accept(receiver, err);
    }
    return enough < 0 ? enough : 0;
}
