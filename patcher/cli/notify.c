/* pathpatch notify: tells an app by hand, or again. */
#include "base/cleanup.h"
#include "base/sandbox.h"
#include "cli/announcer.h"
#include "cli/command.h"
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct notify_request {
    struct pp_options common;
    struct pp_output output;
    const char *address;                      /* borrowed */
    enum { TYPE_COMPLETE, TYPE_FAILED } type; /* the words of --type */
    int status;                               /* 0: not given */
    bool resend;
};

static int check(struct notify_request *request, struct pp_err *err) {
    request->address = request->common.arguments[0];
    if (request->status != 0 && request->type != TYPE_FAILED)
        return pp_err_set(err, PP_ERR_USAGE, "--status: it goes with --type failed");
    if (request->type == TYPE_FAILED && request->status == 0)
        request->status = PP_EXIT_FAILURE;
    return 0;
}

/* Opens the spool. Returns 1, or 0 when there is no state folder and none was asked for. */
static int open_outbox(const struct pp_session_options *options, struct pp_outbox *outbox,
                       struct pp_err *err) {
    PP_AUTO_SESSION struct pp_session session = {.root = -1};
    struct pp_err problem = PP_ERR_INIT;
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
    rc = pp_announcer_open_outbox(outbox, state, &problem);
    if (rc < 0 && options->state == NULL && (problem.sys == ENOENT || problem.sys == EACCES))
        return 0;
    if (rc < 0)
        *err = problem;
    return rc < 0 ? rc : 1;
}

static void print_delivered(struct notify_request *request, size_t count) {
    if (request->common.json) {
        json_t *object = pp_output_json_summary(&request->output, 0);

        pp_output_json_set(&object, "delivered", json_integer((json_int_t)count));
        pp_output_json(&request->output, object);
    } else if (request->resend && !request->common.quiet) {
        printf("%zu delivered\n", count);
    }
}

static int send_with(struct notify_request *request, struct pp_notifier *notifier,
                     struct pp_err *err) {
    size_t count = 0;
    int rc;

    if (request->resend)
        rc = pp_notifier_resend(notifier, &count, err);
    else
        rc = pp_notifier_deliver(
            notifier, request->type == TYPE_FAILED ? PP_MESSAGE_FAILED : PP_MESSAGE_COMPLETE,
            request->status, 0, 0, err);
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
    notifier = pp_notify_options_open(&request->common.notify, request->address,
                                      has_outbox > 0 ? &outbox : NULL, run, err);
    if (notifier == NULL)
        return -(int)err->kind;
    pp_sandbox_enter(&(struct pp_sandbox){
        .folders = &outbox.fd, .folder_count = has_outbox > 0 ? 1 : 0, .sockets = true});
    rc = request->common.dry_run ? 0 : send_with(request, notifier, err);
    pp_notifier_free(notifier);
    return rc;
}

static int run_notify(int argc, char **argv) {
    struct notify_request request = {.type = TYPE_COMPLETE};
    struct pp_err err = PP_ERR_INIT;
    int rc;

    pp_options_init(&request.common);
    /* Telling does not depend on what this root was patched with. */
    request.common.session.revalue = true;
    rc = pp_options_parse(&request.common, &pp_command_notify, &request, argc, argv, &err);
    pp_output_init(&request.output, &request.common, argv[0]);
    if (rc > 0)
        rc = check(&request, &err) < 0 ? -(int)err.kind : notify(&request, &err);
    pp_options_done(&request.common);
    return rc < 0 ? pp_output_fail(&request.output, &err)
                  : pp_output_status(&request.output, PP_EXIT_DONE);
}

static const struct pp_option own_options[] = {
    {"type", "complete|failed", "what to tell; default: complete", pp_take_word,
     .offset = offsetof(struct notify_request, type)},
    {"status", "N", "exit status of the run that failed; default: 3", pp_take_number,
     .offset = offsetof(struct notify_request, status), .min = 1, .max = 255},
    {"resend", NULL, "send what the spool holds instead", pp_take_flag,
     .offset = offsetof(struct notify_request, resend)},
    {0},
};

const struct pp_command pp_command_notify = {
    .name = "notify",
    .summary = "tell an app that a run has ended",
    .arguments = "ADDRESS",
    .description = "Tells the app at ADDRESS that a run is complete: @name, @name,pad, sd:@name,\n"
                   "NOTIFY_SOCKET or zmq:@name. What is not delivered is kept in the spool of the\n"
                   "state folder, if there is one.",
    .takes = PP_TAKES_SESSION | PP_TAKES_PEER | PP_TAKES_NOTIFY | PP_TAKES_DRY_RUN | PP_TAKES_JSON |
             PP_TAKES_QUIET,
    .options = own_options,
    .argument_min = 1,
    .argument_max = 1,
    .run = run_notify,
};
