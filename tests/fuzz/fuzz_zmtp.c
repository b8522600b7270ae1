/* What a ZeroMQ peer may send, whole and byte by byte: both give the same messages. */
#include "notify/zmtp.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct outcome {
    int rc;
    size_t message_count;
    size_t message_len;
};

static struct outcome feed(enum pp_zmtp_role role, const uint8_t *data, size_t len, size_t cut) {
    static struct pp_channel channel;
    static struct pp_zmtp zmtp;
    struct outcome outcome = {0};
    struct pp_err err = PP_ERR_INIT;

    pp_channel_init(&channel, -1);
    pp_zmtp_init(&zmtp, role);
    for (size_t at = 0; at < len && outcome.rc >= 0; at += cut) {
        size_t piece = len - at < cut ? len - at : cut;

        memcpy(channel.data + channel.len, data + at, piece);
        channel.len += piece;
        while ((outcome.rc = pp_zmtp_step(&zmtp, &channel, &err)) > 0)
            if (outcome.rc == 1) {
                outcome.message_count++;
                outcome.message_len += zmtp.body_len;
            }
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len > PP_LINE_MAX)
        return 0;
    for (int role = PP_ZMTP_REQ; role <= PP_ZMTP_REP; role++) {
        struct outcome whole = feed((enum pp_zmtp_role)role, data, len, PP_LINE_MAX);
        struct outcome bytes = feed((enum pp_zmtp_role)role, data, len, 1);

        if (whole.rc != bytes.rc || whole.message_count != bytes.message_count ||
            whole.message_len != bytes.message_len)
            abort();
    }
    return 0;
}
