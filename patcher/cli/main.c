/* Finds the command, and leaves the rest to it. */
#include "base/broker.h"
#include "cli/command.h"
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static int refuse(const char *word) {
    struct pp_err err = PP_ERR_INIT;

    if (word == NULL)
        pp_err_set(&err, PP_ERR_USAGE, "give it a command; see pathpatch --help");
    else
        pp_err_set(&err, PP_ERR_USAGE, "%s: no such %s; see pathpatch --help", word,
                   word[0] == '-' ? "option" : "command");
    return pp_command_fail(&err);
}

/* Whoever reads it must know that it is not all. What the hook has done is done, whoever reads. */
static int check_output(const struct pp_command *command, int status) {
    struct pp_err err = PP_ERR_INIT;

    if (command == &pp_command_dpkg)
        return status;
    if (fflush(stdout) != 0)
        pp_err_sys(&err, "cannot write all of the standard output");
    else if (ferror(stdout)) /* What it was then is not kept. */
        pp_err_set(&err, PP_ERR_SYSTEM, "cannot write all of the standard output");
    else
        return status;
    return pp_command_fail(&err);
}

static int run(const struct pp_command *command, int argc, char **argv) {
    int status = command->run(argc, argv);

    pp_broker_end();
    return status == PP_EXIT_DONE || status == PP_EXIT_FINDINGS ? check_output(command, status)
                                                                : status;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return refuse(NULL);
    if (strcmp(argv[1], "--help") == 0) {
        pp_help_program();
        return PP_EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        pp_help_version();
        return PP_EXIT_DONE;
    }
    for (size_t i = 0; pp_commands[i] != NULL; i++)
        if (strcmp(argv[1], pp_commands[i]->name) == 0)
            return run(pp_commands[i], argc - 1, argv + 1);
    return refuse(argv[1]);
}
