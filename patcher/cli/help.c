#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 80
#define NAME_COLUMNS 28 /* of an option with its argument, before its help */

void pp_help_version(void) {
    puts("pathpatch " PP_VERSION);
}

void pp_help_program(void) {
    puts("usage: pathpatch COMMAND [OPTION]...\n"
         "\n"
         "Writes real paths over the padded default paths in packages and trees.\n");
    for (size_t i = 0; pp_commands[i] != NULL; i++)
        if (!pp_commands[i]->internal)
            printf("  %-10s %s\n", pp_commands[i]->name, pp_commands[i]->summary);
    puts("\n"
         "pathpatch COMMAND --help lists the options of a command, and man pathpatch\n"
         "explains them.");
}

/* Returns the length. "--color=auto|always|never", "--root DIR". */
static int put_name(char *to, size_t to_len, const struct pp_option *option) {
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    const char *argument = option->argument != NULL ? option->argument : "";

    return snprintf(to, to_len, "%s--%s%s%s", option->letter != '\0' ? letter : "", option->name,
                    argument[0] == '\0'             ? ""
                    : strchr(argument, '|') != NULL ? "="
                                                    : " ",
                    argument);
}

static void put_usage(const struct pp_command *command) {
    const char *form = command->arguments;
    const char *intro = "usage:";

    while (form != NULL) {
        const char *end = strchr(form, '\n');

        printf("%s pathpatch %s [OPTION]...%s%.*s\n", intro, command->name,
               form[0] != '\0' ? " " : "", (int)(end != NULL ? end - form : (long)strlen(form)),
               form);
        intro = "      ";
        form = end != NULL ? end + 1 : NULL;
    }
}

/* Those that are rare, by name, in lines of a screen's width. */
static void put_rare(const struct pp_command *command) {
    const struct pp_option *option;
    int column = 0;
    char name[COLUMNS];

    for (size_t i = 0; (option = pp_command_option(command, i)) != NULL; i++) {
        int len;

        if (!option->rare)
            continue;
        len = put_name(name, sizeof(name), option);
        if (column == 0)
            column = printf("\nAlso %s", name) - 1;
        else if (column + 2 + len + 1 < COLUMNS)
            column += printf(", %s", name);
        else
            column = printf(",\n     %s", name) - 2;
    }
    if (column > 0)
        putchar('\n');
}

void pp_help_command(const struct pp_command *command) {
    const struct pp_option *option;
    char name[COLUMNS];

    put_usage(command);
    printf("\n%s\n\n", command->description);
    for (size_t i = 0; (option = pp_command_option(command, i)) != NULL; i++) {
        if (option->rare)
            continue;
        put_name(name, sizeof(name), option);
        printf("  %-*s %s\n", NAME_COLUMNS - 3, name, option->help);
    }
    put_rare(command);
}
