#include "cli/options.h"

#include "base/cleanup.h"
#include "cli/help.h"
#include "tree/pool.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 64
/* What getopt_long gives back for the first option of a command: no letter is as large. */
#define OPTION_BASE 0x100

#define AT(member) offsetof(struct pp_options, member)

const struct pp_option pp_shared_options[] = {
    {"set", "NAME=VALUE", "a value; can be repeated", pp_take_words, .offset = AT(set),
     .shared = PP_TAKES_VALUES},
    {"env-file", "FILE", "values, a line NAME=VALUE each", pp_take_text,
     .offset = AT(session.env_file), .shared = PP_TAKES_VALUES},
    {"was", "NAME=VALUE", "an older value of which nothing is recorded", pp_take_words,
     .offset = AT(was), .shared = PP_TAKES_WAS},
    {"any-bytes", NULL, "allow bytes in values that break scripts", pp_take_flag,
     .offset = AT(session.any_bytes), .shared = PP_TAKES_VALUES, .rare = true},
    {"root", "DIR", "the root that all paths lie below", pp_take_text, .offset = AT(session.root),
     .shared = PP_TAKES_ROOT},
    {"table", "FILE", "the placeholders; default: those of Termux", pp_take_text,
     .offset = AT(session.table), .shared = PP_TAKES_TABLE, .rare = true},
    {"state", "DIR", "the state folder; default: where the table says", pp_take_text,
     .offset = AT(session.state), .shared = PP_TAKES_ROOT, .rare = true},
    {"admindir", "DIR", "dpkg's database; default: where the table says", pp_take_text,
     .offset = AT(session.admindir), .shared = PP_TAKES_ADMINDIR, .rare = true},
    {"files-from", "FILE", "more paths, a line each; - is standard input", pp_take_text,
     .offset = AT(files_from), .shared = PP_TAKES_PATHS},
    {"null", NULL, "paths in --files-from end with a NUL", pp_take_flag,
     .offset = AT(null_separated), .shared = PP_TAKES_PATHS, .letter = '0'},
    {"dry-run", NULL, "say what would change, and change nothing", pp_take_flag,
     .offset = AT(dry_run), .shared = PP_TAKES_DRY_RUN, .letter = 'n'},
    {"executables", "skip|scripts|all", "programs to patch, too; default: skip", pp_take_word,
     .offset = AT(session.executables), .shared = PP_TAKES_CONTENT, .rare = true},
    {"no-decode", NULL, "open no compressed file or archive; the summary counts them", pp_take_flag,
     .offset = AT(no_decode), .shared = PP_TAKES_CONTENT, .rare = true},
    {"durability", "batch|none", "none: a tree that can be thrown away", pp_take_word,
     .offset = AT(durability), .shared = PP_TAKES_DURABILITY, .rare = true},
    {"replace", NULL, "never write into a file that is there", pp_take_flag,
     .offset = AT(always_replace), .shared = PP_TAKES_REPLACE, .rare = true},
    {"jobs", "N", "files at once; default: the processors", pp_take_number,
     .offset = AT(session.jobs), .shared = PP_TAKES_WORK, .rare = true, .min = 1,
     .max = PP_POOL_JOBS_MAX},
    {"memory", "SIZE", "memory for all of it; default: 256M", pp_take_size,
     .offset = AT(session.memory_len), .shared = PP_TAKES_WORK, .rare = true},
    {"notify", "ADDRESS", "tell the app: see pathpatch notify --help", pp_take_text,
     .offset = AT(notify.address), .shared = PP_TAKES_ADDRESS},
    {"token-file", "FILE", "a shared secret: 32 bytes or more, mode 0600", pp_take_text,
     .offset = AT(notify.token_file), .shared = PP_TAKES_PEER},
    {"token-fd", "N", "the same, from an open file", pp_take_number, .offset = AT(notify.token_fd),
     .shared = PP_TAKES_PEER, .rare = true, .max = INT_MAX},
    {"peer-uid", "UID", "trust this user, too; can be repeated", pp_notify_take_peer_uid,
     .offset = AT(notify), .shared = PP_TAKES_PEER, .rare = true, .max = UINT32_MAX - 1},
    {"notify-timeout", "SECONDS", "for the whole delivery; default: 5", pp_notify_take_timeout,
     .offset = AT(notify), .shared = PP_TAKES_NOTIFY, .rare = true},
    {"payload", "TEXT", "zmq: what is sent; default: green_flag", pp_take_text,
     .offset = AT(notify.payload), .shared = PP_TAKES_NOTIFY, .rare = true},
    {"expect", "TEXT", "zmq: the reply that counts; default: ACK", pp_take_text,
     .offset = AT(notify.expect), .shared = PP_TAKES_NOTIFY, .rare = true},
    {"json", NULL, "JSON Lines on standard output", pp_take_flag, .offset = AT(json),
     .shared = PP_TAKES_JSON},
    {"quiet", NULL, "only what went wrong", pp_take_flag, .offset = AT(quiet),
     .shared = PP_TAKES_QUIET},
    {"verbose", NULL, "say more", pp_take_flag, .offset = AT(verbose), .shared = PP_TAKES_VERBOSE,
     .rare = true},
    {"progress", "auto|always|never", "progress after a second; default: auto", pp_take_word,
     .offset = AT(progress), .shared = PP_TAKES_TERMINAL, .rare = true},
    {"color", "auto|always|never", "default: auto, on a terminal", pp_take_word,
     .offset = AT(color), .shared = PP_TAKES_TERMINAL, .rare = true},
    {"help", NULL, "what you read", pp_take_flag, .offset = AT(help), .shared = PP_TAKES_ALWAYS,
     .rare = true},
    {"version", NULL, "the version of pathpatch", pp_take_flag, .offset = AT(version),
     .shared = PP_TAKES_ALWAYS, .rare = true},
    {0},
};

void pp_options_init(struct pp_options *options) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    *options = (struct pp_options){.session = PP_SESSION_OPTIONS_INIT};
    pp_notify_options_init(&options->notify);
    options->session.jobs = processors < 1                  ? 1
                            : processors > PP_POOL_JOBS_MAX ? PP_POOL_JOBS_MAX
                                                            : (unsigned)processors;
}

void pp_options_done(struct pp_options *options) {
    pp_notify_options_done(&options->notify);
    free(options->set.items);
    free(options->was.items);
    options->set = options->was = (struct pp_words){NULL, 0};
}

/* The options of a command as getopt takes them. */
struct syntax {
    struct option longs[OPTIONS_MAX + 1];
    char letters[2 * OPTIONS_MAX + 2];
};

static void make_syntax(const struct pp_command *command, struct syntax *syntax) {
    const struct pp_option *option;
    char *letter = syntax->letters;

    /* A missing argument is told from an unknown option by it. */
    *letter++ = ':';
    for (size_t i = 0; i < OPTIONS_MAX && (option = pp_command_option(command, i)) != NULL; i++) {
        syntax->longs[i] = (struct option){
            option->name, option->argument != NULL ? required_argument : no_argument, NULL,
            OPTION_BASE + (int)i};
        if (option->letter != '\0')
            *letter++ = option->letter;
    }
}

static const struct pp_option *find_option(const struct pp_command *command, int found) {
    const struct pp_option *option;

    if (found >= OPTION_BASE)
        return pp_command_option(command, (size_t)(found - OPTION_BASE));
    for (size_t i = 0; (option = pp_command_option(command, i)) != NULL; i++)
        if (option->letter == found)
            return option;
    return NULL;
}

/* What getopt could not take: it is the word before the next one, or a letter in it. */
static int refuse_option(const struct pp_command *command, int found, char *const *argv,
                         struct pp_err *err) {
    const char *word = argv[optind - 1];
    const char *equals = strchr(word, '=');

    if (found == ':')
        return pp_err_set(err, PP_ERR_USAGE, "%s: it takes an argument; see pathpatch %s --help",
                          word, command->name);
    /* A known option, and an argument that it does not take: getopt tells which. */
    if (strncmp(word, "--", 2) == 0 && equals != NULL && optopt >= OPTION_BASE)
        return pp_err_set(err, PP_ERR_USAGE, "--%s: it takes no argument",
                          find_option(command, optopt)->name);
    if (strncmp(word, "--", 2) == 0)
        return pp_err_set(err, PP_ERR_USAGE, "%.*s: no such option; see pathpatch %s --help",
                          equals != NULL ? (int)(equals - word) : INT_MAX, word, command->name);
    return pp_err_set(err, PP_ERR_USAGE, "-%c: no such option; see pathpatch %s --help", optopt,
                      command->name);
}

static int take_arguments(struct pp_options *options, const struct pp_command *command, int argc,
                          char **argv, struct pp_err *err) {
    options->arguments = argv + optind;
    options->argument_count = argc - optind;
    if (options->argument_count > command->argument_max && command->argument_max == 0)
        return pp_err_set(err, PP_ERR_USAGE, "%s: %s takes no arguments", argv[optind],
                          command->name);
    if (options->argument_count < command->argument_min ||
        options->argument_count > command->argument_max)
        return pp_err_set(err, PP_ERR_USAGE, "%s: give it %.*s; see pathpatch %s --help",
                          command->name, (int)strcspn(command->arguments, "\n"), command->arguments,
                          command->name);
    return 0;
}

int pp_options_parse(struct pp_options *options, const struct pp_command *command, void *own,
                     int argc, char **argv, struct pp_err *err) {
    struct syntax syntax = {0};
    int found;

    options->command = command;
    make_syntax(command, &syntax);
    opterr = 0;
    while ((found = getopt_long(argc, argv, syntax.letters, syntax.longs, NULL)) != -1) {
        const struct pp_option *option = find_option(command, found);
        char *into;

        if (option == NULL)
            return refuse_option(command, found, argv, err);
        into = option->shared != 0 ? (char *)options : own;
        if (option->take(option, optarg, into + option->offset, err) < 0)
            return -(int)err->kind;
    }
    if (options->help)
        pp_help_command(command);
    else if (options->version)
        pp_help_version();
    if (options->help || options->version)
        return 0;
    options->session.set = options->set.items;
    options->session.was = options->was.items;
    options->session.decode = !options->no_decode;
    return take_arguments(options, command, argc, argv, err) < 0 ? -(int)err->kind : 1;
}
