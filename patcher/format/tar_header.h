/* The fields of a tar header block.
 * Sources: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format". */
#ifndef PP_FORMAT_TAR_HEADER_H
#define PP_FORMAT_TAR_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_TAR_BLOCK_LEN 512

enum pp_tar_field {
    PP_TAR_NAME = 0,
    PP_TAR_NAME_LEN = 100,
    PP_TAR_MODE = 100,
    PP_TAR_MODE_LEN = 8,
    PP_TAR_SIZE = 124,
    PP_TAR_SIZE_LEN = 12,
    PP_TAR_CHECKSUM = 148,
    PP_TAR_CHECKSUM_LEN = 8,
    PP_TAR_TYPE = 156,
    PP_TAR_LINK = 157,
    PP_TAR_LINK_LEN = 100,
    PP_TAR_MAGIC = 257,
    PP_TAR_PREFIX = 345,
    PP_TAR_PREFIX_LEN = 155,
    PP_TAR_XSTAR_PREFIX_LEN = 131, /* star puts times behind it, and "tar" at 508 */
    PP_TAR_GNU_MAP = 386,          /* of a sparse header: offset and length of so many parts */
    PP_TAR_GNU_MAP_COUNT = 4,
    PP_TAR_GNU_EXTENDED = 482, /* it goes on in another block */
    PP_TAR_GNU_FILE_LEN = 483,
    PP_TAR_MAP_COUNT = 21,     /* the parts in such a block */
    PP_TAR_MAP_EXTENDED = 504, /* so does that block */
};

/* The longest name of a header: prefix, slash, name. */
#define PP_TAR_FULL_NAME_LEN (PP_TAR_PREFIX_LEN + 1 + PP_TAR_NAME_LEN)

/* Is it a header? True when its checksum is right, as unsigned or as signed bytes. */
bool pp_tar_sound(const uint8_t *block);
bool pp_tar_is_gnu(const uint8_t *block);
/* The checksum anew, in the form that it had in `was`, the sound block before it was changed. */
void pp_tar_checksum_mend(uint8_t *block, const uint8_t *was);

/* Octal text, or base-256. A blank field is 0. False when it is neither, negative or too large. */
bool pp_tar_number(const uint8_t *field, size_t len, uint64_t *number);
/* In the form that the field has. False when it does not fit. */
bool pp_tar_number_put(uint8_t *field, size_t len, uint64_t number);

/* Prefix and name as one; returns its length, not terminated. `at` is where in the block it starts.
 */
size_t pp_tar_name(const uint8_t *block, uint8_t name[PP_TAR_FULL_NAME_LEN], size_t *at);
/* Puts back a name of the same length, parted where it was, else at another slash. False when it
 * cannot be parted. */
bool pp_tar_name_put(uint8_t *block, const uint8_t *name, size_t len);
/* Empties the part of the name that stands before the other, where the dialect has one. */
void pp_tar_prefix_clear(uint8_t *block);

#endif
