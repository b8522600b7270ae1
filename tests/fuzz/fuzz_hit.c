/* The packed hits of a ledger's row: what was unpacked is packed and unpacked again as the same. */
#include "demand.h"
#include "ledger/hit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* As those who record them sort hits. */
static bool sorted(const struct pp_hit *hits, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (hits[i].member < hits[i - 1].member ||
            (hits[i].member == hits[i - 1].member && hits[i].offset < hits[i - 1].offset))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    PP_AUTO_BUFFER struct pp_buffer packed = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct pp_hit *hits = NULL;
    struct pp_hit *back = NULL;
    size_t count = 0;
    size_t back_count = 0;

    if (failed(pp_hits_unpack(data, len, &hits, &count, &err), &err))
        return 0;
    if (sorted(hits, count)) {
        demand(pp_hits_pack(hits, count, &packed, &err) >= 0 && packed.len <= len);
        demand(pp_hits_unpack(packed.data, packed.len, &back, &back_count, &err) >= 0);
        demand(back_count == count);
        for (size_t i = 0; i < count; i++)
            demand(back[i].offset == hits[i].offset && back[i].member == hits[i].member &&
                   back[i].placeholder == hits[i].placeholder && back[i].was == hits[i].was &&
                   back[i].encoding == hits[i].encoding);
    }
    free(hits);
    free(back);
    return 0;
}
