/* The encoded bytes of a deflate stream, read as bits and as bytes.
 *
 * A window over a source. Bits come from the low end of each byte first (RFC 1951, 3.1.1). Who
 * takes bits calls pp_bit_reader_align() before anybody takes bytes again.
 */
#ifndef PP_STREAM_BIT_READER_H
#define PP_STREAM_BIT_READER_H

#include "base/error.h"
#include "base/source.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Zero bytes that follow the window at the end of the source: bits may be looked at, not taken. */
#define PP_BIT_READER_SLACK 16

struct pp_bit_reader {
    struct pp_source *source; /* borrowed */
    uint8_t *data;
    size_t cap;
    size_t at;  /* the next byte that is not in `bits` */
    size_t end; /* bytes in the window */
    bool eof;   /* the source has no more than the window */
    uint64_t bits;
    unsigned bit_count;
};

/* `source` is borrowed. The reader holds 64 KiB until it is filled with more. */
int pp_bit_reader_init(struct pp_bit_reader *reader, struct pp_source *source, struct pp_err *err);
void pp_bit_reader_done(struct pp_bit_reader *reader);

/* Reads on until `len` bytes or all that is left are in the window. */
int pp_bit_reader_fill(struct pp_bit_reader *reader, size_t len, struct pp_err *err);

/* Takes `len` bytes; PP_ERR_DAMAGED when they are not there. */
int pp_bit_reader_bytes(struct pp_bit_reader *reader, void *data, size_t len, struct pp_err *err);

/* Puts unused bytes back into the window. Returns the bits up to the byte boundary, which are
 * taken. */
unsigned pp_bit_reader_align(struct pp_bit_reader *reader);

/* PP_ERR_DAMAGED in the words that all codecs of this family use. */
int pp_bit_reader_truncated(struct pp_err *err);

static inline size_t pp_bit_reader_left(const struct pp_bit_reader *reader) {
    return reader->end - reader->at;
}

/* Makes 56 bits at least ready in `bits`; behind the end of the source they are zero. */
static inline int pp_bit_reader_refill(struct pp_bit_reader *reader, struct pp_err *err) {
    uint64_t word;

    if (!reader->eof && pp_bit_reader_left(reader) < sizeof(word)) {
        int rc = pp_bit_reader_fill(reader, sizeof(word), err);

        if (rc < 0)
            return rc;
    }
    memcpy(&word, reader->data + reader->at, sizeof(word));
    reader->bits |= le64toh(word) << reader->bit_count;
    reader->at += (63 - reader->bit_count) / 8;
    reader->bit_count |= 56;
    return 0;
}

static inline void pp_bit_reader_drop(struct pp_bit_reader *reader, unsigned count) {
    reader->bits >>= count;
    reader->bit_count -= count;
}

/* Were bits taken that the source does not have? To be asked before the next refill. */
static inline bool pp_bit_reader_overrun(const struct pp_bit_reader *reader) {
    return reader->at > reader->end && reader->at - reader->bit_count / 8 > reader->end;
}

#endif
