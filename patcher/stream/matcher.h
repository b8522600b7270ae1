/* Finds padded paths in bytes: the one place that knows what a placeholder looks like.
 *
 * A pattern is a stem (a path without `//`) followed by a fixed number of slashes. It is found as
 * it is, and as UTF-16 and UTF-32 of either byte order, at any offset. The leftmost match wins,
 * then the longest; matches do not overlap. In a longer run of slashes a match takes exactly its
 * length. A candidate whose last slash is the first byte of another whole pattern is one slash
 * short: it is no match, and nothing in it is.
 *
 * Guards are the texts that are written over patterns. A candidate that would be changed is no
 * match where a guard starts in it: so a second run over patched bytes finds nothing.
 * pp_values_resolve() refuses what this does not cover: values that end as a pattern begins, or are
 * part of one.
 *
 * A pattern can also be a path, without padding: it is found where it ends as a path does
 * (stream/path_end.h). Where a path and a padded pattern begin alike, the longer one wins. A path,
 * and a padded pattern beside a path, is also found with escapes or line breaks in it
 * (stream/broken.h). Nothing is ever written over those.
 *
 * A matcher never changes once it is made; threads share it.
 */
#ifndef PP_STREAM_MATCHER_H
#define PP_STREAM_MATCHER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pp_encoding {
    PP_ENCODING_BYTES,
    PP_ENCODING_UTF16LE,
    PP_ENCODING_UTF16BE,
    PP_ENCODING_UTF32LE,
    PP_ENCODING_UTF32BE,
};

/* Bytes of one character: 1, 2 or 4. */
size_t pp_encoding_width(enum pp_encoding encoding);
/* "utf-16le" and so on; "bytes" for none. */
const char *pp_encoding_name(enum pp_encoding encoding);

struct pp_pattern {
    const char *find; /* the padded text; copied */
    const char *put;  /* what is written over it, same length; NULL: only found; copied */
    size_t len;
    bool is_path; /* a path without its padding; `find` does not end with a slash */
};

struct pp_match {
    size_t pattern; /* index into the patterns given to pp_matcher_new() */
    enum pp_encoding encoding;
    size_t offset; /* first byte of the match: a zero byte in big-endian text */
    size_t first;  /* its first slash */
    size_t end;    /* one past its last slash */
    bool broken;   /* there are escapes or line breaks in it */
    const uint8_t
        *data; /* the buffer that it was found in, borrowed; all the offsets are in there */
    size_t len;
};

struct pp_matcher;

/* Makes a matcher of up to PP_PATTERN_MAX patterns and guards in all, each 2 to PP_PATTERN_LEN_MAX
 * bytes and starting with a slash. NULL and PP_ERR_NOMEM or PP_ERR_USAGE. */
#define PP_PATTERN_MAX 1024
#define PP_PATTERN_LEN_MAX 4095
struct pp_matcher *pp_matcher_new(const struct pp_pattern *patterns, size_t pattern_count,
                                  const char *const *guards, size_t guard_count,
                                  struct pp_err *err);
void pp_matcher_free(struct pp_matcher *matcher);

/* Characters behind a match that a caller may look at where there are paths in the matcher. */
#define PP_PATH_LOOKAHEAD 128

/* A candidate is decided only with this many bytes from its start on at hand: itself and what
 * may follow it, in the widest encoding. */
size_t pp_matcher_lookahead(const struct pp_matcher *matcher);

/* A walk over one buffer; `{0}` to start. */
struct pp_matcher_walk {
    size_t at;    /* scanned up to here */
    size_t floor; /* no match starts before this: the end of the one before */
};

/* The next match that starts before `limit`. The buffer must hold the lookahead behind `limit`, or
 * the content must end with it. False when there is none. */
bool pp_matcher_next(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                     size_t limit, struct pp_matcher_walk *walk, struct pp_match *match);

/* Would pp_matcher_write() write it? */
bool pp_matcher_can_write(const struct pp_matcher *matcher, const struct pp_match *match);

/* Writes the pattern's `put` over a match. False, and nothing is written, where that cannot be
 * done: text that is not ASCII in a wide encoding. */
bool pp_matcher_write(const struct pp_matcher *matcher, uint8_t *data,
                      const struct pp_match *match);

#endif
