/* A command of the program, and how one ends.
 *
 * A command is data: what it takes, and what there is to say of it. The parser (options.h), --help,
 * the man page and the completions are all made from that; there is no other list of options.
 */
#ifndef PP_CLI_COMMAND_H
#define PP_CLI_COMMAND_H

#include "base/error.h"
#include "cli/option.h"

/* Shared options that a command takes: those of options.c with this bit. Others are refused. */
enum pp_takes {
    PP_TAKES_ALWAYS = 1 << 0,     /* --help, --version: every command */
    PP_TAKES_ROOT = 1 << 1,       /* --root, --state */
    PP_TAKES_ADMINDIR = 1 << 2,   /* --admindir */
    PP_TAKES_VALUES = 1 << 3,     /* --set, --env-file, --any-bytes */
    PP_TAKES_PATHS = 1 << 4,      /* --files-from, -0 */
    PP_TAKES_DRY_RUN = 1 << 5,    /* -n */
    PP_TAKES_DURABILITY = 1 << 6, /* --durability */
    PP_TAKES_REPLACE = 1 << 7,    /* --replace */
    PP_TAKES_CONTENT = 1 << 8,    /* --executables, --no-decode */
    PP_TAKES_WORK = 1 << 9,       /* --jobs, --memory */
    PP_TAKES_JSON = 1 << 10,      /* --json */
    PP_TAKES_QUIET = 1 << 11,     /* --quiet */
    PP_TAKES_VERBOSE = 1 << 12,   /* --verbose */
    PP_TAKES_TERMINAL = 1 << 13,  /* --progress, --color */
    PP_TAKES_PEER = 1 << 14,      /* --token-file, --token-fd, --peer-uid */
    PP_TAKES_NOTIFY = 1 << 15,    /* --notify-timeout, --payload, --expect */
    PP_TAKES_TABLE = 1 << 16,     /* --table */
    PP_TAKES_WAS = 1 << 17,       /* --was */
    PP_TAKES_ADDRESS = 1 << 18,   /* --notify */

    /* What has a session (core/session.h) takes these. */
    PP_TAKES_SESSION = PP_TAKES_ROOT | PP_TAKES_TABLE | PP_TAKES_ADMINDIR | PP_TAKES_VALUES,
    /* What has an announcer (announcer.h) takes these. */
    PP_TAKES_ANNOUNCER = PP_TAKES_ADDRESS | PP_TAKES_PEER | PP_TAKES_NOTIFY,
};

#define PP_ARGUMENTS_ANY 0x7fffffff

struct pp_command {
    const char *name;
    const char *summary;     /* some words, no full stop, at most 64 bytes */
    const char *arguments;   /* "PATH...": what follows the options; a line a form of it */
    const char *description; /* lines of at most 79 bytes, the last one without its LF */
    unsigned takes;          /* PP_TAKES_... of its shared options; PP_TAKES_ALWAYS goes without */
    const struct pp_option *options; /* its own; NULL: none */
    int argument_min;
    int argument_max;
    bool internal; /* not for people: --help of the program does not list it */
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

/* Every command, in the order of --help; a NULL ends them. */
extern const struct pp_command *const pp_commands[];

/* The options of a command, its own ones first. NULL behind the last. */
const struct pp_option *pp_command_option(const struct pp_command *command, size_t index);

extern const struct pp_command pp_command_apply;
extern const struct pp_command pp_command_bootstrap;
extern const struct pp_command pp_command_deb;
extern const struct pp_command pp_command_dpkg;
extern const struct pp_command pp_command_lint;
extern const struct pp_command pp_command_listen;
extern const struct pp_command pp_command_notify;
extern const struct pp_command pp_command_pad;
extern const struct pp_command pp_command_restore;
extern const struct pp_command pp_command_scan;
extern const struct pp_command pp_command_status;
extern const struct pp_command pp_command_verify;

#endif
