#include "cli/notify_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTIFY_SOCKET "NOTIFY_SOCKET"
#define TIMEOUT_MAX_S 86400.0

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
