#include "cli/command.h"

#include "cli/options.h"

#include <stdio.h>

const struct pp_command *const pp_commands[] = {
    &pp_command_apply,
    &pp_command_scan,
    &pp_command_lint,
    &pp_command_pad,
    &pp_command_restore,
    &pp_command_status,
    &pp_command_verify,
    &pp_command_deb,
    &pp_command_bootstrap,
    &pp_command_notify,
    &pp_command_listen,
    &pp_command_dpkg,
    NULL,
};

const struct pp_option *pp_command_option(const struct pp_command *command, size_t index) {
    const struct pp_option *option = command->options;
    size_t at = 0;

    for (; option != NULL && option->name != NULL; option++)
        if (at++ == index)
            return option;
    for (option = pp_shared_options; option->name != NULL; option++)
        if (((command->takes | PP_TAKES_ALWAYS) & option->shared) != 0 && at++ == index)
            return option;
    return NULL;
}

int pp_exit_status(const struct pp_err *err) {
    switch (err->kind) {
    case PP_ERR_NONE:
        return PP_EXIT_DONE;
    case PP_ERR_USAGE:
    case PP_ERR_REFUSED:
        return PP_EXIT_USAGE;
    case PP_ERR_UNDELIVERED:
        return PP_EXIT_UNDELIVERED;
    case PP_ERR_PEER:
        return PP_EXIT_PEER;
    case PP_ERR_ADDRESS:
        return PP_EXIT_ADDRESS;
    default:
        return PP_EXIT_FAILURE;
    }
}

int pp_command_fail(const struct pp_err *err) {
    /* What was told before it stands before it. */
    fflush(stdout);
    fprintf(stderr, "pathpatch: %s\n", err->text);
    return pp_exit_status(err);
}
