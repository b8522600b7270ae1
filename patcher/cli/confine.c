#include "cli/confine.h"

#include "base/broker.h"
#include "base/cleanup.h"
#include "ledger/state.h"

#include <fcntl.h>

int pp_confine(const struct pp_sandbox *sandbox, struct pp_output *output, struct pp_err *err) {
    unsigned missing;

    if (!pp_broker_is_there() && pp_broker_start(NULL, NULL, err) < 0)
        return -(int)err->kind;
    missing = pp_sandbox_enter(sandbox);
    if (missing != 0 && output->options->verbose)
        pp_output_message(output, "%s", pp_sandbox_note(missing));
    return 0;
}

int pp_confine_session(struct pp_sandbox sandbox, const struct pp_session *session, bool dry_run,
                       struct pp_output *output, struct pp_err *err) {
    PP_AUTO_CLOSE int state = -1;
    PP_AUTO_CLOSE int admindir = -1;
    int folders[3];

    /* Also a dry run takes the lock of a state that is there. */
    if (!dry_run && pp_state_make(session->state, err) < 0)
        return -(int)err->kind;
    state = open(session->state, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (state >= 0)
        folders[sandbox.folder_count++] = state;
    if (!dry_run) {
        folders[sandbox.folder_count++] = session->root;
        /* Sums in there are mended. */
        admindir = open(session->admindir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (admindir >= 0)
            folders[sandbox.folder_count++] = admindir;
    }
    sandbox.folders = folders;
    return pp_confine(&sandbox, output, err);
}
