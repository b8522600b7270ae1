#include "recode_twice.h"

/* Several threads read what one reads, and fail behind it with its words. */
static void read_alike(const uint8_t *data, size_t len) {
    struct pp_buffer text = PP_BUFFER_INIT;
    struct pp_err was = PP_ERR_INIT;

    for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
        PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(&pp_codec_xz);
        struct pp_err err = PP_ERR_INIT;
        int rc;

        run.decode_only = true;
        run.memory_len = FUZZ_MEMORY_LEN;
        run.jobs = jobs;
        rc = recode_run(&run, data, len, &err);
        if (jobs == 1) {
            text = run.was;
            run.was = (struct pp_buffer)PP_BUFFER_INIT;
            was = err;
        } else if (rc != -(int)was.kind || strcmp(err.text, was.text) != 0) {
            abort();
        } else {
            fuzz_same(&run.was, &text);
        }
    }
    pp_buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    read_alike(data, len);
    return fuzz_recode_twice(&pp_codec_xz, data, len);
}
