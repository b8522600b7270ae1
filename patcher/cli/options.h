/* The options that all commands share. */
#ifndef PP_CLI_OPTIONS_H
#define PP_CLI_OPTIONS_H

#include "base/error.h"
#include "core/session.h"
#include "tree/durable.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

enum pp_when { PP_WHEN_AUTO, PP_WHEN_ALWAYS, PP_WHEN_NEVER };

/* What getopt_long gives back for them; commands number their own from 1 to 0xff. */
enum pp_common_option {
    PP_OPTION_ROOT = 0x100,
    PP_OPTION_TABLE,
    PP_OPTION_SET,
    PP_OPTION_ENV_FILE,
    PP_OPTION_ANY_BYTES,
    PP_OPTION_REVALUE,
    PP_OPTION_WAS,
    PP_OPTION_STATE,
    PP_OPTION_ADMINDIR,
    PP_OPTION_MEMORY,
    PP_OPTION_EXECUTABLES,
    PP_OPTION_JOBS,
    PP_OPTION_FILES_FROM,
    PP_OPTION_NO_DECODE,
    PP_OPTION_DURABILITY,
    PP_OPTION_REPLACE,
    PP_OPTION_JSON,
    PP_OPTION_PROGRESS,
    PP_OPTION_COLOR,
    PP_OPTION_QUIET,
    PP_OPTION_VERBOSE,
    PP_OPTION_HELP,
};

#define PP_COMMON_SHORT_OPTIONS "n0"
#define PP_COMMON_LONG_OPTIONS                                                                     \
    {"root", required_argument, NULL, PP_OPTION_ROOT},                                             \
        {"table", required_argument, NULL, PP_OPTION_TABLE},                                       \
        {"set", required_argument, NULL, PP_OPTION_SET},                                           \
        {"env-file", required_argument, NULL, PP_OPTION_ENV_FILE},                                 \
        {"any-bytes", no_argument, NULL, PP_OPTION_ANY_BYTES},                                     \
        {"revalue", no_argument, NULL, PP_OPTION_REVALUE},                                         \
        {"was", required_argument, NULL, PP_OPTION_WAS},                                           \
        {"state", required_argument, NULL, PP_OPTION_STATE},                                       \
        {"admindir", required_argument, NULL, PP_OPTION_ADMINDIR},                                 \
        {"memory", required_argument, NULL, PP_OPTION_MEMORY},                                     \
        {"executables", required_argument, NULL, PP_OPTION_EXECUTABLES},                           \
        {"jobs", required_argument, NULL, PP_OPTION_JOBS}, {"dry-run", no_argument, NULL, 'n'},    \
        {"files-from", required_argument, NULL, PP_OPTION_FILES_FROM},                             \
        {"null", no_argument, NULL, '0'}, {"no-decode", no_argument, NULL, PP_OPTION_NO_DECODE},   \
        {"durability", required_argument, NULL, PP_OPTION_DURABILITY},                             \
        {"replace", no_argument, NULL, PP_OPTION_REPLACE},                                         \
        {"json", no_argument, NULL, PP_OPTION_JSON},                                               \
        {"progress", required_argument, NULL, PP_OPTION_PROGRESS},                                 \
        {"color", required_argument, NULL, PP_OPTION_COLOR},                                       \
        {"quiet", no_argument, NULL, PP_OPTION_QUIET},                                             \
        {"verbose", no_argument, NULL, PP_OPTION_VERBOSE}, {                                       \
        "help", no_argument, NULL, PP_OPTION_HELP                                                  \
    }

struct pp_options {
    struct pp_session_options session;
    struct pp_words { /* NULL-terminated; the session's options point to them */
        const char **items;
        size_t count;
    } set, was;
    const char *files_from; /* NULL: none */
    bool null_separated;
    bool dry_run;
    bool always_replace;
    enum pp_durability durability;
    bool json;
    bool quiet;
    bool verbose;
    enum pp_when progress;
    enum pp_when color;
    bool help;
};

void pp_options_init(struct pp_options *options);
void pp_options_done(struct pp_options *options);
#define PP_AUTO_OPTIONS PP_AUTO(pp_options_done)

/* Takes an option that getopt_long returned. Returns 1, 0 when it is none of these, or
 * PP_ERR_USAGE. */
int pp_options_take(struct pp_options *options, int opt, const char *value, struct pp_err *err);

/* Takes all options of a command that has none of its own; `optind` is left at its arguments. */
int pp_options_parse(struct pp_options *options, int argc, char **argv, struct pp_err *err);

/* The paths of a command: its arguments and --files-from. */
struct pp_paths {
    char **items;
    size_t count;
};
#define PP_AUTO_PATHS PP_AUTO(pp_paths_done)
void pp_paths_done(struct pp_paths *paths);
/* Collects them, relative to the session's root; sorted, and without those that are the same as
 * another one or lie below it. */
int pp_paths_collect(struct pp_paths *paths, const struct pp_options *options,
                     const struct pp_session *session, char *const *args, struct pp_err *err);

#endif
