/* bootstrap/bootstrap_zip.h: any bytes as an archive from outside. Every entry is unpacked, twice,
 * to the same text. */
#include "bootstrap/bootstrap_zip.h"

#include <stdlib.h>
#include <string.h>

/* Larger ones only say that they are. */
#define TEXT_LEN_MAX ((uint64_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void unpack(const struct pp_bootstrap_zip *zip, const struct pp_bootstrap_packed *packed,
                   struct pp_budget *budget, struct pp_spool *spool) {
    struct pp_err err = PP_ERR_INIT;

    pp_spool_init(spool);
    if (pp_bootstrap_zip_unpack(zip, packed, budget, spool, &err) >= 0 &&
        spool->len != packed->text_len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct pp_blob blob = pp_blob_memory(data, len);
    struct pp_bootstrap_zip zip;
    struct pp_bootstrap_zip_entry entry;
    struct pp_budget budget;
    struct pp_err err = PP_ERR_INIT;

    pp_budget_init(&budget, (uint64_t)64 << 20);
    if (pp_bootstrap_zip_open(&zip, &blob, &err) >= 0)
        while (pp_bootstrap_zip_next(&zip, &entry, &err) > 0) {
            struct pp_spool first;
            struct pp_spool second;

            if (entry.packed.text_len > TEXT_LEN_MAX)
                continue;
            unpack(&zip, &entry.packed, &budget, &first);
            unpack(&zip, &entry.packed, &budget, &second);
            if (first.len != second.len)
                abort();
            pp_spool_done(&first);
            pp_spool_done(&second);
        }
    pp_bootstrap_zip_done(&zip);
    pp_budget_done(&budget);
    return 0;
}
