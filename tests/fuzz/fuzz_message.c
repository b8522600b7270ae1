/* What an app may send as a line of protocol 1: an answer, a nonce with its proof, a message. */
#include "notify/caller.h"
#include "notify/reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_message message;
    struct pp_reply reply;
    char cn[PP_PROOF_LEN + 1];
    char json[PP_LINE_MAX];
    char line[PP_LINE_MAX];

    if (len >= sizeof(line) || memchr(data, '\0', len) != NULL)
        return 0;
    memcpy(line, data, len);
    line[len] = '\0';
    /* What was read is written and read again as the same. */
    if (pp_message_decode(&message, line, len, &err) == 0) {
        struct pp_message back;
        int json_len = pp_message_encode(&message, json, &err);

        if (json_len < 0 || pp_message_decode(&back, json, (size_t)json_len, &err) < 0 ||
            back.seq != message.seq || back.status != message.status || back.type != message.type)
            abort();
    }
    if (pp_reply_decode(&reply, line, len, &err) == 0 && pp_reply_encode(&reply, json, &err) < 0)
        abort();
    pp_hello_decode(cn, line, &err);
    pp_proof_split(line);
    return 0;
}
