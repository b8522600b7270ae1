/* An option, as plain data: one table row gives parsing, --help, the man page and the completions.
 *
 *     static const struct pp_option own[] = {
 *         {"package", "NAME", "only files of this package", pp_take_text,
 *          .offset = offsetof(struct request, package)},
 *         {0},
 *     };
 */
#ifndef PP_CLI_OPTION_H
#define PP_CLI_OPTION_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_option {
    const char *name; /* without its dashes; NULL ends a table */
    /* NULL: it takes none. FILE and DIR are completed to paths; "a|b|c" are the words it takes. */
    const char *argument;
    const char *help; /* some words, no full stop, at most 50 bytes */
    /* Returns 0, or PP_ERR_USAGE with a text that begins with the option. */
    int (*take)(const struct pp_option *option, const char *value, void *place, struct pp_err *err);
    size_t offset;          /* of `place` in the struct that the options are taken into */
    unsigned shared;        /* shared options: who takes it, enum pp_takes of command.h */
    bool rare;              /* --help tells only its name */
    char letter;            /* 'n' for -n; 0: none */
    unsigned long long min; /* pp_take_number: the least and the largest */
    unsigned long long max;
};

/* `place` is a bool that becomes true. */
int pp_take_flag(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err);
/* A const char *, borrowed. The last one counts. */
int pp_take_text(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err);
/* An enum whose values from 0 are the words of `argument`. */
int pp_take_word(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err);
/* An int or unsigned. */
int pp_take_number(const struct pp_option *option, const char *value, void *place,
                   struct pp_err *err);
/* A uint64_t: bytes, K, M or G (1024). */
int pp_take_size(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err);

/* Texts in the order in which they came, borrowed, and a NULL. `items` is NULL while there are
 * none, and the owner's to free. */
struct pp_words {
    const char **items;
    size_t count;
};
int pp_take_words(const struct pp_option *option, const char *value, void *place,
                  struct pp_err *err);

#endif
