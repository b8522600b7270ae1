/* Protocol 1 over a socket, both sides: whatever comes, an app takes messages or drops the peer,
 * and the patcher ends with an answer or an error. The first byte says which side, and whether
 * there is a token. */
#include "demand.h"
#include "notify/caller.h"
#include "notify/responder.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct pp_token token = {.key = "0123456789abcdef0123456789abcdef", .len = 32};

/* What the app makes of it, received in pieces. */
static void respond(int fd, int peer, const struct pp_address *address, bool has_token,
                    const uint8_t *data, size_t len, size_t cut) {
    static struct pp_responder responder;
    static struct pp_channel channel;
    struct pp_err err = PP_ERR_INIT;
    int rc = 0;

    pp_channel_init(&channel, fd);
    pp_responder_init(&responder, address, has_token ? &token : NULL);
    for (size_t at = 0; at < len && rc >= 0; at += cut) {
        size_t piece = len - at < cut ? len - at : cut;

        demand(write(peer, data + at, piece) == (ssize_t)piece);
        rc = pp_channel_receive(&channel, &err);
        demand(failed(rc, &err) || rc > 0);
        while (rc >= 0 && (rc = pp_responder_step(&responder, &channel, &err)) > 0) {
            /* Nobody guesses a proof. */
            demand(!has_token && pp_run_valid(responder.message.run));
            rc = pp_responder_ack(&responder, &channel, &err);
        }
        failed(rc, &err);
    }
    pp_channel_close(&channel);
}

static void call(int fd, int peer, const struct pp_address *address, bool has_token,
                 const uint8_t *data, size_t len) {
    static struct pp_caller caller;
    const struct pp_message message = {
        .type = PP_MESSAGE_COMPLETE, .run = "00000000000000000000000000000000", .seq = 7};
    struct pp_err err = PP_ERR_INIT;

    demand(write(peer, data, len) == (ssize_t)len);
    shutdown(peer, SHUT_WR);
    pp_caller_init(&caller, address, has_token ? &token : NULL);
    pp_channel_init(&caller.channel, fd);
    if (!failed(pp_caller_deliver(&caller, &message, 0, &err), &err))
        demand(!has_token && memmem(data, len, "\"ack\"", 5) != NULL);
    pp_caller_close(&caller);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct pp_address address;
    struct pp_err err = PP_ERR_INIT;
    bool has_token;
    int ends[2];

    if (len < 2 || len > 2 * PP_LINE_MAX)
        return 0;
    demand(pp_address_parse(&address, "@app", &err) == 0);
    demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    has_token = (data[0] & 2) != 0;
    if ((data[0] & 1) != 0)
        call(ends[0], ends[1], &address, has_token, data + 1, len - 1);
    else
        respond(ends[0], ends[1], &address, has_token, data + 1, len - 1,
                (data[0] & 4) != 0 ? 1 : PP_LINE_MAX);
    close(ends[1]);
    return 0;
}
