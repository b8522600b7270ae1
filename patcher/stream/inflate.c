#include "stream/inflate.h"

#include "stream/deflate_encoder.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Encoded content up to the first and text up to the second are decoded in one piece. */
#define WHOLE_IN_MAX ((size_t)2 << 20)
#define WHOLE_TEXT_MAX ((size_t)4 << 20)

enum inflate_state {
    INFLATE_START,
    INFLATE_WHOLE,  /* all text is in `text` */
    INFLATE_STREAM, /* zlib is at work */
    INFLATE_END,
};

struct inflate {
    struct pp_recode recode;
    struct pp_bit_reader *reader;
    struct pp_deflate_encoder *encoder; /* NULL: decode only */
    enum inflate_state state;
    uint8_t *text;
    size_t text_at;
    size_t text_len;
    z_stream z; /* open when `z_open` */
    bool z_open;
};

/* Returns 1 when the whole text is there, 0 when zlib has to do it. */
static int decode_whole(struct inflate *self, struct pp_err *err) {
    struct pp_bit_reader *reader = self->reader;
    struct libdeflate_decompressor *decompressor = NULL;
    enum libdeflate_result result;
    size_t used = 0;
    size_t cap;
    int rc = pp_bit_reader_fill(reader, WHOLE_IN_MAX, err);

    if (rc < 0 || !reader->eof)
        return rc;
    /* No code is shorter than one bit, no match longer than 258. */
    cap = pp_bit_reader_left(reader) > WHOLE_TEXT_MAX / 2064 ? WHOLE_TEXT_MAX
                                                             : pp_bit_reader_left(reader) * 2064;
    self->text = malloc(cap + 1);
    decompressor = libdeflate_alloc_decompressor();
    if (self->text == NULL || decompressor == NULL) {
        libdeflate_free_decompressor(decompressor);
        return pp_err_nomem(err);
    }
    result = libdeflate_deflate_decompress_ex(decompressor, reader->data + reader->at,
                                              pp_bit_reader_left(reader), self->text, cap, &used,
                                              &self->text_len);
    libdeflate_free_decompressor(decompressor);
    if (result == LIBDEFLATE_SUCCESS) {
        reader->at += used;
        return 1;
    }
    free(self->text);
    self->text = NULL;
    return 0;
}

static int start(struct inflate *self, struct pp_err *err) {
    int rc = decode_whole(self, err);

    if (rc < 0)
        return rc;
    if (rc == 1) {
        self->state = INFLATE_WHOLE;
        return 0;
    }
    if (inflateInit2(&self->z, -MAX_WBITS) != Z_OK)
        return pp_err_nomem(err);
    self->z_open = true;
    self->state = INFLATE_STREAM;
    return 0;
}

static size_t read_whole(struct inflate *self, void *text, size_t len) {
    size_t count = self->text_len - self->text_at;

    if (count > len)
        count = len;
    memcpy(text, self->text + self->text_at, count);
    self->text_at += count;
    if (count == 0)
        self->state = INFLATE_END;
    return count;
}

static ssize_t read_stream(struct inflate *self, void *text, size_t len, struct pp_err *err) {
    struct pp_bit_reader *reader = self->reader;
    z_stream *z = &self->z;

    if (len > (size_t)1 << 30) /* zlib counts in 32 bits */
        len = (size_t)1 << 30;
    z->next_out = text;
    z->avail_out = (uInt)len;
    while (z->avail_out == len && self->state != INFLATE_END) {
        int result;
        int rc = pp_bit_reader_fill(reader, 1, err);

        if (rc < 0)
            return rc;
        z->next_in = reader->data + reader->at;
        z->avail_in = (uInt)pp_bit_reader_left(reader);
        result = inflate(z, Z_NO_FLUSH);
        reader->at = reader->end - z->avail_in;
        if (result == Z_STREAM_END)
            self->state = INFLATE_END;
        else if (z->avail_out < len)
            break;
        else if (result == Z_MEM_ERROR)
            return pp_err_nomem(err);
        else if (result == Z_BUF_ERROR && reader->eof)
            return pp_bit_reader_truncated(err);
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return pp_err_set(err, PP_ERR_DAMAGED, "%s", z->msg != NULL ? z->msg : zError(result));
    }
    return (ssize_t)(len - z->avail_out);
}

static ssize_t inflate_read(struct pp_recode *recode, void *text, size_t len, struct pp_err *err) {
    struct inflate *self = (struct inflate *)recode;
    int rc;

    if (len == 0 || self->state == INFLATE_END)
        return 0;
    if (self->state == INFLATE_START && (rc = start(self, err)) < 0)
        return rc;
    if (self->state == INFLATE_WHOLE)
        return (ssize_t)read_whole(self, text, len);
    return read_stream(self, text, len, err);
}

static int inflate_write(struct pp_recode *recode, const void *text, size_t len,
                         struct pp_err *err) {
    struct inflate *self = (struct inflate *)recode;

    return pp_deflate_encoder_write(self->encoder, text, len, err);
}

static int inflate_finish(struct pp_recode *recode, struct pp_err *err) {
    struct inflate *self = (struct inflate *)recode;

    return self->encoder != NULL ? pp_deflate_encoder_finish(self->encoder, err) : 0;
}

static void inflate_free(struct pp_recode *recode) {
    struct inflate *self = (struct inflate *)recode;

    pp_deflate_encoder_free(self->encoder);
    if (self->z_open)
        inflateEnd(&self->z);
    free(self->text);
    free(self);
}

static const struct pp_recode_ops inflate_ops = {
    .read = inflate_read,
    .write = inflate_write,
    .finish = inflate_finish,
    .free = inflate_free,
};

int pp_inflate_open(struct pp_bit_reader *reader, struct pp_sink *out, int level,
                    struct pp_recode **recode, struct pp_err *err) {
    struct inflate *self = calloc(1, sizeof(*self));

    if (self == NULL)
        return pp_err_nomem(err);
    self->recode.ops = &inflate_ops;
    self->reader = reader;
    if (out != NULL) {
        self->encoder = pp_deflate_encoder_new(out, level, err);
        if (self->encoder == NULL) {
            free(self);
            return -(int)err->kind;
        }
    }
    *recode = &self->recode;
    return 0;
}
