/* KEY=VALUE files: --env-file and the recorded values.
 *
 * As systemd's EnvironmentFile: one assignment a line, `#` and `;` start a comment line, white
 * space around the line is dropped, a value may stand in single or double quotes.
 */
#ifndef PP_VALUES_ENVFILE_H
#define PP_VALUES_ENVFILE_H

#include "base/error.h"

#include <stddef.h>

struct pp_envfile {
    struct pp_env_entry {
        char *key;
        char *value;
    } * entries;
    size_t count;
};

#define PP_ENVFILE_INIT                                                                            \
    { .entries = NULL, .count = 0 }
#define PP_AUTO_ENVFILE PP_AUTO(pp_envfile_done)

/* Parses `text`, which it changes. PP_ERR_REFUSED names the line. */
int pp_envfile_parse(struct pp_envfile *file, char *text, struct pp_err *err);
/* Reads a file of up to 1 MiB. */
int pp_envfile_load(struct pp_envfile *file, const char *path, struct pp_err *err);
void pp_envfile_done(struct pp_envfile *file);
/* The value of the last assignment to `key`, or NULL. */
const char *pp_envfile_get(const struct pp_envfile *file, const char *key);

#endif
