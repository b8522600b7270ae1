#include "notify/message.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/secret.h"

#include <string.h>

static const char *const type_names[] = {
    [PP_MESSAGE_START] = "start",
    [PP_MESSAGE_PROGRESS] = "progress",
    [PP_MESSAGE_COMPLETE] = "complete",
    [PP_MESSAGE_FAILED] = "failed",
};

#define STATUS_MAX 255

int pp_run_new(char run[PP_RUN_LEN + 1], struct pp_err *err) {
    uint8_t bytes[PP_RUN_LEN / 2];
    int rc = pp_secret_random(bytes, sizeof(bytes), err);

    if (rc < 0)
        return rc;
    pp_hex(bytes, sizeof(bytes), run);
    return 0;
}

bool pp_run_valid(const char *run) {
    return strspn(run, "0123456789abcdef") == PP_RUN_LEN && run[PP_RUN_LEN] == '\0';
}

const char *pp_message_type_name(enum pp_message_type type) {
    return type_names[type];
}

bool pp_message_is_last(const struct pp_message *message) {
    return message->type == PP_MESSAGE_COMPLETE || message->type == PP_MESSAGE_FAILED;
}

int pp_json_write(json_t *object, char json[PP_LINE_MAX], struct pp_err *err) {
    size_t len;

    if (object == NULL)
        return pp_err_nomem(err);
    len = json_dumpb(object, json, PP_LINE_MAX, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    if (len == 0)
        return pp_err_nomem(err);
    if (len >= PP_LINE_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "message is longer than %d bytes", PP_LINE_MAX - 1);
    json[len] = '\0';
    return (int)len;
}

json_t *pp_json_read(const char *json, size_t len, struct pp_err *err) {
    json_error_t error;
    json_t *object;

    for (size_t i = 0; i < len; i++)
        if (json[i] < 0x20 || json[i] > 0x7e) {
            pp_err_set(err, PP_ERR_DAMAGED, "message holds bytes that are not printable ASCII");
            return NULL;
        }
    object = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        pp_err_set(err, PP_ERR_DAMAGED, "message is not a JSON object");
        return NULL;
    }
    return object;
}

int pp_json_version(const json_t *object, struct pp_err *err) {
    const json_t *version = json_object_get(object, "v");

    if (!json_is_integer(version))
        return pp_err_set(err, PP_ERR_DAMAGED, "message has no version");
    if (json_integer_value(version) != PP_PROTOCOL_VERSION)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "message is of protocol %lld, not of %d",
                          (long long)json_integer_value(version), PP_PROTOCOL_VERSION);
    return 0;
}

bool pp_json_run(const json_t *object, char run[PP_RUN_LEN + 1]) {
    const char *text = json_string_value(json_object_get(object, "run"));

    if (text == NULL || !pp_run_valid(text))
        return false;
    memcpy(run, text, PP_RUN_LEN + 1);
    return true;
}

bool pp_json_number(const json_t *object, const char *key, int64_t max, int64_t *value) {
    const json_t *number = json_object_get(object, key);

    if (!json_is_integer(number) || json_integer_value(number) < 0 ||
        json_integer_value(number) > max)
        return false;
    *value = json_integer_value(number);
    return true;
}

int pp_message_encode(const struct pp_message *message, char json[PP_LINE_MAX],
                      struct pp_err *err) {
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:I}", "v", PP_PROTOCOL_VERSION, "type",
                  type_names[message->type], "run", message->run, "seq", (json_int_t)message->seq);
    int rc = object == NULL ? -1 : 0;

    if (rc == 0 && pp_message_is_last(message))
        rc = json_object_set_new(object, "status", json_integer(message->status));
    if (rc == 0 && message->type != PP_MESSAGE_START) {
        rc |= json_object_set_new(object, "files", json_integer(message->files));
        rc |= json_object_set_new(object, "patched", json_integer(message->patched));
    }
    if (rc < 0) {
        json_decref(object);
        object = NULL;
    }
    return pp_json_write(object, json, err);
}

static bool type_read(const json_t *object, enum pp_message_type *type) {
    const char *name = json_string_value(json_object_get(object, "type"));

    for (size_t i = 0; name != NULL && i < PP_ARRAY_LEN(type_names); i++)
        if (strcmp(name, type_names[i]) == 0) {
            *type = (enum pp_message_type)i;
            return true;
        }
    return false;
}

static int message_read(struct pp_message *message, const json_t *object, struct pp_err *err) {
    int64_t status = 0;
    bool sound;
    int rc = pp_json_version(object, err);

    if (rc < 0)
        return rc;
    if (message->run[0] == '\0')
        return pp_err_set(err, PP_ERR_DAMAGED, "message has no sound run and seq");
    if (!type_read(object, &message->type))
        return pp_err_set(err, PP_ERR_DAMAGED, "message is of no known type");
    sound = !pp_message_is_last(message) || pp_json_number(object, "status", STATUS_MAX, &status);
    if (message->type != PP_MESSAGE_START)
        sound = sound && pp_json_number(object, "files", INT64_MAX, &message->files) &&
                pp_json_number(object, "patched", INT64_MAX, &message->patched);
    if (!sound)
        return pp_err_set(err, PP_ERR_DAMAGED, "message lacks a field of its type");
    message->status = (int)status;
    return 0;
}

int pp_message_decode(struct pp_message *message, const char *json, size_t len,
                      struct pp_err *err) {
    json_t *object = pp_json_read(json, len, err);
    int rc;

    memset(message, 0, sizeof(*message));
    if (object == NULL)
        return -(int)err->kind;
    if (!pp_json_number(object, "seq", INT64_MAX, &message->seq) ||
        !pp_json_run(object, message->run))
        message->run[0] = '\0';
    rc = message_read(message, object, err);
    json_decref(object);
    return rc;
}
