#include "stream/compress.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "stream/deflate.h"
#include "stream/deflate_encoder.h"
#include "stream/gzip_header.h"
#include "stream/lzma_coder.h"
#include "stream/zstd_frame.h"

#include <libdeflate.h>
#include <string.h>

#define CHUNK_LEN ((size_t)1 << 16)

/* Feeds the stage and writes what it gives, to its end. */
static int drive(struct pp_stage *stage, struct pp_source *text, struct pp_sink *out,
                 struct pp_err *err) {
    PP_AUTO_FREE uint8_t *input = malloc(CHUNK_LEN);
    PP_AUTO_FREE uint8_t *output = malloc(CHUNK_LEN);
    struct pp_stage_io io = {.in = input};
    int status = PP_STAGE_MORE;

    if (input == NULL || output == NULL)
        return pp_err_nomem(err);
    while (status == PP_STAGE_MORE) {
        int rc;

        if (io.in_len == 0 && !io.last) {
            ssize_t count = pp_source_read(text, input, CHUNK_LEN, err);

            if (count < 0)
                return (int)count;
            io.in = input;
            io.in_len = (size_t)count;
            io.last = count == 0;
        }
        io.out = output;
        io.out_len = CHUNK_LEN;
        status = stage->ops->step(stage, &io, err);
        if (status < 0)
            return status;
        rc = pp_sink_write(out, output, CHUNK_LEN - io.out_len, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static lzma_ret open_xz(lzma_stream *stream, const lzma_filter *filters) {
    return lzma_stream_encoder(stream, filters, LZMA_CHECK_CRC64);
}

static int compress_xz(struct pp_source *text, struct pp_budget *budget, struct pp_sink *out,
                       struct pp_err *err) {
    lzma_options_lzma options;
    lzma_filter filters[] = {{.id = LZMA_FILTER_LZMA2, .options = &options},
                             {.id = LZMA_VLI_UNKNOWN}};
    struct pp_stage *stage;
    uint64_t memory;
    int rc;

    lzma_lzma_preset(&options, LZMA_PRESET_DEFAULT);
    memory = lzma_raw_encoder_memusage(filters);
    rc = pp_budget_take(budget, memory, false, err);
    if (rc < 0)
        return rc;
    stage = pp_lzma_stage_new(open_xz, filters, err);
    rc = stage != NULL ? drive(stage, text, out, err) : -(int)err->kind;
    if (stage != NULL)
        stage->ops->free(stage);
    pp_budget_give(budget, memory);
    return rc;
}

static int compress_zstd(struct pp_source *text, struct pp_budget *budget, struct pp_sink *out,
                         struct pp_err *err) {
    /* What level 19 has for text of unknown length. */
    const struct pp_zstd_frame frame = {.checksum = true, .window_log = 23};
    uint64_t memory = pp_zstd_frame_memory(&frame, PP_ZSTD_LEVEL, false);
    struct pp_stage *stage = NULL;
    int rc = pp_budget_take(budget, memory, false, err);

    if (rc < 0)
        return rc;
    rc = pp_zstd_stage_new(&frame, PP_ZSTD_LEVEL, false, false, &stage, err);
    if (rc >= 0) {
        rc = drive(stage, text, out, err);
        stage->ops->free(stage);
    }
    pp_budget_give(budget, memory);
    return rc;
}

static int deflate_all(struct pp_deflate_encoder *encoder, struct pp_source *text,
                       uint8_t trailer[8], struct pp_err *err) {
    PP_AUTO_FREE uint8_t *data = malloc(CHUNK_LEN);
    uint32_t crc = 0;
    uint32_t len = 0; /* modulo 2^32: RFC 1952, ISIZE */
    ssize_t count;
    int rc = 0;

    if (data == NULL)
        return pp_err_nomem(err);
    while (rc >= 0 && (count = pp_source_read(text, data, CHUNK_LEN, err)) != 0) {
        if (count < 0)
            return (int)count;
        crc = libdeflate_crc32(crc, data, (size_t)count);
        len += (uint32_t)count;
        rc = pp_deflate_encoder_write(encoder, data, (size_t)count, err);
    }
    pp_le32_put(trailer, crc);
    pp_le32_put(trailer + 4, len);
    return rc < 0 ? rc : pp_deflate_encoder_finish(encoder, err);
}

static int compress_gzip(struct pp_source *text, struct pp_budget *budget, struct pp_sink *out,
                         struct pp_err *err) {
    /* No name, no time, "slowest", Unix. */
    static const uint8_t header[] = PP_GZIP_MAGIC "\0\0\0\0\0\2\3";
    struct pp_deflate_encoder *encoder;
    uint8_t trailer[8];
    int rc = pp_budget_take(budget, PP_DEFLATE_MEMORY_LEN, false, err);

    if (rc < 0)
        return rc;
    encoder = pp_deflate_encoder_new(out, 9, err);
    rc = encoder != NULL ? pp_sink_write(out, header, sizeof(header) - 1, err) : -(int)err->kind;
    if (rc >= 0)
        rc = deflate_all(encoder, text, trailer, err);
    if (rc >= 0)
        rc = pp_sink_write(out, trailer, sizeof(trailer), err);
    pp_deflate_encoder_free(encoder);
    pp_budget_give(budget, PP_DEFLATE_MEMORY_LEN);
    return rc;
}

int pp_compress(const struct pp_codec *codec, struct pp_source *text, struct pp_budget *budget,
                struct pp_sink *out, struct pp_err *err) {
    int rc;

    if (codec == &pp_codec_xz)
        rc = compress_xz(text, budget, out, err);
    else if (codec == &pp_codec_zstd)
        rc = compress_zstd(text, budget, out, err);
    else if (codec == &pp_codec_gzip)
        rc = compress_gzip(text, budget, out, err);
    else
        return pp_err_set(err, PP_ERR_USAGE, "%s is not written afresh", codec->name);
    return rc < 0 ? pp_err_context(err, "%s", codec->name) : 0;
}
