/* Writes over parts of a file that keep their length, in the inode that is there. */
#ifndef PP_TREE_INPLACE_H
#define PP_TREE_INPLACE_H

#include "base/error.h"
#include "base/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_SPAN_LEN_MAX ((size_t)64 << 10)

/* `len` bytes (up to PP_SPAN_LEN_MAX) at `offset` that are `old` and shall be `put`. Both are
 * borrowed. */
struct pp_span {
    uint64_t offset;
    size_t len;
    const uint8_t *old;
    const uint8_t *put;
};

enum pp_span_state {
    PP_SPAN_OLD,   /* the bytes are `old` (which may be `put` as well) */
    PP_SPAN_PUT,   /* the bytes are `put` */
    PP_SPAN_TORN,  /* each byte is one of the two: a write was cut off */
    PP_SPAN_OTHER, /* somebody else's bytes */
};

enum pp_span_state pp_span_compare(const struct pp_span *span, const uint8_t *data);

/* Opens a regular file for reading and writing, nothing followed. `seen` is what it must still be:
 * PP_ERR_CHANGED. Returns the fd; `st` is filled in. `dir` is borrowed. */
int pp_inplace_open(int dir, const char *name, const struct pp_identity *seen, struct stat *st,
                    struct pp_err *err);

/* Writes the spans (sorted, apart) of a file that is open, and puts back what writing changes: its
 * mtime, setuid and setgid bits, file capabilities. Every span is read first: on other bytes than
 * old or new ones nothing is written, PP_ERR_CHANGED. `torn`: also mends spans of which a part was
 * written. `touched` is set once bytes may have been written. */
int pp_inplace_write(int fd, const struct pp_span *spans, size_t span_count,
                     const struct timespec *mtime, bool torn, bool *touched, struct pp_err *err);

#endif
