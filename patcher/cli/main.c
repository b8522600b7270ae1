/* The table of commands. */
#include "base/cleanup.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static const struct pp_command *const commands[] = {
    &pp_command_bootstrap, &pp_command_apply,  &pp_command_restore, &pp_command_scan,
    &pp_command_status,    &pp_command_verify, &pp_command_deb,     &pp_command_notify,
    &pp_command_listen,    &pp_command_dpkg,
};

static int help(void) {
    puts("usage: pathpatch COMMAND [OPTION]...\n");
    for (size_t i = 0; i < PP_ARRAY_LEN(commands); i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    return PP_EXIT_DONE;
}

int main(int argc, char **argv) {
    struct pp_err err = PP_ERR_INIT;

    if (argc >= 2 && strcmp(argv[1], "--help") == 0)
        return help();
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        puts("pathpatch " PP_VERSION);
        return PP_EXIT_DONE;
    }
    for (size_t i = 0; argc >= 2 && i < PP_ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    pp_err_set(&err, PP_ERR_USAGE, "no such command: see pathpatch --help");
    return pp_command_fail(&err);
}
