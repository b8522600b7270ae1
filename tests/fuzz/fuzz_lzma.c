#include "recode_twice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    return fuzz_recode_twice(&pp_codec_lzma, data, len);
}
