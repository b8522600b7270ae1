/* Reads a zip from its central directory; the content of its entries in any thread.
 *
 *     pp_bootstrap_zip_open(&zip, &blob, err)
 *     pp_bootstrap_zip_next(&zip, &name, &packed, err)        1, or 0 at the end; any number of
 * times, pp_bootstrap_zip_rewind(&zip)                           from the start again
 *     pp_bootstrap_zip_unpack(&zip, &packed, budget, spool, err)
 *
 * Source of the format: PKWARE APPNOTE.TXT 6.3.10, as for format/zip.h, with zip64. What is packed
 * by another method than deflate, bzip2, zstd or xz, or encrypted, is refused when it is unpacked.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_ZIP_H
#define PP_BOOTSTRAP_BOOTSTRAP_ZIP_H

#include "base/blob.h"
#include "base/budget.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/spool.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Bytes of a central directory, which is held in memory: some 600,000 entries. */
#define PP_BOOTSTRAP_ZIP_CENTRAL_MAX ((uint64_t)64 << 20)

struct pp_bootstrap_zip {
    struct pp_blob blob; /* borrowed */
    struct pp_buffer central;
    size_t at;            /* in `central` */
    uint64_t entry_count; /* that there are by the end record */
    uint64_t seen_count;
};

/* Where the content of an entry is, and what it shall be. */
struct pp_bootstrap_packed {
    uint64_t local_offset; /* of its local header */
    uint64_t stored_len;
    uint64_t text_len;
    uint32_t crc32;
    uint16_t method;
    uint16_t flags;
    uint16_t name_len;
};

struct pp_bootstrap_zip_entry {
    const char *name; /* `packed.name_len` bytes, no NUL behind it; good while the zip is open */
    uint32_t mode;    /* of Unix with its kind; 0: not told */
    struct timespec mtime;
    struct pp_bootstrap_packed packed;
};

/* Does it start as a zip does? */
bool pp_bootstrap_zip_bids(const uint8_t *head, size_t len);
/* PP_ERR_DAMAGED, PP_ERR_UNSUPPORTED: several disks. Initialises `zip`, also on failure. */
int pp_bootstrap_zip_open(struct pp_bootstrap_zip *zip, const struct pp_blob *blob,
                          struct pp_err *err);
void pp_bootstrap_zip_done(struct pp_bootstrap_zip *zip);

int pp_bootstrap_zip_next(struct pp_bootstrap_zip *zip, struct pp_bootstrap_zip_entry *entry,
                          struct pp_err *err);
void pp_bootstrap_zip_rewind(struct pp_bootstrap_zip *zip);

/* Decodes into an empty spool, and checks length and CRC. Threads may do this at once. */
int pp_bootstrap_zip_unpack(const struct pp_bootstrap_zip *zip,
                            const struct pp_bootstrap_packed *packed, struct pp_budget *budget,
                            struct pp_spool *spool, struct pp_err *err);

#endif
