#include "notify/zmtp.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define GREETING_LEN 64
#define SIGNATURE_LEN 10
#define VERSION_MAJOR 3
#define MECHANISM_AT 12
#define MECHANISM_LEN 20

/* Signature, version 3.0, mechanism NULL; the rest is zeros for both roles. */
static const uint8_t greeting[GREETING_LEN] = {
    0xff, [SIGNATURE_LEN - 1] = 0x7f, VERSION_MAJOR, 0, 'N', 'U', 'L', 'L',
};

/* Flags of a frame. */
#define FRAME_MORE 0x01
#define FRAME_LONG 0x02
#define FRAME_COMMAND 0x04
#define FRAME_SHORT_MAX 255
#define LONG_LEN 8

/* READY and its one property: the length of a name and the name, the length of the value in four
 * bytes and the value, which is the role. */
#define READY_NAME "\5READY"
#define SOCKET_TYPE_NAME "Socket-Type"
#define READY_HEAD READY_NAME "\13" SOCKET_TYPE_NAME "\0\0\0\3"
#define READY_LEN (sizeof(READY_HEAD "REQ") - 1)
static const char *const ready[] = {
    [PP_ZMTP_REQ] = READY_HEAD "REQ",
    [PP_ZMTP_REP] = READY_HEAD "REP",
};

struct frame {
    bool more;
    bool command;
    const char *data;
    size_t len;
    size_t whole_len; /* with its header */
};

void pp_zmtp_init(struct pp_zmtp *zmtp, enum pp_zmtp_role role) {
    zmtp->role = role;
    zmtp->stage = PP_ZMTP_GREETING;
    zmtp->body_len = 0;
}

static uint64_t big_endian(const char *data, size_t len) {
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | (uint8_t)data[i];
    return value;
}

static int put_frame(struct pp_buffer *out, uint8_t flags, const char *data, size_t len,
                     struct pp_err *err) {
    uint8_t header[1 + LONG_LEN] = {flags, (uint8_t)len};
    size_t header_len = 2;
    int rc;

    if (len > FRAME_SHORT_MAX) {
        header[0] |= FRAME_LONG;
        header_len = sizeof(header);
        for (size_t i = 0; i < LONG_LEN; i++)
            header[1 + i] = (uint8_t)((uint64_t)len >> (8 * (LONG_LEN - 1 - i)));
    }
    rc = pp_buffer_append(out, header, header_len, err);
    return rc < 0 ? rc : pp_buffer_append(out, data, len, err);
}

int pp_zmtp_put_opening(const struct pp_zmtp *zmtp, struct pp_buffer *out, struct pp_err *err) {
    int rc = pp_buffer_append(out, greeting, sizeof(greeting), err);

    return rc < 0 ? rc : put_frame(out, FRAME_COMMAND, ready[zmtp->role], READY_LEN, err);
}

int pp_zmtp_put_message(struct pp_buffer *out, const char *text, struct pp_err *err) {
    int rc = put_frame(out, FRAME_MORE, "", 0, err);

    return rc < 0 ? rc : put_frame(out, 0, text, strlen(text), err);
}

static int take_greeting(struct pp_channel *channel, struct pp_err *err) {
    const uint8_t *theirs = (const uint8_t *)channel->data;

    if (channel->len > 0 && theirs[0] != greeting[0])
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer does not speak ZMTP");
    if (channel->len < GREETING_LEN)
        return 0;
    if ((theirs[SIGNATURE_LEN - 1] & 1) == 0 || theirs[SIGNATURE_LEN] < VERSION_MAJOR)
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer does not speak ZMTP 3");
    if (memcmp(theirs + MECHANISM_AT, greeting + MECHANISM_AT, MECHANISM_LEN) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer wants another mechanism than NULL");
    pp_channel_consume(channel, GREETING_LEN);
    return 1;
}

/* Looks at the first frame. Returns 1, or 0 while it is not all there. */
static int peek_frame(const struct pp_channel *channel, struct frame *frame, struct pp_err *err) {
    size_t header_len;
    uint64_t len;

    if (channel->len < 1)
        return 0;
    header_len = (channel->data[0] & FRAME_LONG) != 0 ? 1 + LONG_LEN : 2;
    if (channel->len < header_len)
        return 0;
    len = big_endian(channel->data + 1, header_len - 1);
    if (len > PP_ZMTP_MESSAGE_MAX)
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer sends more than %d bytes at once",
                          PP_ZMTP_MESSAGE_MAX);
    if (channel->len < header_len + len)
        return 0;
    frame->more = (channel->data[0] & FRAME_MORE) != 0;
    frame->command = (channel->data[0] & FRAME_COMMAND) != 0;
    frame->data = channel->data + header_len;
    frame->len = (size_t)len;
    frame->whole_len = header_len + frame->len;
    return 1;
}

/* The value of READY's property Socket-Type; false when there is none. */
static bool ready_socket_type(const struct frame *frame, const char **type, size_t *type_len) {
    const char *at = frame->data + strlen(READY_NAME);
    const char *end = frame->data + frame->len;

    while (at < end) {
        size_t name_len = (uint8_t)*at++;
        const char *name = at;
        uint64_t value_len;

        if ((size_t)(end - at) < name_len + 4)
            return false;
        value_len = big_endian(name + name_len, 4);
        at = name + name_len + 4;
        if ((uint64_t)(end - at) < value_len)
            return false;
        if (name_len == strlen(SOCKET_TYPE_NAME) &&
            strncasecmp(name, SOCKET_TYPE_NAME, name_len) == 0) {
            *type = at;
            *type_len = (size_t)value_len;
            return true;
        }
        at += value_len;
    }
    return false;
}

static int check_ready(const struct pp_zmtp *zmtp, const struct frame *frame, struct pp_err *err) {
    const char *const partners[][2] = {
        [PP_ZMTP_REQ] = {"REP", "ROUTER"},
        [PP_ZMTP_REP] = {"REQ", "DEALER"},
    };
    const char *type;
    size_t type_len;

    if (!frame->command || frame->len < strlen(READY_NAME) ||
        memcmp(frame->data, READY_NAME, strlen(READY_NAME)) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "the peer refuses the connection");
    if (ready_socket_type(frame, &type, &type_len))
        for (size_t i = 0; i < PP_ARRAY_LEN(partners[0]); i++) {
            const char *partner = partners[zmtp->role][i];

            if (type_len == strlen(partner) && memcmp(type, partner, type_len) == 0)
                return 0;
        }
    return pp_err_set(err, PP_ERR_DAMAGED, "the peer's socket is not of type %s",
                      partners[zmtp->role][0]);
}

/* Returns as pp_zmtp_step, and 0 to go on with the next frame. */
static int take_frame(struct pp_zmtp *zmtp, const struct frame *frame, struct pp_err *err) {
    int rc;

    switch (zmtp->stage) {
    case PP_ZMTP_GREETING:
        break;
    case PP_ZMTP_HANDSHAKE:
        rc = check_ready(zmtp, frame, err);
        if (rc < 0)
            return rc;
        zmtp->stage = PP_ZMTP_DELIMITER;
        return 2;
    case PP_ZMTP_DELIMITER:
        if (frame->command)
            return 0;
        if (frame->len != 0 || !frame->more)
            return pp_err_set(err, PP_ERR_DAMAGED, "a message without its empty delimiter");
        zmtp->stage = PP_ZMTP_BODY;
        return 0;
    case PP_ZMTP_BODY:
        if (frame->command || frame->more)
            return pp_err_set(err, PP_ERR_DAMAGED, "a message of more than one part");
        memcpy(zmtp->body, frame->data, frame->len);
        zmtp->body_len = frame->len;
        zmtp->stage = PP_ZMTP_DELIMITER;
        return 1;
    }
    return 0;
}

int pp_zmtp_step(struct pp_zmtp *zmtp, struct pp_channel *channel, struct pp_err *err) {
    struct frame frame = {.len = 0};
    int rc;

    if (zmtp->stage == PP_ZMTP_GREETING) {
        rc = take_greeting(channel, err);
        if (rc <= 0)
            return rc;
        zmtp->stage = PP_ZMTP_HANDSHAKE;
    }
    while ((rc = peek_frame(channel, &frame, err)) > 0) {
        size_t whole_len = frame.whole_len;

        rc = take_frame(zmtp, &frame, err);
        if (rc < 0)
            return rc;
        pp_channel_consume(channel, whole_len);
        if (rc > 0)
            return rc;
    }
    return rc;
}
