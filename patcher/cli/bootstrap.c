/* pathpatch bootstrap: an archive becomes a patched tree, and the app is told. */
#include "bootstrap/bootstrap.h"

#include "base/broker.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "cli/announcer.h"
#include "cli/command.h"
#include "cli/confine.h"
#include "cli/options.h"
#include "cli/output.h"
#include "notify/channel.h"

#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct bootstrap_request {
    struct pp_options common;
    const char *archive; /* borrowed, as all texts here */
    const char *dest;
    const char *then; /* or NULL */
    bool replace_dest;
    bool notify_dpkg;
    struct archive_digest {
        bool given;
        uint8_t sha256[PP_SHA256_LEN];
    } digest;
};

/* ---- options ---- */

static int take_sha256(const struct pp_option *option, const char *value, void *place,
                       struct pp_err *err) {
    struct archive_digest *digest = place;
    size_t len = sizeof(digest->sha256);

    if (strlen(value) != 2 * len || strspn(value, "0123456789abcdefABCDEF") != 2 * len)
        return pp_err_set(err, PP_ERR_USAGE, "--%s: give it 64 hex digits, not '%s'", option->name,
                          value);
    for (size_t i = 0; i < len; i++) {
        char digits[3] = {value[2 * i], value[2 * i + 1], '\0'};

        digest->sha256[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    digest->given = true;
    return 0;
}

static const struct pp_option own_options[] = {
    {"replace-dest", NULL, "replace what is at DEST", pp_take_flag,
     .offset = offsetof(struct bootstrap_request, replace_dest)},
    {"sha256", "HEX", "refuse an archive with another digest", take_sha256,
     .offset = offsetof(struct bootstrap_request, digest)},
    {"then", "COMMAND", "run by sh in DEST before the app is told", pp_take_text,
     .offset = offsetof(struct bootstrap_request, then)},
    {"notify-dpkg", NULL, "dpkg runs to come tell the app, too", pp_take_flag,
     .offset = offsetof(struct bootstrap_request, notify_dpkg), .rare = true},
    {0},
};

/* ---- where the archive comes from ---- */

/* Who sends it supplies code: the peer is checked as one that is told. */
static int open_socket(const struct bootstrap_request *request, struct pp_err *err) {
    const struct pp_notify_options *options = &request->common.notify;
    struct pp_peers peers = {options->peer_uids, options->peer_uid_count};
    struct pp_address address;
    struct pp_channel channel;
    int flags;

    if (pp_notify_options_address(request->archive, &address, err) < 0)
        return -(int)err->kind;
    pp_channel_init(&channel, -1);
    if (pp_channel_connect(&channel, &address, &peers, err) < 0) {
        /* Not the message to the app, whose delivery may be tried again. */
        if (err->kind == PP_ERR_UNDELIVERED)
            err->kind = PP_ERR_SYSTEM;
        return pp_err_context(err, "%s", request->archive);
    }
    flags = fcntl(channel.fd, F_GETFL);
    if (flags < 0 || fcntl(channel.fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
        pp_err_sys(err, "%s: cannot wait for it", request->archive);
        pp_channel_close(&channel);
        return -(int)err->kind;
    }
    return channel.fd;
}

static int open_archive(const struct bootstrap_request *request, struct pp_err *err) {
    const char *name = request->archive;
    int fd;

    if (name[0] == '@')
        return open_socket(request, err);
    if (strcmp(name, "-") == 0) {
        fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    } else if (strncmp(name, "fd:", 3) == 0) {
        char *end;
        unsigned long number = strtoul(name + 3, &end, 10);

        if (name[3] < '0' || name[3] > '9' || *end != '\0' || number > INT_MAX)
            return pp_err_set(err, PP_ERR_USAGE, "%s: give it as fd:N", name);
        fd = fcntl((int)number, F_DUPFD_CLOEXEC, 0);
    } else {
        fd = open(name, O_RDONLY | O_CLOEXEC);
    }
    return fd < 0 ? pp_err_sys(err, "%s: cannot open", name) : fd;
}

/* ---- what follows ---- */

/* What the command is run with; settled before the archive is opened. */
struct then {
    const struct bootstrap_request *request;
    const struct pp_session *session;
};

/* In the broker: outside the sandbox. */
static int run_command(void *context, bool asked) {
    const struct then *then = context;
    const struct bootstrap_request *request = then->request;
    const struct pp_session *session = then->session;
    int null;

    if (!asked)
        return 0;
    null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    /* Nothing but objects on standard output. */
    if (request->common.json)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    for (size_t i = 0; i < session->table.count; i++) {
        const char *names = session->table.placeholders[i].env;
        char name[256];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(names, " "), names);
        if (name[0] != '\0')
            setenv(name, session->values.values[i].path, 1);
    }
    if (chdir(request->dest) == 0)
        execl(_PATH_BSHELL, "sh", "-c", request->then, (char *)NULL);
    return 127;
}

static int run_then(const char *path, struct pp_err *err) {
    int status;

    fflush(stdout);
    if (pp_broker_finish(&status, err) < 0)
        return pp_err_context(err, "--then");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return pp_err_set(err, PP_ERR_SYSTEM, "--then: ended with %s %d; %s is there, unfinished",
                      WIFEXITED(status) ? "status" : "signal",
                      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), path);
}

/* ---- the run ---- */

struct bootstrap_run {
    struct bootstrap_request *request;
    struct pp_output *output;
    struct pp_session session;
    struct pp_bootstrap *bootstrap;
    struct pp_announcer announcer;
    struct pp_tally tally;
};

static int make_tree(struct bootstrap_run *run, struct pp_err *err) {
    const struct bootstrap_request *request = run->request;
    const struct pp_options *common = &request->common;
    PP_AUTO_CLOSE int archive = -1;
    struct pp_bootstrap_options options = {
        .dest = request->dest,
        .sha256 = request->digest.given ? request->digest.sha256 : NULL,
        .replace_dest = request->replace_dest,
        .dry_run = common->dry_run,
        .durability = common->durability,
        .reporter = &run->output->reporter,
        .outbox = run->announcer.notifier != NULL ? &run->announcer.outbox : NULL,
        .run = run->announcer.run,
        .more_follows = request->then != NULL,
        .hook_environment = "",
    };
    PP_AUTO_BUFFER struct pp_buffer hook_environment = PP_BUFFER_INIT;
    struct then then = {request, &run->session};
    struct pp_sandbox sandbox = {.folder_count = 1, .sockets = common->notify.address != NULL};
    int parent;
    int rc = pp_session_open(&run->session, &common->session, err);

    if (rc >= 0 && request->notify_dpkg) {
        rc = pp_notify_options_put(&common->notify, &hook_environment, err);
        options.hook_environment = (const char *)hook_environment.data;
    }
    if (rc < 0)
        return rc;
    archive = options.archive = open_archive(request, err);
    if (archive < 0)
        return archive;
    run->bootstrap = pp_bootstrap_new(&run->session, &options, err);
    if (run->bootstrap == NULL)
        return -(int)err->kind;
    pp_output_open(run->output, &run->session);
    parent = pp_bootstrap_parent(run->bootstrap);
    sandbox.folders = &parent;
    if (common->dry_run)
        sandbox.folder_count = 0;
    /* The broker would hold locks as well. */
    if (pp_broker_start(run_command, &then, err) < 0 ||
        pp_confine(&sandbox, run->output, err) < 0 || pp_bootstrap_lock(run->bootstrap, err) < 0)
        return -(int)err->kind;
    pp_announcer_start(&run->announcer);
    rc = pp_bootstrap_run(run->bootstrap, &run->tally, err);
    pp_output_clear(run->output);
    if (rc >= 0 && request->then != NULL && !common->dry_run)
        rc = run_then(pp_bootstrap_path(run->bootstrap), err);
    return rc;
}

static int run_all(struct bootstrap_run *run) {
    struct pp_err err = PP_ERR_INIT;
    int status;

    if (run->request->notify_dpkg && run->request->common.notify.address == NULL) {
        pp_err_set(&err, PP_ERR_USAGE, "--notify-dpkg: give it with --notify ADDRESS");
        return pp_output_fail(run->output, &err);
    }
    if (pp_announcer_open(&run->announcer, &run->request->common.notify, run->output, &run->tally,
                          &err) < 0)
        return pp_output_fail(run->output, &err);
    status = make_tree(run, &err) < 0 ? pp_output_fail(run->output, &err)
                                      : pp_output_end(run->output, &run->tally);
    return pp_announcer_end(&run->announcer, status);
}

static int run_bootstrap(int argc, char **argv) {
    struct bootstrap_request request = {.archive = NULL};
    struct bootstrap_run run = {
        .request = &request, .session = {.root = -1}, .announcer = PP_ANNOUNCER_INIT};
    struct pp_err err = PP_ERR_INIT;
    struct pp_output output;
    int status = PP_EXIT_DONE;
    int rc;

    pp_options_init(&request.common);
    request.common.session.fresh = true;
    rc = pp_options_parse(&request.common, &pp_command_bootstrap, &request, argc, argv, &err);
    pp_output_init(&output, &request.common, argv[0]);
    run.output = &output;
    if (rc < 0) {
        status = pp_output_fail(&output, &err);
    } else if (rc > 0) {
        request.archive = request.common.arguments[0];
        request.dest = request.common.arguments[1];
        status = run_all(&run);
    }
    pp_bootstrap_free(run.bootstrap);
    pp_announcer_done(&run.announcer);
    pp_session_done(&run.session);
    pp_options_done(&request.common);
    return status;
}

const struct pp_command pp_command_bootstrap = {
    .name = "bootstrap",
    .summary = "unpack an archive, patch it, move it into place, tell the app",
    .arguments = "ARCHIVE DEST",
    .description = "Unpacks a zip or tar archive, patched on the way, and moves it to DEST in one\n"
                   "step. DEST is the value of a placeholder. ARCHIVE is a file, - (standard\n"
                   "input), fd:N (an open file) or @NAME (an abstract socket that sends it).",
    .takes = PP_TAKES_ROOT | PP_TAKES_TABLE | PP_TAKES_VALUES | PP_TAKES_DRY_RUN |
             PP_TAKES_DURABILITY | PP_TAKES_CONTENT | PP_TAKES_WORK | PP_TAKES_ANNOUNCER |
             PP_TAKES_JSON | PP_TAKES_QUIET | PP_TAKES_VERBOSE | PP_TAKES_TERMINAL,
    .options = own_options,
    .argument_min = 2,
    .argument_max = 2,
    .run = run_bootstrap,
};
