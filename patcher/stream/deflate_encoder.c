#include "stream/deflate_encoder.h"

#include "base/buffer.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

/* Whole texts up to this length go to libdeflate. */
#define WHOLE_LEN_MAX ((size_t)1 << 20)
#define STEP_LEN ((size_t)65536)

struct pp_deflate_encoder {
    struct pp_sink *out;
    int level;
    struct pp_buffer text; /* until it is too long for one piece */
    z_stream z;
    bool streaming;
};

struct pp_deflate_encoder *pp_deflate_encoder_new(struct pp_sink *out, int level,
                                                  struct pp_err *err) {
    struct pp_deflate_encoder *encoder = calloc(1, sizeof(*encoder));

    if (encoder == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    encoder->out = out;
    encoder->level = level;
    return encoder;
}

void pp_deflate_encoder_free(struct pp_deflate_encoder *encoder) {
    if (encoder == NULL)
        return;
    pp_buffer_done(&encoder->text);
    if (encoder->streaming)
        deflateEnd(&encoder->z);
    free(encoder);
}

static int stream_step(struct pp_deflate_encoder *encoder, const void *text, size_t len, int flush,
                       struct pp_err *err) {
    uint8_t *data = malloc(STEP_LEN);
    int rc = data != NULL ? 0 : pp_err_nomem(err);

    encoder->z.next_in = (z_const Bytef *)text;
    encoder->z.avail_in = (uInt)len;
    while (rc == 0) {
        encoder->z.next_out = data;
        encoder->z.avail_out = (uInt)STEP_LEN;
        deflate(&encoder->z, flush);
        rc = pp_sink_write(encoder->out, data, STEP_LEN - encoder->z.avail_out, err);
        if (encoder->z.avail_out > 0)
            break;
    }
    free(data);
    return rc;
}

static int stream(struct pp_deflate_encoder *encoder, const uint8_t *text, size_t len, int flush,
                  struct pp_err *err) {
    const size_t part_max = (size_t)1 << 30; /* zlib counts in 32 bits */
    int rc = 0;

    while (rc == 0 && len > part_max) {
        rc = stream_step(encoder, text, part_max, Z_NO_FLUSH, err);
        text += part_max;
        len -= part_max;
    }
    return rc < 0 ? rc : stream_step(encoder, text, len, flush, err);
}

static int start_streaming(struct pp_deflate_encoder *encoder, struct pp_err *err) {
    int rc;

    if (deflateInit2(&encoder->z, encoder->level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return pp_err_nomem(err);
    encoder->streaming = true;
    rc = stream(encoder, encoder->text.data, encoder->text.len, Z_NO_FLUSH, err);
    pp_buffer_done(&encoder->text);
    return rc;
}

int pp_deflate_encoder_write(struct pp_deflate_encoder *encoder, const void *text, size_t len,
                             struct pp_err *err) {
    if (!encoder->streaming) {
        int rc;

        if (len <= WHOLE_LEN_MAX - encoder->text.len)
            return pp_buffer_append(&encoder->text, text, len, err);
        rc = start_streaming(encoder, err);
        if (rc < 0)
            return rc;
    }
    return stream(encoder, text, len, Z_NO_FLUSH, err);
}

static int write_whole(struct pp_deflate_encoder *encoder, struct pp_err *err) {
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(encoder->level);
    size_t cap = libdeflate_deflate_compress_bound(compressor, encoder->text.len);
    uint8_t *data = malloc(cap);
    int rc;

    if (compressor == NULL || data == NULL)
        rc = pp_err_nomem(err);
    else
        rc = pp_sink_write(encoder->out, data,
                           libdeflate_deflate_compress(compressor, encoder->text.data,
                                                       encoder->text.len, data, cap),
                           err);
    free(data);
    libdeflate_free_compressor(compressor);
    return rc;
}

int pp_deflate_encoder_finish(struct pp_deflate_encoder *encoder, struct pp_err *err) {
    if (encoder->streaming)
        return stream(encoder, NULL, 0, Z_FINISH, err);
    return write_whole(encoder, err);
}
