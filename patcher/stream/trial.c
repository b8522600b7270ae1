#include "stream/trial.h"

#include <string.h>

void pp_trial_done(struct pp_trial *trial) {
    pp_buffer_done(&trial->text);
    pp_buffer_done(&trial->encoded);
}

static int add(struct pp_buffer *buffer, const uint8_t *data, size_t len, struct pp_err *err) {
    size_t room = PP_TRIAL_LEN - buffer->len;

    return pp_buffer_append(buffer, data, len < room ? len : room, err);
}

int pp_trial_add(struct pp_trial *trial, const uint8_t *encoded, size_t encoded_len,
                 const uint8_t *text, size_t text_len, bool ended, struct pp_err *err) {
    int rc = add(&trial->encoded, encoded, encoded_len, err);
    bool full;

    if (rc >= 0)
        rc = add(&trial->text, text, text_len, err);
    if (rc < 0)
        return rc;
    full = trial->text.len == PP_TRIAL_LEN || trial->encoded.len == PP_TRIAL_LEN;
    trial->whole = ended && !full;
    return ended || full;
}

/* How long the start is that both have in common. */
static size_t common_len(const uint8_t *one, const uint8_t *other, size_t len) {
    size_t same = 0;

    while (same < len && one[same] == other[same])
        same++;
    return same;
}

int pp_trial_run(const struct pp_trial *trial, struct pp_stage *encoder, size_t *agreed_len,
                 struct pp_err *err) {
    struct pp_stage_io io = {
        .in = trial->text.data, .in_len = trial->text.len, .last = trial->whole};
    uint8_t output[4096];
    size_t agreed = 0;
    bool same = true;
    int rc = PP_STAGE_MORE;

    /* Until its end; or, given only the start of the text, until the encoder wants the rest. */
    while (rc == PP_STAGE_MORE && same) {
        size_t count;
        size_t left = trial->encoded.len - agreed;

        io.out = output;
        io.out_len = sizeof(output);
        rc = encoder->ops->step(encoder, &io, err);
        if (rc < 0)
            break;
        count = sizeof(output) - io.out_len;
        left = common_len(output, trial->encoded.data + agreed, count < left ? count : left);
        agreed += left;
        same = left == count;
        if (!trial->whole && io.in_len == 0 && io.out_len > 0)
            break;
    }
    encoder->ops->free(encoder);
    if (agreed_len != NULL)
        *agreed_len = agreed;
    return rc < 0 ? rc : same;
}
