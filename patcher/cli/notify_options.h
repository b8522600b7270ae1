/* The options that say whom to tell, and how; for every command that takes an address.
 *
 *     static const struct option long_options[] = {PP_NOTIFY_LONG_OPTIONS, {...}, {0}};
 *     while ((opt = getopt_long(...)) != -1)
 *         if ((rc = pp_notify_options_take(&options, opt, optarg, err)) == 0) ... one of its own
 */
#ifndef PP_CLI_NOTIFY_OPTIONS_H
#define PP_CLI_NOTIFY_OPTIONS_H

#include "base/error.h"
#include "notify/notifier.h"

#include <getopt.h>

#define PP_NOTIFY_PEER_UIDS_MAX 16

/* What getopt_long gives back for them. */
enum pp_notify_option {
    PP_NOTIFY_OPTION_TOKEN_FILE = 0x200,
    PP_NOTIFY_OPTION_TOKEN_FD,
    PP_NOTIFY_OPTION_PEER_UID,
    PP_NOTIFY_OPTION_TIMEOUT,
    PP_NOTIFY_OPTION_PAYLOAD,
    PP_NOTIFY_OPTION_EXPECT,
};

/* Those about who the peer is, which a receiver takes too. */
#define PP_PEER_LONG_OPTIONS                                                                       \
    {"token-file", required_argument, NULL, PP_NOTIFY_OPTION_TOKEN_FILE},                          \
        {"token-fd", required_argument, NULL, PP_NOTIFY_OPTION_TOKEN_FD}, {                        \
        "peer-uid", required_argument, NULL, PP_NOTIFY_OPTION_PEER_UID                             \
    }
#define PP_NOTIFY_LONG_OPTIONS                                                                     \
    PP_PEER_LONG_OPTIONS, {"notify-timeout", required_argument, NULL, PP_NOTIFY_OPTION_TIMEOUT},   \
        {"payload", required_argument, NULL, PP_NOTIFY_OPTION_PAYLOAD}, {                          \
        "expect", required_argument, NULL, PP_NOTIFY_OPTION_EXPECT                                 \
    }

struct pp_notify_options {
    const char *token_file; /* borrowed, as all texts here */
    int token_fd;           /* -1: none */
    uid_t peer_uids[PP_NOTIFY_PEER_UIDS_MAX];
    size_t peer_uid_count;
    int64_t timeout_ms; /* 0: the default */
    const char *payload;
    const char *expect;
    struct pp_token token; /* once it is read */
};

void pp_notify_options_init(struct pp_notify_options *options);
/* Wipes the token. */
void pp_notify_options_done(struct pp_notify_options *options);
#define PP_AUTO_NOTIFY_OPTIONS PP_AUTO(pp_notify_options_done)

/* Takes an option. Returns 1, 0 when it is none of these, or PP_ERR_USAGE. */
int pp_notify_options_take(struct pp_notify_options *options, int opt, const char *value,
                           struct pp_err *err);

/* Reads the address; NOTIFY_SOCKET stands for the socket that this environment variable names. */
int pp_notify_options_address(const char *text, struct pp_address *address, struct pp_err *err);
/* Reads the token, when there is one: NULL in `token` when there is none. */
int pp_notify_options_token(struct pp_notify_options *options, const struct pp_token **token,
                            struct pp_err *err);

/* A notifier for `address_text`, which borrows from the options. NULL and `err` when something does
 * not fit. `outbox` (NULL: none) and `run` are borrowed too. */
struct pp_notifier *pp_notify_options_open(struct pp_notify_options *options,
                                           const char *address_text, const struct pp_outbox *outbox,
                                           const char *run, struct pp_err *err);

#endif
