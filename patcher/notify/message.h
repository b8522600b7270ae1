/* The messages of protocol 1: what the patcher tells the app.
 *
 * One JSON object, ASCII only, on one line ended by LF:
 *
 *     {"v":1,"type":"complete","run":"<32 hex>","seq":7,"status":0,"files":4132,"patched":977}
 *
 * `start` and `progress` are not answered; `complete` and `failed` are (reply.h).
 */
#ifndef PP_NOTIFY_MESSAGE_H
#define PP_NOTIFY_MESSAGE_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_PROTOCOL_VERSION 1
/* A line, with its LF and with the MAC that a token adds. */
#define PP_LINE_MAX 4096
/* A run id: 16 random bytes as lower-case hex. */
#define PP_RUN_LEN 32

enum pp_message_type {
    PP_MESSAGE_START,
    PP_MESSAGE_PROGRESS,
    PP_MESSAGE_COMPLETE,
    PP_MESSAGE_FAILED,
};

struct pp_message {
    enum pp_message_type type;
    char run[PP_RUN_LEN + 1];
    int64_t seq;     /* grows within a run */
    int status;      /* exit status, 0 to 255; complete and failed */
    int64_t files;   /* files looked at so far; all but start */
    int64_t patched; /* files changed so far; all but start */
};

/* A new run id. */
int pp_run_new(char run[PP_RUN_LEN + 1], struct pp_err *err);
bool pp_run_valid(const char *run);

const char *pp_message_type_name(enum pp_message_type type);
/* Is it one that ends a run, and is answered? */
bool pp_message_is_last(const struct pp_message *message);

/* Writes the JSON, NUL-terminated, without LF. Returns its length. */
int pp_message_encode(const struct pp_message *message, char json[PP_LINE_MAX], struct pp_err *err);

/* Reads the JSON of `len` bytes. Fields that are unknown are skipped. PP_ERR_UNSUPPORTED: another
 * version of the protocol; PP_ERR_DAMAGED: anything else that is wrong. Even then `run` and `seq`
 * are set when they could be read, else `run` is empty. */
int pp_message_decode(struct pp_message *message, const char *json, size_t len, struct pp_err *err);

/* The steps that messages and replies share.
 * Writes the object, which it lets go of; NULL is out of memory. */
int pp_json_write(json_t *object, char json[PP_LINE_MAX], struct pp_err *err);
/* The object in `len` bytes of printable ASCII, or NULL and PP_ERR_DAMAGED. */
json_t *pp_json_read(const char *json, size_t len, struct pp_err *err);
/* Is "v" our version? PP_ERR_UNSUPPORTED when it is another. */
int pp_json_version(const json_t *object, struct pp_err *err);
/* A run id or a number from 0 to `max`; false when it is missing or something else. */
bool pp_json_run(const json_t *object, char run[PP_RUN_LEN + 1]);
bool pp_json_number(const json_t *object, const char *key, int64_t max, int64_t *value);

#endif
