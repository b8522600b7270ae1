#include "notify/requester.h"

#include "notify/zmtp.h"

#include <string.h>

static int requester_talk(struct pp_channel *channel, const char *payload, const char *expect,
                          int64_t deadline, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    struct pp_zmtp zmtp;
    int rc;

    pp_zmtp_init(&zmtp, PP_ZMTP_REQ);
    rc = pp_zmtp_put_opening(&zmtp, &out, err);
    if (rc >= 0)
        rc = pp_channel_send(channel, out.data, out.len, deadline, err);
    while (rc >= 0 && (rc = pp_zmtp_step(&zmtp, channel, err)) != 1) {
        if (rc == 0) {
            rc = pp_channel_fill(channel, deadline, err);
        } else if (rc > 0) {
            /* The payload goes out only now: before, the peer might be something else. */
            out.len = 0;
            rc = pp_zmtp_put_message(&out, payload, err);
            if (rc >= 0)
                rc = pp_channel_send(channel, out.data, out.len, deadline, err);
        }
    }
    if (rc < 0)
        return rc;
    if (zmtp.body_len != strlen(expect) || memcmp(zmtp.body, expect, zmtp.body_len) != 0)
        return pp_err_set(err, PP_ERR_REFUSED, "the reply is not \"%s\"", expect);
    return 0;
}

int pp_requester_ask(const struct pp_address *address, const struct pp_peers *peers,
                     const char *payload, const char *expect, int64_t deadline,
                     struct pp_err *err) {
    struct pp_channel channel;
    int rc = pp_channel_connect(&channel, address, peers, err);

    if (rc < 0)
        return rc;
    rc = requester_talk(&channel, payload, expect, deadline, err);
    pp_channel_close(&channel);
    return rc;
}
