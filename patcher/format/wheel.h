/* The RECORD of a wheel: a line with hash and length for every member, mended as text.
 *
 * Format: packaging.python.org/en/latest/specifications/recording-installed-packages/, "The RECORD
 * file": CSV with the fields path, hash (`sha256=` and urlsafe base64 without padding) and length;
 * hash and length may be empty.
 *
 * Whoever rewrites a wheel notes hash and length of every changed member, plans PP_PLAN_LAST for
 * RECORD, and then passes its decoded text through here.
 */
#ifndef PP_FORMAT_WHEEL_H
#define PP_FORMAT_WHEEL_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_wheel_change {
    const char *name; /* borrowed; the member's name in the zip */
    uint8_t sha256[PP_SHA256_LEN];
    uint64_t len; /* bytes of plain text */
};

/* Is a member of this name the RECORD of a wheel? */
bool pp_wheel_is_record(const char *name);

/* Appends the text of the new RECORD to `out`: as it was, but for hashes and lengths of changed
 * members; an empty field stays empty. Sorts `changes`. Returns the number of lines that changed.
 * PP_ERR_UNSUPPORTED: a changed member has a hash other than SHA-256. PP_ERR_DAMAGED: not such a
 * table. */
int pp_wheel_record_mend(const uint8_t *text, size_t len, struct pp_wheel_change *changes,
                         size_t change_count, struct pp_buffer *out, struct pp_err *err);

#endif
