/* Bits, written to a sink: the counterpart of bit_reader.h.
 *
 * One bit that was put may be marked as open: while it is, what follows is held back (up to 1 MiB)
 * so that the bit can still be cleared.
 */
#ifndef PP_STREAM_BIT_WRITER_H
#define PP_STREAM_BIT_WRITER_H

#include "base/error.h"
#include "base/sink.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pp_bit_writer {
    struct pp_sink *sink; /* borrowed */
    uint64_t bits;
    unsigned bit_count; /* at most 7 between two calls */
    uint8_t *data;      /* eight bytes more than `cap` */
    size_t len;         /* less than `cap` between two calls */
    size_t cap;
    unsigned open_bit; /* its place in the first byte of `data`, if `is_open` */
    bool is_open;
};

int pp_bit_writer_init(struct pp_bit_writer *writer, struct pp_sink *sink, struct pp_err *err);
void pp_bit_writer_done(struct pp_bit_writer *writer);

/* The lowest `count` bits, up to 56; no others may be set. */
int pp_bit_writer_put(struct pp_bit_writer *writer, uint64_t bits, unsigned count,
                      struct pp_err *err);

/* Goes on to the byte boundary with as many bits of `pad` as are needed. */
int pp_bit_writer_align(struct pp_bit_writer *writer, unsigned pad, struct pp_err *err);

/* Bytes; the writer must stand at a byte boundary and no bit be open. */
int pp_bit_writer_bytes(struct pp_bit_writer *writer, const void *data, size_t len,
                        struct pp_err *err);

/* Marks the next bit as open. */
int pp_bit_writer_open(struct pp_bit_writer *writer, struct pp_err *err);
/* The open bit stays as it is. */
void pp_bit_writer_close(struct pp_bit_writer *writer);
/* Clears the open bit, behind which a byte at least was put. False when it is not open any more. */
bool pp_bit_writer_clear(struct pp_bit_writer *writer);

/* When `len` has reached `cap`: gives all whole bytes to the sink, or holds them back. */
int pp_bit_writer_make_room(struct pp_bit_writer *writer, struct pp_err *err);

/* Gives all whole bytes to the sink. */
int pp_bit_writer_flush(struct pp_bit_writer *writer, struct pp_err *err);

/* Stores eight bytes from `len` on, of which later ones are overwritten. */
static inline void pp_bit_writer_store(const struct pp_bit_writer *writer, size_t len,
                                       uint64_t bits) {
    uint64_t word = htole64(bits);

    memcpy(writer->data + len, &word, sizeof(word));
}

#endif
