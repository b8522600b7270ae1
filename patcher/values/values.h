/* Values: what is written over each placeholder of a table, and where it comes from.
 *
 * First that is set: given words (--set), an env-file, the environment, the values recorded for
 * this root, derived from the longest set placeholder whose default is its parent path, the
 * default. Every value is checked before the first byte of any file is touched.
 */
#ifndef PP_VALUES_VALUES_H
#define PP_VALUES_VALUES_H

#include "base/buffer.h"
#include "base/error.h"
#include "stream/matcher.h"
#include "values/envfile.h"
#include "values/table.h"

#include <stdbool.h>
#include <stddef.h>

enum pp_value_origin {
    PP_VALUE_UNSET,
    PP_VALUE_SET,
    PP_VALUE_ENVFILE,
    PP_VALUE_ENVIRONMENT,
    PP_VALUE_RECORDED,
    PP_VALUE_DERIVED,
    PP_VALUE_DEFAULT,
};

/* For people: "--set", "the environment" and so on. */
const char *pp_value_origin_name(enum pp_value_origin origin);

struct pp_value {
    char *path; /* trimmed of trailing slashes */
    char *text; /* padded with slashes to the placeholder's length; the root as "/." */
    enum pp_value_origin origin;
};

/* One value a placeholder, in the order of the table. */
struct pp_values {
    const struct pp_table *table; /* borrowed */
    struct pp_value values[PP_PLACEHOLDER_MAX];
};

#define PP_AUTO_VALUES PP_AUTO(pp_values_done)

/* Where to look; all borrowed, any may be NULL. */
struct pp_value_sources {
    const char *const *set; /* "NAME=VALUE", NULL-terminated */
    const struct pp_envfile *env_file;
    const char *(*environment)(const char *name); /* getenv, or NULL: not believed */
    /* By placeholder: its variables do not count. Where there is such a list, a variable whose
     * value would be refused is put on it. */
    bool *disbelieved;
    const struct pp_envfile *recorded;
    /* Also bytes outside [A-Za-z0-9._/+,=@~-], which break some scripts. Recorded values keep them.
     */
    bool any_bytes;
};

/* Finds, checks and pads the values. PP_ERR_REFUSED names placeholder, value, length and limit. */
int pp_values_resolve(struct pp_values *values, const struct pp_table *table,
                      const struct pp_value_sources *sources, struct pp_err *err);
void pp_values_done(struct pp_values *values);

/* A matcher of the table's placeholders that writes the values, and of `more` patterns, which are
 * counted behind them. NULL and `err` on failure. */
struct pp_matcher *pp_values_matcher(const struct pp_values *values, const struct pp_pattern *more,
                                     size_t more_count, struct pp_err *err);

/* Checks one value of a placeholder and appends its padded text. */
int pp_value_pad(const struct pp_placeholder *placeholder, const char *path, struct pp_buffer *text,
                 struct pp_err *err);

/* Is this value the default? */
bool pp_values_is_default(const struct pp_values *values, size_t index);
/* Is every value the default? Then there is nothing to write. */
bool pp_values_are_default(const struct pp_values *values);

/* Index of the first value that differs from the recorded one, or -1. Values that are not
 * recorded, and those of volatile placeholders, do not count. */
int pp_values_differ(const struct pp_values *values, const struct pp_envfile *recorded);

/* A path on the default rootfs as it is with these values: the longest placeholder default that it
 * lies below is exchanged. The result is the caller's to free; NULL when out of memory. */
char *pp_values_move(const struct pp_values *values, const char *path);

#endif
