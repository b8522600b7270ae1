/* pathpatch listen: receives as an app does, for people who write apps. */
#include "base/sandbox.h"
#include "cli/command.h"
#include "cli/options.h"
#include "notify/receiver.h"

#include <stdio.h>

struct listen_request {
    struct pp_options common;
    const char *address; /* borrowed */
    bool once;
};

/* One line; what is not printable as \n or \xNN, so that no peer can write to the terminal. */
static void print_text(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte == '\n')
            fputs("\\n", stdout);
        else if (byte < 0x20 || byte > 0x7e)
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
    putchar('\n');
}

static int print_message(void *data, const struct pp_receipt *receipt, struct pp_err *err) {
    const struct listen_request *request = data;

    print_text(receipt->text, receipt->len);
    /* It is acknowledged only when it has arrived. */
    if (fflush(stdout) != 0)
        return pp_err_sys(err, "cannot write to standard output");
    return request->once && receipt->is_last ? 1 : 0;
}

static void print_refusal(void *data, const struct pp_err *why) {
    const struct listen_request *request = data;

    fprintf(stderr, "pathpatch: %s: refused: %s\n", request->address, why->text);
}

static int receive(struct listen_request *request, struct pp_err *err) {
    const struct pp_receiver_handler handler = {print_message, print_refusal, request};
    struct pp_receiver_options options = {
        .peers = {request->common.notify.peer_uids, request->common.notify.peer_uid_count},
    };
    struct pp_receiver *receiver;
    int rc = pp_notify_options_address(request->address, &options.address, err);

    if (rc >= 0)
        rc = pp_notify_options_token(&request->common.notify, &options.token, err);
    if (rc < 0)
        return rc;
    receiver = pp_receiver_new(&options, err);
    if (receiver == NULL)
        return pp_err_context(err, "%s", request->address);
    /* Connections are taken from the socket that is there. */
    pp_sandbox_enter(&(struct pp_sandbox){.folders = NULL});
    rc = pp_receiver_run(receiver, &handler, err);
    pp_receiver_free(receiver);
    return rc;
}

static int run_listen(int argc, char **argv) {
    struct listen_request request = {.once = false};
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&request.common);
    rc = pp_options_parse(&request.common, &pp_command_listen, &request, argc, argv, &err);
    if (rc > 0) {
        request.address = request.common.arguments[0];
        rc = receive(&request, &err);
    }
    pp_options_done(&request.common);
    return rc < 0 ? pp_command_fail(&err) : PP_EXIT_DONE;
}

static const struct pp_option own_options[] = {
    {"once", NULL, "end after the first complete or failed", pp_take_flag,
     .offset = offsetof(struct listen_request, once)},
    {0},
};

const struct pp_command pp_command_listen = {
    .name = "listen",
    .summary = "receive as an app does",
    .arguments = "ADDRESS",
    .description =
        "Prints a line a message that comes to ADDRESS, and acknowledges it. ADDRESS is\n"
        "@name, @name,pad, sd:@name or zmq:@name.",
    .takes = PP_TAKES_PEER,
    .options = own_options,
    .argument_min = 1,
    .argument_max = 1,
    .run = run_listen,
};
