/* What commands print: lines for people, or JSON Lines for programs; progress on a terminal.
 *
 * An output is made with a command's options; its reporter is what core calls.
 */
#ifndef PP_CLI_OUTPUT_H
#define PP_CLI_OUTPUT_H

#include "cli/options.h"
#include "core/report.h"
#include "values/table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* What makes the English word before it a plural. */
#define PP_PLURAL(count) ((count) == 1 ? "" : "s")

struct pp_announcer;

struct pp_output {
    const struct pp_options *options; /* borrowed */
    const struct pp_table *table;     /* borrowed; NULL until the session is open */
    const char *root;                 /* before every path: "/" where these begin with a slash */
    const char *command;
    bool list_hits;   /* a line a hit, not a line a file */
    bool quiet_files; /* no line for a file that was patched */
    bool restores;    /* the counts are those of a restore */
    bool pads;        /* the counts are those of pad; skipped are findings of lint */
    bool color;
    bool progress;       /* may be shown */
    bool progress_shown; /* a line of it stands on the terminal */
    bool incomplete;     /* there was no memory for a line of JSON */
    uint64_t reported;   /* files told so far */
    uint64_t total;      /* files to be told; 0: not known */
    struct timespec start;
    struct timespec last_progress;
    struct pp_reporter reporter;
    struct pp_announcer *announcer; /* is told of progress, too; borrowed, or NULL */
};

void pp_output_init(struct pp_output *output, const struct pp_options *options,
                    const char *command);

/* Once the session is open, for commands whose paths are below its root. */
void pp_output_open(struct pp_output *output, const struct pp_session *session);

/* The last line: counts and seconds, or the summary object. Returns the exit status. */
int pp_output_end(struct pp_output *output, const struct pp_tally *tally);
/* The exit status of a command that has printed all: `status`, or that of a failure when some of it
 * is missing. */
int pp_output_status(struct pp_output *output, int status);

enum pp_color { PP_COLOR_NONE, PP_COLOR_GREEN, PP_COLOR_YELLOW, PP_COLOR_RED };

/* What begins a colour on standard output, or with NONE ends it. Empty without colours. */
const char *pp_output_color(const struct pp_output *output, enum pp_color color);

/* Wipes progress from the terminal, before a line is printed. */
void pp_output_clear(struct pp_output *output);
/* What was found in a file, as its object has it. */
void pp_output_json_findings(const struct pp_output *output, json_t **object,
                             const struct pp_findings *findings);
/* The end of the summary's line: what --no-decode kept closed, and the seconds. */
void pp_output_put_end(const struct pp_output *output, uint64_t closed);
/* Since it was made. */
double pp_output_seconds(const struct pp_output *output);

/* "pathpatch: TEXT" to standard error, after progress is wiped. */
void pp_output_message(struct pp_output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What all commands have in common: an object a file, and one at the end. A command adds its own
 * fields, or puts others in the place of the empty ones. */
json_t *pp_output_json_file(const struct pp_output *output, const char *path, const char *outcome);
json_t *pp_output_json_summary(const struct pp_output *output, uint64_t files);

/* The path as it is printed: with what stands before every path. */
json_t *pp_output_json_path(const struct pp_output *output, const char *path);

/* An object on a line of its own; it is freed. NULL, for want of memory, is told in the end. */
void pp_output_json(struct pp_output *output, json_t *object);
/* Puts a value, which it takes over, into the object. Without memory the object is freed, and NULL.
 */
void pp_output_json_set(json_t **object, const char *key, json_t *value);
/* The same for an array. */
void pp_output_json_append(json_t **array, json_t *value);
/* A JSON string. Bytes that are not UTF-8 go into it as U+FFFD. NULL without memory. */
json_t *pp_output_json_text(const char *text);

/* An error that ended the command: message, and with --json an object. Returns the exit status. */
int pp_output_fail(struct pp_output *output, const struct pp_err *err);

#endif
