/* Raw deflate streams for tests, made and read by zlib and libdeflate, or put together bit by bit.
 */
#ifndef TESTS_TOOLS_DEFLATE_STREAMS_H
#define TESTS_TOOLS_DEFLATE_STREAMS_H

#include "base/cleanup.h"
#include "recode_run.h"
#include "sample_text.h"

#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

static struct pp_err err;

/* Making and reading streams. */

struct zlib_way {
    int level;
    int window_bits;
    int mem_level;
    int strategy;
    int flush; /* after every 5000 bytes */
};

static inline void zlib_encode(const struct pp_buffer *text, const struct zlib_way *way,
                               struct pp_buffer *out) {
    z_stream z = {0};
    size_t step = way->flush != Z_NO_FLUSH ? 5000 : text->len + 1;
    size_t at = 0;
    int rc;

    assert_int_equal(
        deflateInit2(&z, way->level, Z_DEFLATED, -way->window_bits, way->mem_level, way->strategy),
        Z_OK);
    assert_int_equal(pp_buffer_reserve(out, 2 * text->len + 4096, &err), 0);
    z.next_out = out->data;
    z.avail_out = (uInt)out->cap;
    do {
        size_t count = text->len - at < step ? text->len - at : step;

        z.next_in = count > 0 ? text->data + at : text->data;
        z.avail_in = (uInt)count;
        at += count;
        rc = deflate(&z, at < text->len ? way->flush : Z_FINISH);
    } while (rc == Z_OK);
    assert_int_equal(rc, Z_STREAM_END);
    out->len = out->cap - z.avail_out;
    deflateEnd(&z);
}

static inline void libdeflate_encode(const struct pp_buffer *text, int level,
                                     struct pp_buffer *out) {
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(level);

    assert_int_equal(pp_buffer_reserve(out, 2 * text->len + 4096, &err), 0);
    out->len =
        libdeflate_deflate_compress(compressor, text->data, text->len, out->data, out->cap - 1);
    assert_true(out->len > 0);
    libdeflate_free_compressor(compressor);
}

/* Does the stream give the text, in zlib's eyes, and end there? */
static inline void assert_gives(const struct pp_buffer *stream, const struct pp_buffer *text) {
    PP_AUTO_BUFFER struct pp_buffer decoded = PP_BUFFER_INIT;
    z_stream z = {.next_in = stream->data, .avail_in = (uInt)stream->len};

    assert_int_equal(pp_buffer_reserve(&decoded, text->len + 1, &err), 0);
    z.next_out = decoded.data;
    z.avail_out = (uInt)text->len + 1;
    assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, text->len);
    if (text->len > 0)
        assert_memory_equal(decoded.data, text->data, text->len);
    inflateEnd(&z);
}

static inline void assert_same(const struct pp_buffer *a, const struct pp_buffer *b) {
    assert_int_equal(a->len, b->len);
    if (a->len > 0)
        assert_memory_equal(a->data, b->data, a->len);
}

static inline void run_well(struct recode_run *run, const struct pp_buffer *stream) {
    if (recode_run(run, stream->data, stream->len, &err) < 0)
        fail_msg("%s", err.text);
}

/* Bits put together by hand. */

struct bit_text {
    struct pp_buffer bytes;
    unsigned count;
};

static inline void put_bits(struct bit_text *bits, unsigned value, unsigned count) {
    for (unsigned i = 0; i < count; i++, bits->count++) {
        if (bits->count % 8 == 0)
            sample_append(&bits->bytes, "", 1);
        bits->bytes.data[bits->count / 8] |= (uint8_t)((value >> i & 1) << (bits->count % 8));
    }
}

/* Codes are packed first bit first. */
static inline void put_code(struct bit_text *bits, unsigned code, unsigned count) {
    while (count-- > 0)
        put_bits(bits, code >> count & 1, 1);
}

/* RFC 1951, 3.2.6 */
static inline void put_fixed(struct bit_text *bits, unsigned symbol) {
    if (symbol < 144)
        put_code(bits, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(bits, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(bits, symbol - 256, 7);
    else
        put_code(bits, 0xc0 + symbol - 280, 8);
}

#endif
