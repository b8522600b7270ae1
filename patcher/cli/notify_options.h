/* What the options say of whom to tell, and how; for every command that takes an address. */
#ifndef PP_CLI_NOTIFY_OPTIONS_H
#define PP_CLI_NOTIFY_OPTIONS_H

#include "base/buffer.h"
#include "base/error.h"
#include "cli/option.h"
#include "notify/notifier.h"
#include "values/envfile.h"

#define PP_NOTIFY_PEER_UIDS_MAX 16

struct pp_notify_options {
    const char *address; /* of --notify; NULL: none. Borrowed, as all texts here */
    const char *token_file;
    int token_fd; /* -1: none */
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

/* For the table of options; `place` is a struct pp_notify_options. */
int pp_notify_take_peer_uid(const struct pp_option *option, const char *value, void *place,
                            struct pp_err *err);
int pp_notify_take_timeout(const struct pp_option *option, const char *value, void *place,
                           struct pp_err *err);

/* The same as lines of an env-file, for runs of the hook to come. PP_ERR_USAGE: a token that they
 * could not read again, or a text that a line cannot hold. */
int pp_notify_options_put(const struct pp_notify_options *options, struct pp_buffer *text,
                          struct pp_err *err);
/* And back, where the options name no address. Texts are borrowed from the file. */
int pp_notify_options_get(struct pp_notify_options *options, const struct pp_envfile *file,
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
