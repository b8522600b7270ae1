#include "cli/notify_options.h"

#include "base/cleanup.h"

#include <errno.h>
#include <limits.h>
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

static int take_number(const char *name, const char *text, unsigned long max, unsigned long *value,
                       struct pp_err *err) {
    char *end;

    errno = 0;
    *value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *value > max)
        return pp_err_set(err, PP_ERR_USAGE, "--%s: give it a number from 0 to %lu, not '%s'", name,
                          max, text);
    return 1;
}

static int take_timeout(struct pp_notify_options *options, const char *text, struct pp_err *err) {
    char *end;
    double seconds = strtod(text, &end);

    /* Written so that a NaN is refused too. */
    if (end == text || *end != '\0' || !(seconds >= 0.001 && seconds <= TIMEOUT_MAX_S))
        return pp_err_set(err, PP_ERR_USAGE, "--notify-timeout: give it seconds, not '%s'", text);
    options->timeout_ms = (int64_t)(seconds * 1000);
    return 1;
}

int pp_notify_options_take(struct pp_notify_options *options, int opt, const char *value,
                           struct pp_err *err) {
    unsigned long number;
    int rc = 1;

    switch (opt) {
    case PP_NOTIFY_OPTION_TOKEN_FILE:
        options->token_file = value;
        break;
    case PP_NOTIFY_OPTION_TOKEN_FD:
        rc = take_number("token-fd", value, INT_MAX, &number, err);
        if (rc > 0)
            options->token_fd = (int)number;
        break;
    case PP_NOTIFY_OPTION_PEER_UID:
        rc = take_number("peer-uid", value, UINT32_MAX - 1, &number, err);
        if (rc > 0 && options->peer_uid_count == PP_NOTIFY_PEER_UIDS_MAX)
            rc = pp_err_set(err, PP_ERR_USAGE, "--peer-uid: no more than %d of them",
                            PP_NOTIFY_PEER_UIDS_MAX);
        if (rc > 0)
            options->peer_uids[options->peer_uid_count++] = (uid_t)number;
        break;
    case PP_NOTIFY_OPTION_TIMEOUT:
        rc = take_timeout(options, value, err);
        break;
    case PP_NOTIFY_OPTION_PAYLOAD:
        options->payload = value;
        break;
    case PP_NOTIFY_OPTION_EXPECT:
        options->expect = value;
        break;
    default:
        rc = 0;
    }
    return rc;
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
