/* command_table: the commands and options of the program as JSON, for patcher/man/generate. */
#include "base/cleanup.h"
#include "cli/command.h"

#include <jansson.h>
#include <stdio.h>

static json_t *option_of(const struct pp_option *option) {
    char letter[] = {option->letter, '\0'};

    return json_pack("{s:s, s:s*, s:s, s:s, s:b}", "name", option->name, "argument",
                     option->argument, "help", option->help, "letter", letter, "shared",
                     option->shared != 0);
}

static json_t *command_of(const struct pp_command *command) {
    const struct pp_option *option;
    json_t *options = json_array();

    for (size_t i = 0; (option = pp_command_option(command, i)) != NULL; i++)
        json_array_append_new(options, option_of(option));
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", command->name, "summary",
                     command->summary, "arguments", command->arguments, "description",
                     command->description, "internal", command->internal, "options", options);
}

int main(void) {
    json_t *commands = json_array();
    int rc;

    for (size_t i = 0; pp_commands[i] != NULL; i++)
        json_array_append_new(commands, command_of(pp_commands[i]));
    rc = json_dumpf(commands, stdout, JSON_INDENT(1));
    json_decref(commands);
    return rc < 0;
}
