/* pathpatch notify: tells an app by hand, or again. */
#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/notify_options.h"
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    OPTION_TYPE = 1,
    OPTION_STATUS,
    OPTION_RESEND,
};

static const struct option long_options[] = {
    PP_COMMON_LONG_OPTIONS,
    PP_NOTIFY_LONG_OPTIONS,
    {"type", required_argument, NULL, OPTION_TYPE},
    {"status", required_argument, NULL, OPTION_STATUS},
    {"resend", no_argument, NULL, OPTION_RESEND},
    {0},
};

static const char usage[] =
    "usage: pathpatch notify ADDRESS [OPTION]...\n"
    "\n"
    "Tells the app at ADDRESS that a run is complete: @name, @name,pad, sd:@name,\n"
    "NOTIFY_SOCKET or zmq:@name.\n"
    "\n"
    "  --type TYPE               complete (default) or failed\n"
    "  --status N                exit status of the run that failed, 1 to 255 (default 3)\n"
    "  --resend                  send what the spool holds instead\n"
    "  --state DIR               keep what is not delivered in DIR/spool; without it, where\n"
    "                            the table says, if that folder is there\n"
    "  --token-file FILE         a secret shared with the app: 32 bytes or more, mode 0600\n"
    "  --token-fd N              the same, from an open file\n"
    "  --peer-uid UID            trust this user besides ourselves; may be repeated\n"
    "  --notify-timeout SECONDS  for the whole delivery (default 5)\n"
    "  --payload TEXT            zmq: what to send (default green_flag)\n"
    "  --expect TEXT             zmq: the reply that counts (default ACK)\n"
    "  --root DIR, --table FILE, -n, --json, --quiet\n";

struct notify_request {
    struct pp_options common;
    struct pp_notify_options options;
    const char *address;
    enum pp_message_type type;
    int status; /* 0: not given */
    bool resend;
};

static int take_status(struct notify_request *request, const char *text, struct pp_err *err) {
    char *end;
    long status = strtol(text, &end, 10);

    if (end == text || *end != '\0' || status < 1 || status > 255)
        return pp_err_set(err, PP_ERR_USAGE, "--status: give it 1 to 255, not '%s'", text);
    request->status = (int)status;
    return 0;
}

static int take_option(struct notify_request *request, int opt, struct pp_err *err) {
    int rc = pp_options_take(&request->common, opt, optarg, err);

    if (rc == 0)
        rc = pp_notify_options_take(&request->options, opt, optarg, err);
    if (rc != 0)
        return rc;
    switch (opt) {
    case OPTION_TYPE:
        if (strcmp(optarg, pp_message_type_name(PP_MESSAGE_FAILED)) == 0)
            request->type = PP_MESSAGE_FAILED;
        else if (strcmp(optarg, pp_message_type_name(PP_MESSAGE_COMPLETE)) == 0)
            request->type = PP_MESSAGE_COMPLETE;
        else
            return pp_err_set(err, PP_ERR_USAGE, "--type: complete or failed, not '%s'", optarg);
        return 0;
    case OPTION_STATUS:
        return take_status(request, optarg, err);
    case OPTION_RESEND:
        request->resend = true;
        return 0;
    default:
        return pp_err_set(err, PP_ERR_USAGE, "see pathpatch notify --help");
    }
}

static int parse(struct notify_request *request, int argc, char **argv, struct pp_err *err) {
    int opt;
    int rc = 0;

    while (rc >= 0 &&
           (opt = getopt_long(argc, argv, PP_COMMON_SHORT_OPTIONS, long_options, NULL)) != -1)
        rc = take_option(request, opt, err);
    if (rc < 0 || request->common.help)
        return rc;
    if (argc - optind != 1)
        return pp_err_set(err, PP_ERR_USAGE, "notify: give it one ADDRESS");
    request->address = argv[optind];
    if (request->status != 0 && request->type != PP_MESSAGE_FAILED)
        return pp_err_set(err, PP_ERR_USAGE, "--status goes with --type failed");
    if (request->type == PP_MESSAGE_FAILED && request->status == 0)
        request->status = PP_EXIT_FAILURE;
    return 0;
}

/* Opens the spool. Returns 1, or 0 when there is no state folder and none was asked for. */
static int open_outbox(const struct pp_session_options *options, struct pp_outbox *outbox,
                       struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    PP_AUTO_CLOSE int fd = -1;
    const char *state = options->state;
    int rc;

    if (state != NULL && mkdir(state, 0700) < 0 && errno != EEXIST)
        return pp_err_sys(err, "%s: cannot make the folder", state);
    if (state == NULL) {
        rc = pp_session_open(&session, options, err);
        if (rc < 0)
            return rc;
        state = session.state;
    }
    fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && options->state == NULL && (errno == ENOENT || errno == EACCES))
        return 0;
    if (fd < 0)
        return pp_err_sys(err, "%s: cannot open", state);
    rc = pp_outbox_open(outbox, fd, err);
    return rc < 0 ? pp_err_context(err, "%s", state) : 1;
}

static void print_delivered(const struct notify_request *request, size_t count) {
    if (request->common.json)
        printf("{\"type\":\"summary\",\"command\":\"notify\",\"delivered\":%zu}\n", count);
    else if (request->resend && !request->common.quiet)
        printf("%zu delivered\n", count);
}

static int send_with(const struct notify_request *request, struct pp_notifier *notifier,
                     struct pp_err *err) {
    size_t count = 0;
    int rc;

    if (request->resend)
        rc = pp_notifier_resend(notifier, &count, err);
    else
        rc = pp_notifier_deliver(notifier, request->type, request->status, 0, 0, err);
    if (rc >= 0 && !request->resend)
        count = 1;
    print_delivered(request, count);
    if (rc < 0)
        return pp_err_context(err, "%s", request->address);
    if (!pp_notifier_has_proof(notifier) && !request->common.quiet)
        fprintf(stderr,
                "pathpatch: %s: sent; the receiver is unauthenticated and does not answer\n",
                request->address);
    return 0;
}

static int notify(struct notify_request *request, struct pp_err *err) {
    PP_AUTO_OUTBOX struct pp_outbox outbox = PP_OUTBOX_INIT;
    struct pp_notifier *notifier;
    char run[PP_RUN_LEN + 1];
    int has_outbox = 0;
    int rc = pp_run_new(run, err);

    if (rc == 0 && !request->common.dry_run)
        rc = has_outbox = open_outbox(&request->common.session, &outbox, err);
    if (rc < 0)
        return rc;
    if (request->resend && !request->common.dry_run && has_outbox == 0)
        return pp_err_set(err, PP_ERR_USAGE, "there is no spool: say where with --state DIR");
    notifier = pp_notify_options_open(&request->options, request->address,
                                      has_outbox > 0 ? &outbox : NULL, run, err);
    if (notifier == NULL)
        return -(int)err->kind;
    rc = request->common.dry_run ? 0 : send_with(request, notifier, err);
    pp_notifier_free(notifier);
    return rc;
}

static int run_notify(int argc, char **argv) {
    struct notify_request request = {.type = PP_MESSAGE_COMPLETE};
    struct pp_err err = PP_ERR_INIT;
    struct pp_output output;
    int status = PP_EXIT_DONE;
    int rc;

    pp_options_init(&request.common);
    /* Telling does not depend on what this root was patched with. */
    request.common.session.revalue = true;
    pp_notify_options_init(&request.options);
    rc = parse(&request, argc, argv, &err);
    pp_output_init(&output, &request.common, argv[0]);
    if (rc >= 0 && request.common.help)
        fputs(usage, stdout);
    else if (rc >= 0)
        rc = notify(&request, &err);
    if (rc < 0)
        status = pp_output_fail(&output, &err);
    pp_notify_options_done(&request.options);
    pp_options_done(&request.common);
    return status;
}

const struct pp_command pp_command_notify = {
    .name = "notify", .summary = "tell an app that a run has ended", .run = run_notify};
