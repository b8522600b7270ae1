/* The records of a pax extended header: "LENGTH KEY=VALUE\n".
 * Source: POSIX.1-2017 pax, "pax Extended Header". */
#ifndef PP_FORMAT_TAR_PAX_H
#define PP_FORMAT_TAR_PAX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Offsets count from the start of the extended header's data. */
struct pp_pax_record {
    size_t at;
    size_t len;
    const char *key; /* borrowed, not terminated */
    size_t key_len;
    size_t value_at;
    size_t value_len;
};

/* The record at `*at`, which is moved behind it. Returns 1, or 0 at the end; PP_ERR_DAMAGED when
 * there is none. */
int pp_pax_next(const uint8_t *data, size_t len, size_t *at, struct pp_pax_record *record,
                struct pp_err *err);
bool pp_pax_is(const struct pp_pax_record *record, const char *key);
/* Decimal digits alone. */
bool pp_pax_number(const uint8_t *text, size_t len, uint64_t *number);

#define PP_PAX_SIZE_MAX 64
/* Writes a record of the size, returns its length. */
size_t pp_pax_size_print(char text[PP_PAX_SIZE_MAX], uint64_t size);

#endif
