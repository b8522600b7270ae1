#include "notify/reply.h"

#include "base/cleanup.h"

#include <string.h>

/* The word of a nack; an ack has none. */
static const char *const verdict_words[] = {
    [PP_REPLY_ACK] = NULL,
    [PP_REPLY_BUSY] = "busy",
    [PP_REPLY_BAD] = "bad",
    [PP_REPLY_VERSION] = "version",
};

int pp_reply_encode(const struct pp_reply *reply, char json[PP_LINE_MAX], struct pp_err *err) {
    const char *word = verdict_words[reply->verdict];
    json_t *object;

    if (word == NULL)
        object = json_pack("{s:i, s:I, s:s}", "v", PP_PROTOCOL_VERSION, "ack",
                           (json_int_t)reply->seq, "run", reply->run);
    else
        object = json_pack("{s:i, s:I, s:s, s:s}", "v", PP_PROTOCOL_VERSION, "nack",
                           (json_int_t)reply->seq, "run", reply->run, "err", word);
    return pp_json_write(object, json, err);
}

static bool reply_read(struct pp_reply *reply, const json_t *object) {
    const char *word = json_string_value(json_object_get(object, "err"));

    if (!pp_json_run(object, reply->run))
        return false;
    if (pp_json_number(object, "ack", INT64_MAX, &reply->seq)) {
        reply->verdict = PP_REPLY_ACK;
        return json_object_get(object, "nack") == NULL;
    }
    if (word == NULL || !pp_json_number(object, "nack", INT64_MAX, &reply->seq))
        return false;
    for (size_t i = PP_REPLY_BUSY; i < PP_ARRAY_LEN(verdict_words); i++)
        if (strcmp(word, verdict_words[i]) == 0) {
            reply->verdict = (enum pp_reply_verdict)i;
            return true;
        }
    return false;
}

int pp_reply_decode(struct pp_reply *reply, const char *json, size_t len, struct pp_err *err) {
    json_t *object = pp_json_read(json, len, err);
    bool sound;

    if (object == NULL)
        return -(int)err->kind;
    memset(reply, 0, sizeof(*reply));
    sound = pp_json_version(object, err) == 0 && reply_read(reply, object);
    json_decref(object);
    if (!sound)
        return pp_err_set(err, PP_ERR_DAMAGED, "answer is neither an ack nor a nack");
    return 0;
}
