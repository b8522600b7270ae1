/* gzip: what is read with a sink and without is the same; without a change the output is the input;
 * a patched text comes back. Byte 0 and 1 tell how text is cut, byte 2 how it is patched. Checks
 * and lengths are set right first, so that the fuzzer gets past them. */
#include "../tools/recode_run.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <zlib.h>

#define TEXT_MAX ((size_t)1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void demand(bool holds) {
    if (!holds)
        abort();
}

/* Mends the trailers of all members whose header zlib understands. */
static bool mend_trailers(uint8_t *file, size_t len) {
    static uint8_t text[TEXT_MAX];
    size_t at = 0;

    while (at < len) {
        z_stream z = {.next_in = file + at, .avail_in = (uInt)(len - at)};
        int rc;

        demand(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
        z.next_out = text;
        z.avail_out = TEXT_MAX;
        rc = inflate(&z, Z_FINISH);
        at = len - z.avail_in;
        inflateEnd(&z);
        if (z.avail_out == 0)
            return false;
        if (rc == Z_STREAM_END)
            continue;
        /* zlib stops behind the field that is wrong */
        if (z.msg != NULL && strcmp(z.msg, "incorrect data check") == 0)
            pp_le32_put(file + at - 4, (uint32_t)crc32(0, text, (uInt)z.total_out));
        else if (z.msg != NULL && strcmp(z.msg, "incorrect length check") == 0)
            pp_le32_put(file + at - 4, (uint32_t)z.total_out);
        else
            break;
        at = 0;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    PP_AUTO_BUFFER struct pp_buffer file = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = {.codec = &pp_codec_gzip, .len_kept = true};
    struct recode_run read = {
        .codec = &pp_codec_gzip, .read_len = RECODE_RUN_WHOLE, .decode_only = true};
    struct pp_err err = PP_ERR_INIT;
    int rc;

    if (len < 3)
        return 0;
    run.read_len = 1 + (size_t)data[0] * data[0];
    run.write_len = 1 + (size_t)data[1] * data[1];
    run.lag = data[1];
    demand(pp_buffer_append(&file, data + 3, len - 3, &err) == 0);
    if (!mend_trailers(file.data, file.len))
        return 0;
    rc = recode_run(&run, file.data, file.len, &err);
    if (rc == 0) {
        demand(run.out.len == file.len && memcmp(run.out.data, file.data, file.len) == 0);
        demand(recode_run(&read, file.data, file.len, &err) == 0);
        demand(read.was.len == run.was.len);
        demand(read.was.len == 0 || memcmp(read.was.data, run.was.data, read.was.len) == 0);
        demand(pp_buffer_append(&text, run.was.data, run.was.len, &err) == 0);
        for (size_t at = data[2]; at < text.len; at += 1 + (at * 11u + data[2]) % 97)
            text.data[at] = (uint8_t)(at * data[2]);
        run.patched = &text;
        demand(recode_run(&run, file.data, file.len, &err) == 0);
        demand(recode_run(&read, run.out.data, run.out.len, &err) == 0);
        demand(read.was.len == text.len);
        demand(text.len == 0 || memcmp(read.was.data, text.data, text.len) == 0);
    }
    recode_run_done(&run);
    recode_run_done(&read);
    return 0;
}
