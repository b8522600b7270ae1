#include "notify/caller.h"

#include "notify/reply.h"

#include <string.h>
#include <sys/socket.h>

#define AUTH_NAME "hmac-sha256"

void pp_caller_init(struct pp_caller *caller, const struct pp_address *address,
                    const struct pp_token *token) {
    memset(caller, 0, sizeof(*caller));
    pp_channel_init(&caller->channel, -1);
    caller->handshake.token = token;
    caller->handshake.name = address->name;
}

bool pp_caller_is_open(const struct pp_caller *caller) {
    return caller->channel.fd >= 0;
}

void pp_caller_close(struct pp_caller *caller) {
    pp_channel_close(&caller->channel);
}

int pp_hello_encode(const char *cn, char json[PP_LINE_MAX], struct pp_err *err) {
    return pp_json_write(json_pack("{s:i, s:s, s:s, s:s}", "v", PP_PROTOCOL_VERSION, "type",
                                   "hello", "auth", AUTH_NAME, "cn", cn),
                         json, err);
}

int pp_hello_decode(char cn[PP_PROOF_LEN + 1], const char *json, struct pp_err *err) {
    json_t *object = pp_json_read(json, strlen(json), err);
    const char *type = NULL;
    const char *auth = NULL;
    const char *nonce = NULL;
    int rc;

    if (object == NULL)
        return -(int)err->kind;
    rc = pp_json_version(object, err);
    if (rc == 0 &&
        (json_unpack(object, "{s:s, s:s, s:s}", "type", &type, "auth", &auth, "cn", &nonce) < 0 ||
         strcmp(type, "hello") != 0 || strcmp(auth, AUTH_NAME) != 0 || !pp_proof_valid(nonce)))
        rc = pp_err_set(err, PP_ERR_DAMAGED, "message is not the hello of a token");
    if (rc == 0)
        memcpy(cn, nonce, PP_PROOF_LEN + 1);
    json_decref(object);
    return rc;
}

/* Waits for a line. */
static int caller_line(struct pp_caller *caller, char line[PP_LINE_MAX], int64_t deadline,
                       struct pp_err *err) {
    int rc;

    while ((rc = pp_channel_line(&caller->channel, line, err)) == 0) {
        rc = pp_channel_fill(&caller->channel, deadline, err);
        if (rc < 0)
            break;
    }
    return rc;
}

/* Turns JSON into the line that is sent: proof and LF. Returns its length. */
static int caller_frame(const struct pp_caller *caller, char line[PP_LINE_MAX],
                        struct pp_err *err) {
    size_t len = strlen(line);

    if (caller->handshake.token != NULL) {
        char proof[PP_PROOF_LEN + 1];

        if (len + 1 + PP_PROOF_LEN + 1 > PP_LINE_MAX)
            return pp_err_set(err, PP_ERR_LIMIT, "message is too long for its proof");
        pp_handshake_line(&caller->handshake, line, proof);
        line[len++] = ' ';
        memcpy(line + len, proof, PP_PROOF_LEN);
        len += PP_PROOF_LEN;
    }
    line[len++] = '\n';
    return (int)len;
}

static int caller_hello(struct pp_caller *caller, int64_t deadline, struct pp_err *err) {
    struct pp_handshake *handshake = &caller->handshake;
    char line[PP_LINE_MAX];
    char proof[PP_PROOF_LEN + 1];
    const char *peer_proof;
    int rc = pp_handshake_nonce(handshake->cn, err);

    if (rc >= 0)
        rc = pp_hello_encode(handshake->cn, line, err);
    if (rc >= 0) {
        line[rc] = '\n';
        rc = pp_channel_send(&caller->channel, line, (size_t)rc + 1, deadline, err);
    }
    if (rc >= 0)
        rc = caller_line(caller, line, deadline, err);
    if (rc < 0)
        return rc;
    peer_proof = pp_proof_split(line);
    if (peer_proof == NULL || !pp_proof_valid(line))
        return pp_err_set(err, PP_ERR_PEER, "peer does not prove that it has the token");
    memcpy(handshake->sn, line, PP_PROOF_LEN + 1);
    pp_handshake_server(handshake, proof);
    if (!pp_proof_equal(proof, peer_proof))
        return pp_err_set(err, PP_ERR_PEER, "peer has another token");
    return 0;
}

int pp_caller_open(struct pp_caller *caller, const struct pp_address *address,
                   const struct pp_peers *peers, int64_t deadline, struct pp_err *err) {
    bool has_token = caller->handshake.token != NULL;
    int rc = pp_channel_connect(&caller->channel, address, has_token ? NULL : peers, err);

    if (rc == 0 && has_token)
        rc = caller_hello(caller, deadline, err);
    if (rc < 0)
        pp_caller_close(caller);
    return rc;
}

void pp_caller_offer(struct pp_caller *caller, const char *json) {
    struct pp_err ignored = PP_ERR_INIT;
    char line[PP_LINE_MAX];
    ssize_t count;
    int len;

    memcpy(line, json, strlen(json) + 1);
    len = caller_frame(caller, line, &ignored);
    if (len < 0)
        return;
    count = send(caller->channel.fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* Part of a line is worse than none. */
    if (count >= 0 && count < len)
        pp_caller_close(caller);
}

/* Checks what the peer says of our message. Returns 1, or 0 when it speaks of an earlier one. */
static int caller_judge(struct pp_caller *caller, const struct pp_message *message,
                        const char *json, char *line, struct pp_err *err) {
    const struct pp_handshake *handshake = &caller->handshake;
    const char *peer_proof = NULL;
    char proof[PP_PROOF_LEN + 1];
    struct pp_reply reply;
    int rc;

    if (handshake->token != NULL) {
        peer_proof = pp_proof_split(line);
        if (peer_proof == NULL)
            return pp_err_set(err, PP_ERR_PEER, "an answer without a proof of the token");
    }
    rc = pp_reply_decode(&reply, line, strlen(line), err);
    if (rc < 0)
        return rc;
    if (strcmp(reply.run, message->run) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer answers to another run");
    /* Some apps may answer to start and progress too. */
    if (reply.seq < message->seq)
        return 0;
    if (handshake->token != NULL) {
        pp_handshake_answer(handshake, json, line, proof);
        if (!pp_proof_equal(proof, peer_proof))
            return pp_err_set(err, PP_ERR_PEER, "an answer with a wrong proof of the token");
    }
    if (reply.seq > message->seq)
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer answers to what was not sent");
    switch (reply.verdict) {
    case PP_REPLY_ACK:
        return 1;
    case PP_REPLY_BUSY:
        return pp_err_set(err, PP_ERR_UNDELIVERED, "the app is busy");
    case PP_REPLY_VERSION:
        return pp_err_set(err, PP_ERR_REFUSED, "the app does not speak protocol %d",
                          PP_PROTOCOL_VERSION);
    case PP_REPLY_BAD:
        break;
    }
    return pp_err_set(err, PP_ERR_REFUSED, "the app refuses the message");
}

int pp_caller_deliver(struct pp_caller *caller, const struct pp_message *message, int64_t deadline,
                      struct pp_err *err) {
    char json[PP_LINE_MAX];
    char line[PP_LINE_MAX];
    int rc = pp_message_encode(message, json, err);

    if (rc >= 0) {
        memcpy(line, json, (size_t)rc + 1);
        rc = caller_frame(caller, line, err);
    }
    if (rc >= 0)
        rc = pp_channel_send(&caller->channel, line, (size_t)rc, deadline, err);
    while (rc >= 0) {
        rc = caller_line(caller, line, deadline, err);
        if (rc >= 0)
            rc = caller_judge(caller, message, json, line, err);
        if (rc > 0)
            return 0;
    }
    pp_caller_close(caller);
    return rc;
}
