/* Raw deflate: the splice agrees with zlib on what is sound and what it says; without a change it
 * gives the input bit for bit; a patched text comes back. Byte 0 and 1 tell how text is cut, byte 2
 * how it is patched. */
#include "../tools/recode_run.h"

#include <stdlib.h>
#include <zlib.h>

#define TEXT_MAX ((size_t)1 << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void demand(bool holds) {
    if (!holds)
        abort();
}

/* 1: sound; 0: not; -1: too long. */
static int zlib_decode(const uint8_t *data, size_t len, struct pp_buffer *text) {
    z_stream z = {.next_in = (z_const Bytef *)data, .avail_in = (uInt)len};
    struct pp_err err;
    int rc;

    demand(pp_buffer_reserve(text, TEXT_MAX, &err) == 0 && inflateInit2(&z, -MAX_WBITS) == Z_OK);
    z.next_out = text->data;
    z.avail_out = TEXT_MAX;
    rc = inflate(&z, Z_FINISH);
    text->len = TEXT_MAX - z.avail_out;
    inflateEnd(&z);
    if (rc != Z_STREAM_END && z.avail_out == 0)
        return -1;
    return rc == Z_STREAM_END && z.avail_in == 0;
}

static void patch(struct pp_buffer *text, unsigned seed) {
    for (size_t at = seed; at < text->len; at += 1 + (seed * 37u + at * 11u) % 97)
        text->data[at] = (uint8_t)(at * seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer again = PP_BUFFER_INIT;
    struct recode_run run = {.codec = &pp_codec_deflate, .len_kept = true};
    struct pp_err err = PP_ERR_INIT;
    int sound;
    int rc;

    if (len < 3)
        return 0;
    run.read_len = 1 + (size_t)data[0] * data[0];
    run.write_len = 1 + (size_t)data[1] * data[1];
    sound = zlib_decode(data + 3, len - 3, &text);
    if (sound < 0)
        return 0;
    rc = recode_run(&run, data + 3, len - 3, &err);
    if (sound == 0) {
        demand(rc < 0);
    } else if (rc != -PP_ERR_LIMIT) {
        demand(rc == 0 && run.was.len == text.len && run.out.len == len - 3);
        demand(text.len == 0 || memcmp(run.was.data, text.data, text.len) == 0);
        demand(memcmp(run.out.data, data + 3, len - 3) == 0);
        patch(&text, data[2]);
        run.patched = &text;
        demand(recode_run(&run, data + 3, len - 3, &err) == 0);
        demand(zlib_decode(run.out.data, run.out.len, &again) == 1 && again.len == text.len);
        demand(text.len == 0 || memcmp(again.data, text.data, text.len) == 0);
    }
    run.decode_only = true;
    rc = recode_run(&run, data + 3, len - 3, &err);
    demand(sound == 0 || rc == 0);
    recode_run_done(&run);
    return 0;
}
