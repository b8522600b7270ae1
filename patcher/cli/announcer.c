#include "cli/announcer.h"

#include "base/cleanup.h"
#include "cli/command.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int pp_announcer_open(struct pp_announcer *announcer, struct pp_notify_options *options,
                      struct pp_output *output, const struct pp_tally *tally, struct pp_err *err) {
    if (options->address == NULL || output->options->dry_run)
        return 0;
    if (pp_run_new(announcer->run, err) < 0)
        return -(int)err->kind;
    announcer->notifier =
        pp_notify_options_open(options, options->address, &announcer->outbox, announcer->run, err);
    if (announcer->notifier == NULL)
        return -(int)err->kind;
    announcer->address = options->address;
    announcer->output = output;
    announcer->tally = tally;
    output->announcer = announcer;
    return 0;
}

int pp_announcer_state(struct pp_announcer *announcer, const char *state, struct pp_err *err) {
    if (announcer->notifier == NULL)
        return 0;
    announcer->state = strdup(state);
    return announcer->state == NULL ? pp_err_nomem(err) : 0;
}

void pp_announcer_start(struct pp_announcer *announcer) {
    if (announcer->notifier == NULL || announcer->started)
        return;
    announcer->started = true;
    pp_notifier_event(announcer->notifier, PP_MESSAGE_START, 0, 0);
}

void pp_announcer_progress(struct pp_announcer *announcer, uint64_t files) {
    pp_announcer_start(announcer);
    pp_notifier_event(announcer->notifier, PP_MESSAGE_PROGRESS, (int64_t)files,
                      (int64_t)announcer->tally->patched);
}

int pp_announcer_open_outbox(struct pp_outbox *outbox, const char *state, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return pp_err_sys(err, "%s: cannot open", state);
    rc = pp_outbox_open(outbox, fd, err);
    return rc < 0 ? pp_err_context(err, "%s", state) : 0;
}

int pp_announcer_end(struct pp_announcer *announcer, int status) {
    bool failed = status != PP_EXIT_DONE && status != PP_EXIT_FINDINGS;
    struct pp_err ignored = PP_ERR_INIT;
    struct pp_err err = PP_ERR_INIT;

    if (announcer->notifier == NULL || (announcer->is_hook && !announcer->started && !failed))
        return status;
    /* A spool that cannot be had is told where it was needed. */
    if (announcer->state != NULL)
        pp_announcer_open_outbox(&announcer->outbox, announcer->state, &ignored);
    if (pp_notifier_deliver(announcer->notifier, failed ? PP_MESSAGE_FAILED : PP_MESSAGE_COMPLETE,
                            status, (int64_t)announcer->tally->files,
                            (int64_t)announcer->tally->patched, &err) >= 0)
        return status;
    pp_output_message(announcer->output, "%s: %s", announcer->address, err.text);
    return status == PP_EXIT_DONE && !announcer->is_hook ? pp_exit_status(&err) : status;
}

void pp_announcer_done(struct pp_announcer *announcer) {
    pp_notifier_free(announcer->notifier);
    pp_outbox_done(&announcer->outbox);
    free(announcer->state);
    *announcer = (struct pp_announcer)PP_ANNOUNCER_INIT;
}
