/* A command of the program, and how one ends. */
#ifndef PP_CLI_COMMAND_H
#define PP_CLI_COMMAND_H

#include "base/error.h"

struct pp_command {
    const char *name;
    const char *summary;
    /* argv[0] is the name of the command. Returns an exit status. */
    int (*run)(int argc, char **argv);
};

/* 75, 77 and 78 are EX_TEMPFAIL, EX_NOPERM and EX_CONFIG of sysexits.h. */
enum pp_exit {
    PP_EXIT_DONE = 0,
    PP_EXIT_FINDINGS = 1,
    PP_EXIT_USAGE = 2,
    PP_EXIT_FAILURE = 3,
    PP_EXIT_UNDELIVERED = 75,
    PP_EXIT_PEER = 77,
    PP_EXIT_ADDRESS = 78,
};

/* The exit status that an error stands for. */
int pp_exit_status(const struct pp_err *err);
/* Prints "pathpatch: TEXT" to standard error, and returns the exit status. */
int pp_command_fail(const struct pp_err *err);

extern const struct pp_command pp_command_apply;
extern const struct pp_command pp_command_bootstrap;
extern const struct pp_command pp_command_deb;
extern const struct pp_command pp_command_dpkg;
extern const struct pp_command pp_command_listen;
extern const struct pp_command pp_command_notify;
extern const struct pp_command pp_command_restore;
extern const struct pp_command pp_command_scan;
extern const struct pp_command pp_command_status;
extern const struct pp_command pp_command_verify;

#endif
