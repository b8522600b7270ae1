/* What the words on a command line say: the shared options, and the arguments.
 *
 *     pp_options_init(&options);
 *     rc = pp_options_parse(&options, &pp_command_NAME, &own, argc, argv, &err);
 *     if (rc == 0) return PP_EXIT_DONE;      (help is printed)
 */
#ifndef PP_CLI_OPTIONS_H
#define PP_CLI_OPTIONS_H

#include "base/error.h"
#include "cli/command.h"
#include "cli/notify_options.h"
#include "core/session.h"
#include "tree/durable.h"

#include <stdbool.h>
#include <stddef.h>

enum pp_when { PP_WHEN_AUTO, PP_WHEN_ALWAYS, PP_WHEN_NEVER };

struct pp_options {
    struct pp_session_options session;
    struct pp_notify_options notify;
    struct pp_words set;
    struct pp_words was;
    const char *files_from; /* NULL: none */
    bool null_separated;
    bool no_decode;
    bool dry_run;
    bool always_replace;
    enum pp_durability durability;
    bool json;
    bool quiet;
    bool verbose;
    enum pp_when progress;
    enum pp_when color;
    bool help;
    bool version;
    const struct pp_command *command;
    char *const *arguments; /* borrowed from argv; a NULL ends them */
    int argument_count;
};

/* Every shared option; one without a name ends them. Their values go into a struct pp_options. */
extern const struct pp_option pp_shared_options[];

void pp_options_init(struct pp_options *options);
/* Wipes the token, too. */
void pp_options_done(struct pp_options *options);
#define PP_AUTO_OPTIONS PP_AUTO(pp_options_done)

/* Takes the options of a command: shared ones into `options`, its own ones into `own`. Prints what
 * --help and --version ask for. Returns 1, 0 when that was printed, or PP_ERR_USAGE. */
int pp_options_parse(struct pp_options *options, const struct pp_command *command, void *own,
                     int argc, char **argv, struct pp_err *err);

#endif
