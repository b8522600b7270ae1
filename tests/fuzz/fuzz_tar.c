#include "container.h"

#include "format/tar_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* No mutation would get past the checksums: blocks that have one get the right one. */
static void seal(uint8_t *data, size_t len) {
    for (size_t at = 0; at + PP_TAR_BLOCK_LEN <= len; at += PP_TAR_BLOCK_LEN) {
        uint8_t *field = data + at + PP_TAR_CHECKSUM;
        unsigned sum = 0;

        if (field[0] < '0' || field[0] > '7')
            continue;
        memset(field, ' ', PP_TAR_CHECKSUM_LEN);
        for (size_t i = 0; i < PP_TAR_BLOCK_LEN; i++)
            sum += data[at + i];
        snprintf((char *)field, PP_TAR_CHECKSUM_LEN, "%07o", sum);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    uint8_t *sealed = malloc(len + 1);

    if (sealed == NULL)
        return 0;
    memcpy(sealed, data, len);
    seal(sealed, len);
    fuzz_container(&pp_container_tar, sealed, len);
    free(sealed);
    return 0;
}
