#include "cli/notify_options.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTIFY_SOCKET "NOTIFY_SOCKET"
#define TIMEOUT_MAX_S 86400.0

/* Lines of an env-file. */
#define KEY_ADDRESS "PATHPATCH_NOTIFY"
#define KEY_TOKEN_FILE "PATHPATCH_NOTIFY_TOKEN_FILE"
#define KEY_PEER_UIDS "PATHPATCH_NOTIFY_PEER_UIDS"
#define KEY_PAYLOAD "PATHPATCH_NOTIFY_PAYLOAD"
#define KEY_EXPECT "PATHPATCH_NOTIFY_EXPECT"

void pp_notify_options_init(struct pp_notify_options *options) {
    memset(options, 0, sizeof(*options));
    options->token_fd = -1;
}

void pp_notify_options_done(struct pp_notify_options *options) {
    pp_token_wipe(&options->token);
}

int pp_notify_take_peer_uid(const struct pp_option *option, const char *value, void *place,
                            struct pp_err *err) {
    struct pp_notify_options *options = place;

    if (options->peer_uid_count == PP_NOTIFY_PEER_UIDS_MAX)
        return pp_err_set(err, PP_ERR_USAGE, "--%s: no more than %d of them", option->name,
                          PP_NOTIFY_PEER_UIDS_MAX);
    if (pp_take_number(option, value, &options->peer_uids[options->peer_uid_count], err) < 0)
        return -(int)err->kind;
    options->peer_uid_count++;
    return 0;
}

int pp_notify_take_timeout(const struct pp_option *option, const char *value, void *place,
                           struct pp_err *err) {
    struct pp_notify_options *options = place;
    char *end;
    double seconds = strtod(value, &end);

    /* Written so that a NaN is refused too. */
    if (end == value || *end != '\0' || !(seconds >= 0.001 && seconds <= TIMEOUT_MAX_S))
        return pp_err_set(err, PP_ERR_USAGE, "--%s: give it seconds, 0.001 to %.0f, not '%s'",
                          option->name, TIMEOUT_MAX_S, value);
    options->timeout_ms = (int64_t)(seconds * 1000);
    return 0;
}

/* ---- an env-file ---- */

static int put_line(struct pp_buffer *text, const char *key, const char *value,
                    struct pp_err *err) {
    int rc;

    if (value == NULL)
        return 0;
    if (value[strcspn(value, "'\n")] != '\0')
        return pp_err_set(err, PP_ERR_USAGE,
                          "--notify-dpkg: %s cannot be noted with a quote or a line break in it",
                          key);
    rc = pp_buffer_printf(text, err, "%s=", key);
    if (rc >= 0)
        rc = pp_buffer_append_word(text, value, err);
    return rc < 0 ? rc : pp_buffer_append(text, "\n", 1, err);
}

int pp_notify_options_put(const struct pp_notify_options *options, struct pp_buffer *text,
                          struct pp_err *err) {
    PP_AUTO_FREE char *token_file =
        options->token_file != NULL ? realpath(options->token_file, NULL) : NULL;
    PP_AUTO_BUFFER struct pp_buffer uids = PP_BUFFER_INIT;
    int rc = 0;

    if (options->token_fd >= 0)
        return pp_err_set(err, PP_ERR_USAGE,
                          "--notify-dpkg: the token will be read again; give it by --token-file");
    if (options->token_file != NULL && token_file == NULL)
        return pp_err_sys(err, "%s: cannot find it", options->token_file);
    for (size_t i = 0; rc >= 0 && i < options->peer_uid_count; i++)
        rc = pp_buffer_printf(&uids, err, "%s%lu", i > 0 ? " " : "",
                              (unsigned long)options->peer_uids[i]);
    if (rc >= 0)
        rc = put_line(text, KEY_ADDRESS, options->address, err);
    if (rc >= 0)
        rc = put_line(text, KEY_TOKEN_FILE, token_file, err);
    if (rc >= 0)
        rc = put_line(text, KEY_PEER_UIDS, (const char *)uids.data, err);
    if (rc >= 0)
        rc = put_line(text, KEY_PAYLOAD, options->payload, err);
    return rc < 0 ? rc : put_line(text, KEY_EXPECT, options->expect, err);
}

static int get_peer_uids(struct pp_notify_options *options, const char *text, struct pp_err *err) {
    while (*text != '\0') {
        char *end;
        unsigned long uid = strtoul(text, &end, 10);

        if (*text < '0' || *text > '9' || (*end != '\0' && *end != ' ') || uid > UINT32_MAX - 1 ||
            options->peer_uid_count == PP_NOTIFY_PEER_UIDS_MAX)
            return pp_err_set(err, PP_ERR_USAGE, KEY_PEER_UIDS ": '%s' is no list of users", text);
        options->peer_uids[options->peer_uid_count++] = (uid_t)uid;
        text = end + strspn(end, " ");
    }
    return 0;
}

int pp_notify_options_get(struct pp_notify_options *options, const struct pp_envfile *file,
                          struct pp_err *err) {
    const char *uids = pp_envfile_get(file, KEY_PEER_UIDS);

    if (options->address != NULL)
        return 0;
    options->address = pp_envfile_get(file, KEY_ADDRESS);
    options->token_file = pp_envfile_get(file, KEY_TOKEN_FILE);
    options->payload = pp_envfile_get(file, KEY_PAYLOAD);
    options->expect = pp_envfile_get(file, KEY_EXPECT);
    return uids != NULL ? get_peer_uids(options, uids, err) : 0;
}

/* ---- what they say ---- */

int pp_notify_options_address(const char *text, struct pp_address *address, struct pp_err *err) {
    const char *socket = NULL;
    char named[sizeof("sd:") + PP_ADDRESS_NAME_MAX + 1];
    const char *real = text;
    int rc;

    if (strcmp(text, NOTIFY_SOCKET) == 0) {
        socket = getenv(NOTIFY_SOCKET);
        if (socket == NULL || strlen(socket) > PP_ADDRESS_NAME_MAX + 1)
            return pp_err_set(err, PP_ERR_ADDRESS, "the environment has no usable " NOTIFY_SOCKET);
        snprintf(named, sizeof(named), "sd:%s", socket);
        real = named;
    }
    rc = pp_address_parse(address, real, err);
    return rc < 0 ? pp_err_context(err, "%s", text) : 0;
}

int pp_notify_options_token(struct pp_notify_options *options, const struct pp_token **token,
                            struct pp_err *err) {
    int rc = 0;

    *token = NULL;
    if (options->token_file != NULL && options->token_fd >= 0)
        return pp_err_set(err, PP_ERR_USAGE, "--token-file and --token-fd: give one of them");
    if (options->token_file != NULL)
        rc = pp_token_read_file(&options->token, options->token_file, err);
    else if (options->token_fd >= 0)
        rc = pp_token_read_fd(&options->token, options->token_fd, err);
    else
        return 0;
    if (rc == 0)
        *token = &options->token;
    return rc;
}

struct pp_notifier *pp_notify_options_open(struct pp_notify_options *options,
                                           const char *address_text, const struct pp_outbox *outbox,
                                           const char *run, struct pp_err *err) {
    struct pp_notifier_options notifier = {
        .run = run,
        .peers = {options->peer_uids, options->peer_uid_count},
        .timeout_ms = options->timeout_ms,
        .outbox = outbox,
        .payload = options->payload,
        .expect = options->expect,
    };

    if (pp_notify_options_address(address_text, &notifier.address, err) < 0 ||
        pp_notify_options_token(options, &notifier.token, err) < 0)
        return NULL;
    return pp_notifier_new(&notifier, err);
}
