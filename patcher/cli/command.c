#include "cli/command.h"

#include <stdio.h>

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
    fprintf(stderr, "pathpatch: %s\n", err->text);
    return pp_exit_status(err);
}
