/* What --help and --version print: a screen of 24 lines and 80 columns at most. */
#ifndef PP_CLI_HELP_H
#define PP_CLI_HELP_H

#include "cli/command.h"

void pp_help_program(void);
void pp_help_command(const struct pp_command *command);
void pp_help_version(void);

#endif
