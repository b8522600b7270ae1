/* The editor of the stream contract: writes values over placeholders, in place.
 *
 * It edits a buffer and returns how many leading bytes are settled: they can go on. The caller
 * keeps the rest, puts more behind it, and calls again. While fewer bytes than the matcher's
 * lookahead are there and more is to come, it waits, even if a shorter pattern matches already.
 */
#ifndef PP_STREAM_REPLACER_H
#define PP_STREAM_REPLACER_H

#include "base/error.h"
#include "stream/matcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pp_replacer {
    const struct pp_matcher *matcher; /* borrowed */
    bool edit;                        /* false: only find; the bytes are not touched */
    uint64_t offset;                  /* of the next buffer's first byte in the content */
    /* Called for every match, in order. `offset` is the match's in the content; `written` is false
     * when it is left because it cannot be written in its encoding. An error ends the edit. */
    int (*on_match)(void *user, const struct pp_match *match, uint64_t offset, bool written,
                    struct pp_err *err);
    void *user; /* borrowed */
};

/* Edits the content from where the call before settled. `last`: nothing follows; all is settled.
 * Returns the number of settled bytes. */
ssize_t pp_replacer_edit(struct pp_replacer *replacer, uint8_t *data, size_t len, bool last,
                         struct pp_err *err);

#endif
