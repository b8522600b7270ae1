/* Where a path ends in text: the one rule for it. */
#ifndef PP_STREAM_PATH_END_H
#define PP_STREAM_PATH_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does a path that stands before `at` end there, so that it is not the beginning of another name? A
 * name goes on with ASCII letters, digits and `_-+~`, also behind full stops, as in
 * com.termux.api, or behind a backslash that a `-` or `.` follows (roff, regular expressions).
 * Everything else ends it: a slash, a full stop at the end of a sentence, bytes that are not ASCII.
 * A character every `width` bytes, with zeros between. */
bool pp_path_ends(const uint8_t *data, size_t len, size_t at, size_t width);

#endif
