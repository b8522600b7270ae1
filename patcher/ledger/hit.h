/* One place where a placeholder stands, and how many of them are packed into a row.
 *
 * Packed, a hit takes 3 to 5 bytes: varints (LEB128) of a head (placeholder, encoding, and what of
 * the rest follows), the member where it is another than before, the value set where it is not
 * 0, and the distance to the hit before in the same member.
 */
#ifndef PP_LEDGER_HIT_H
#define PP_LEDGER_HIT_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct pp_hit {
    uint64_t offset;      /* of its first byte in the file or, decoded, in the member */
    uint32_t member;      /* 0: the file itself; n: member name n - 1 of the file */
    uint32_t placeholder; /* index into the value set of the row; in a change: of the run */
    uint32_t was;         /* value set whose text stands there before; 0: the placeholder itself */
    uint32_t encoding;    /* enum pp_encoding */
};

/* Appends the packed hits; they are sorted by member, then offset. */
int pp_hits_pack(const struct pp_hit *hits, size_t hit_count, struct pp_buffer *packed,
                 struct pp_err *err);

/* Gives an array (the caller frees it) and its length. What is not well-formed is
 * PP_ERR_DAMAGED. */
int pp_hits_unpack(const uint8_t *packed, size_t packed_len, struct pp_hit **hits,
                   size_t *hit_count, struct pp_err *err);

#endif
