/* libpathpatch: writes real paths over the placeholders in content, also inside compressed files
 * and archives. The ledger, the tree walk and the dpkg hook belong to the program.
 *
 *     char message[256];
 *     struct pp_patcher *patcher = pp_patcher_new(NULL, values, message, sizeof(message));
 *     int64_t count = pp_patcher_content(patcher, in, out, message, sizeof(message));
 *     pp_patcher_free(patcher);
 *
 * Errors: a function that fails says why in `message`, one line with its NUL, cut to `message_len`
 * bytes; success leaves it alone. A patcher may be shared by threads once it is made.
 */
#ifndef PATHPATCH_H
#define PATHPATCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PP_API __attribute__((visibility("default")))
#else
#define PP_API
#endif

struct pp_patcher;

/* The version, as "0.1.0". */
PP_API const char *pp_version(void);

/* Makes a patcher. `table_path`: an INI file, or NULL for the default table. `values`: "NAME=VALUE"
 * texts and a NULL; placeholders that are not named are derived from their parents, or keep their
 * default. Nothing is kept of the arguments. NULL when a table or a value is refused. */
PP_API struct pp_patcher *pp_patcher_new(const char *table_path, const char *const *values,
                                         char *message, size_t message_len);
PP_API void pp_patcher_free(struct pp_patcher *patcher);

/* Writes the patched content of the file `in`, a regular file read from its start, to `out`, at its
 * current offset. Both stay open. Content that is executable by itself (ELF, scripts) is left.
 * Decodes up to 1 GiB, to a depth of 4. Returns the number of placeholders that were written over;
 * with 0 nothing is written to `out`: the content stays as it is. -1 on failure; what `out` holds
 * then is void. */
PP_API int64_t pp_patcher_content(const struct pp_patcher *patcher, int in, int out, char *message,
                                  size_t message_len);

#ifdef __cplusplus
}
#endif

#endif
