/* pathpatch listen: receives as an app does, for people who write apps. */
#include "cli/command.h"
#include "cli/notify_options.h"
#include "notify/receiver.h"

#include <stdio.h>

enum {
    OPTION_ONCE = 1,
    OPTION_HELP,
};

static const struct option long_options[] = {
    PP_PEER_LONG_OPTIONS,
    {"once", no_argument, NULL, OPTION_ONCE},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static const char usage[] =
    "usage: pathpatch listen ADDRESS [OPTION]...\n"
    "\n"
    "Prints a line a message that comes to ADDRESS, and acknowledges it: @name, @name,pad,\n"
    "sd:@name or zmq:@name.\n"
    "\n"
    "  --once             end after the first complete or failed\n"
    "  --token-file FILE  a secret shared with the sender: 32 bytes or more, mode 0600\n"
    "  --token-fd N       the same, from an open file\n"
    "  --peer-uid UID     trust this user besides ourselves; may be repeated\n";

struct listen_request {
    struct pp_notify_options options;
    const char *address;
    bool once;
    bool help;
};

static int parse(struct listen_request *request, int argc, char **argv, struct pp_err *err) {
    int opt;

    while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        int rc = pp_notify_options_take(&request->options, opt, optarg, err);

        if (rc < 0)
            return rc;
        if (opt == OPTION_ONCE)
            request->once = true;
        else if (opt == OPTION_HELP)
            request->help = true;
        else if (rc == 0)
            return pp_err_set(err, PP_ERR_USAGE, "see pathpatch listen --help");
    }
    if (!request->help && argc - optind != 1)
        return pp_err_set(err, PP_ERR_USAGE, "listen: give it one ADDRESS");
    request->address = argv[optind];
    return 0;
}

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
        .peers = {request->options.peer_uids, request->options.peer_uid_count},
    };
    struct pp_receiver *receiver;
    int rc = pp_notify_options_address(request->address, &options.address, err);

    if (rc >= 0)
        rc = pp_notify_options_token(&request->options, &options.token, err);
    if (rc < 0)
        return rc;
    receiver = pp_receiver_new(&options, err);
    if (receiver == NULL)
        return pp_err_context(err, "%s", request->address);
    rc = pp_receiver_run(receiver, &handler, err);
    pp_receiver_free(receiver);
    return rc;
}

static int run_listen(int argc, char **argv) {
    struct listen_request request = {.once = false};
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_notify_options_init(&request.options);
    rc = parse(&request, argc, argv, &err);
    if (rc >= 0 && request.help)
        fputs(usage, stdout);
    else if (rc >= 0)
        rc = receive(&request, &err);
    pp_notify_options_done(&request.options);
    return rc < 0 ? pp_command_fail(&err) : PP_EXIT_DONE;
}

const struct pp_command pp_command_listen = {
    .name = "listen", .summary = "receive as an app does", .run = run_listen};
