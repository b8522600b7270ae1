#include "notify/responder.h"

#include "base/buffer.h"
#include "notify/caller.h"
#include "notify/reply.h"

#include <string.h>

/* Answers are short: a peer that does not take one at once has stopped reading, and is dropped. */
#define NO_WAITING 0

void pp_responder_init(struct pp_responder *responder, const struct pp_address *address,
                       const struct pp_token *token) {
    memset(responder, 0, sizeof(*responder));
    responder->handshake.token = token;
    responder->handshake.name = address->name;
}

/* Sends "TEXT PROOF" and LF; the proof may be NULL. */
static int send_proved(struct pp_channel *channel, const char *text, const char *proof,
                       struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer line = PP_BUFFER_INIT;
    int rc = pp_buffer_printf(&line, err, "%s%s%s\n", text, proof != NULL ? " " : "",
                              proof != NULL ? proof : "");

    return rc < 0 ? rc : pp_channel_send(channel, line.data, line.len, NO_WAITING, err);
}

static int take_hello(struct pp_responder *responder, struct pp_channel *channel, const char *line,
                      struct pp_err *err) {
    struct pp_handshake *handshake = &responder->handshake;
    char proof[PP_PROOF_LEN + 1];
    int rc = pp_hello_decode(handshake->cn, line, err);

    if (rc < 0)
        return pp_err_set(err, PP_ERR_PEER, "peer does not start with the hello of a token");
    rc = pp_handshake_nonce(handshake->sn, err);
    if (rc < 0)
        return rc;
    pp_handshake_server(handshake, proof);
    responder->is_greeted = true;
    return send_proved(channel, handshake->sn, proof, err);
}

/* Answers the last message; there is nothing to answer when its run is not known. */
static int answer(const struct pp_responder *responder, struct pp_channel *channel,
                  enum pp_reply_verdict verdict, struct pp_err *err) {
    struct pp_reply reply = {.verdict = verdict, .seq = responder->message.seq};
    bool has_token = responder->handshake.token != NULL;
    char proof[PP_PROOF_LEN + 1];
    char json[PP_LINE_MAX];
    int rc;

    if (responder->message.run[0] == '\0')
        return 0;
    memcpy(reply.run, responder->message.run, sizeof(reply.run));
    rc = pp_reply_encode(&reply, json, err);
    if (rc < 0)
        return rc;
    if (has_token)
        pp_handshake_answer(&responder->handshake, responder->json, json, proof);
    return send_proved(channel, json, has_token ? proof : NULL, err);
}

int pp_responder_step(struct pp_responder *responder, struct pp_channel *channel,
                      struct pp_err *err) {
    char *line = responder->json;
    int rc;

    while ((rc = pp_channel_line(channel, line, err)) > 0) {
        struct pp_err ignored = PP_ERR_INIT;

        if (responder->handshake.token != NULL && !responder->is_greeted) {
            rc = take_hello(responder, channel, line, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (responder->handshake.token != NULL) {
            const char *peer_proof = pp_proof_split(line);
            char proof[PP_PROOF_LEN + 1];

            pp_handshake_line(&responder->handshake, line, proof);
            if (peer_proof == NULL || !pp_proof_equal(proof, peer_proof))
                return pp_err_set(err, PP_ERR_PEER, "a message without a right proof of the token");
        }
        rc = pp_message_decode(&responder->message, line, strlen(line), err);
        if (rc == 0)
            return 1;
        answer(responder, channel,
               err->kind == PP_ERR_UNSUPPORTED ? PP_REPLY_VERSION : PP_REPLY_BAD, &ignored);
        return rc;
    }
    return rc;
}

int pp_responder_ack(const struct pp_responder *responder, struct pp_channel *channel,
                     struct pp_err *err) {
    if (!pp_message_is_last(&responder->message))
        return 0;
    return answer(responder, channel, PP_REPLY_ACK, err);
}
