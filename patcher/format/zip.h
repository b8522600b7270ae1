/* What the parts of the zip container share: zip.c walks, zip_index.c reads and checks what the
 * archive says of itself, zip_splice.c writes it again.
 *
 * Source of the format: PKWARE APPNOTE.TXT 6.3.10, numbers of its sections in the comments. All
 * numbers are little-endian. Only archives without zip64 are taken: every length and offset has
 * 32 bits, 0xffffffff says that the value stands elsewhere.
 */
#ifndef PP_FORMAT_ZIP_H
#define PP_FORMAT_ZIP_H

#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 4.3.7: local header, before the content of every member. */
#define PP_ZIP_LOCAL_MAGIC 0x04034b50u
#define PP_ZIP_LOCAL_LEN 30u
#define PP_ZIP_LOCAL_CRC_AT 14
#define PP_ZIP_LOCAL_EXTRA_LEN_AT 28

/* 4.3.9: data descriptor, behind the content; its magic may be missing. */
#define PP_ZIP_DESCRIPTOR_MAGIC 0x08074b50u
#define PP_ZIP_DESCRIPTOR_LEN 12u /* without the magic */

/* 4.3.12: central directory, one entry a member. */
#define PP_ZIP_CENTRAL_MAGIC 0x02014b50u
#define PP_ZIP_CENTRAL_LEN 46u
#define PP_ZIP_CENTRAL_CRC_AT 16
#define PP_ZIP_CENTRAL_OFFSET_AT 42

/* 4.3.16: end of central directory. */
#define PP_ZIP_END_MAGIC 0x06054b50u
#define PP_ZIP_END_LEN 22u
#define PP_ZIP_TAIL_MAX (PP_ZIP_END_LEN + 65535u) /* with the longest comment */
#define PP_ZIP_END_OFFSET_AT 16

/* 4.3.15: locator of the zip64 end record, right before the end record. */
#define PP_ZIP64_LOCATOR_MAGIC 0x07064b50u
#define PP_ZIP64_LOCATOR_LEN 20u

/* 4.4.4 */
#define PP_ZIP_FLAG_ENCRYPTED 0x0001u
#define PP_ZIP_FLAG_DESCRIPTOR 0x0008u

/* 4.4.5 */
#define PP_ZIP_STORED 0u
#define PP_ZIP_DEFLATED 8u

#define PP_ZIP_ELSEWHERE 0xffffffffu

/* What may stand before the first member: it is held in memory. */
#define PP_ZIP_STUB_MAX ((uint64_t)4 << 20)

/* The three numbers that stand together in local header, data descriptor and central directory,
 * in this order. */
struct pp_zip_sums {
    uint32_t crc32; /* of the plain text */
    uint32_t stored_len;
    uint32_t text_len;
};

struct pp_zip_entry {
    uint32_t local_offset;   /* of the local header, from the start of the zip */
    uint32_t central_offset; /* of its entry, from the start of the central directory */
    struct pp_zip_sums sums;
    uint32_t unix_mode; /* upper half of the external attributes; 0 when not made on Unix */
    uint16_t flags;     /* of the local header */
    uint16_t method;
    uint16_t name_len;
    uint16_t extra_len;      /* of the local header */
    uint8_t descriptor_len;  /* 0, 12 or 16 bytes behind the content */
    const char *unsupported; /* NULL, or why it cannot be rewritten */

    /* As it will be written. */
    bool last; /* content() is called after all the others */
    bool changed;
    struct pp_zip_sums new_sums;
    uint64_t spool_offset; /* where its new content stands in the spool */
    uint32_t new_local_offset;
    uint16_t new_extra_len;
};

struct pp_zip {
    struct pp_blob whole;    /* borrowed file or memory */
    uint64_t stub_len;       /* of `whole`, before the first member */
    struct pp_blob blob;     /* from where offsets count: the start of `whole`, or the stub's end */
    struct pp_window window; /* on local headers and content */
    struct pp_zip_entry *entries;
    size_t entry_count;
    uint64_t central_offset;
    uint64_t central_len;
    uint64_t end_offset; /* of the end record; the comment lies between it and the end of the zip */
    const char *sealed;  /* NULL, or why the whole archive must stay as it is */
    bool is_signed;      /* that is why */
};

#define PP_AUTO_ZIP PP_AUTO(pp_zip_done)

/* Reads the central directory and every local header, and checks that they agree and that nothing
 * overlaps. The entries are in the order of their local headers. PP_ERR_DAMAGED where not,
 * PP_ERR_UNSUPPORTED: zip64, several disks, a stub of more than PP_ZIP_STUB_MAX bytes. */
int pp_zip_open(struct pp_zip *zip, const struct pp_blob *blob, struct pp_err *err);
void pp_zip_done(struct pp_zip *zip);

/* Does it start as a zip does, or as a .jmod: a zip behind four bytes? */
bool pp_zip_starts(const uint8_t *head, size_t len);
bool pp_zip_is_jmod(const uint8_t *head, size_t len);

/* The end record in the last bytes of a zip, at most PP_ZIP_TAIL_MAX: the last place from where its
 * comment reaches exactly to the end. NULL when there is none. */
const uint8_t *pp_zip_find_end(const uint8_t *tail, size_t len);

/* Exactly `len` bytes; PP_ERR_DAMAGED when the zip ends before. */
int pp_zip_read(const struct pp_zip *zip, uint64_t offset, void *data, size_t len,
                struct pp_err *err);

static inline uint64_t pp_zip_data_offset(const struct pp_zip_entry *entry) {
    return (uint64_t)entry->local_offset + PP_ZIP_LOCAL_LEN + entry->name_len + entry->extra_len;
}

/* Are these `len` bytes the name of a signature over other members of the archive? Returns the
 * reason not to rewrite it, or NULL. */
const char *pp_zip_signature(const char *name, size_t len);

/* Writes the zip with the new content of the changed entries, which is in `texts`. Everything else
 * is copied, but for the stub, which is written already. PP_ERR_UNSUPPORTED before the first byte
 * when the result would need zip64. Changes the order of the entries. */
int pp_zip_splice(struct pp_zip *zip, const struct pp_blob *texts, struct pp_sink *out,
                  struct pp_err *err);

#endif
