/* The deflate codec and its splice. Oracles: zlib and libdeflate, which make and read the streams;
 * bits put together by hand where no encoder makes them. */
#include "../tools/recode_run.h"
#include "../tools/sample_text.h"

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

static void zlib_encode(const struct pp_buffer *text, const struct zlib_way *way,
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

        z.next_in = text->data + at;
        z.avail_in = (uInt)count;
        at += count;
        rc = deflate(&z, at < text->len ? way->flush : Z_FINISH);
    } while (rc == Z_OK);
    assert_int_equal(rc, Z_STREAM_END);
    out->len = out->cap - z.avail_out;
    deflateEnd(&z);
}

static void libdeflate_encode(const struct pp_buffer *text, int level, struct pp_buffer *out) {
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(level);

    assert_int_equal(pp_buffer_reserve(out, 2 * text->len + 4096, &err), 0);
    out->len =
        libdeflate_deflate_compress(compressor, text->data, text->len, out->data, out->cap - 1);
    assert_true(out->len > 0);
    libdeflate_free_compressor(compressor);
}

/* Does the stream give the text, in zlib's eyes, and end there? */
static void assert_gives(const struct pp_buffer *stream, const struct pp_buffer *text) {
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

static void assert_same(const struct pp_buffer *a, const struct pp_buffer *b) {
    assert_int_equal(a->len, b->len);
    if (a->len > 0)
        assert_memory_equal(a->data, b->data, a->len);
}

static void run_well(struct recode_run *run, const struct pp_buffer *stream) {
    if (recode_run(run, stream->data, stream->len, &err) < 0)
        fail_msg("%s", err.text);
}

/* Checks on one stream. */

static const size_t lens[] = {1, SAMPLE_PLACEHOLDER_LEN - 1, SAMPLE_PLACEHOLDER_LEN, 65536};

/* Nothing changes: the same bits. Any cut: the same text. */
static void check_identity(const struct pp_buffer *stream, const struct pp_buffer *text,
                           size_t read_len, size_t lag) {
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    run.read_len = read_len;
    run.lag = lag;
    run_well(&run, stream);
    assert_same(&run.was, text);
    assert_same(&run.out, stream);
    recode_run_done(&run);
}

/* Another text of the same length. Gives the length of the result. */
static size_t check_patched(const struct pp_buffer *stream, const struct pp_buffer *patched) {
    struct recode_run run = recode_run_whole(&pp_codec_deflate);
    size_t len;

    run.patched = patched;
    run_well(&run, stream);
    assert_gives(&run.out, patched);
    len = run.out.len;
    recode_run_done(&run);
    return len;
}

static void copy_text(struct pp_buffer *copy, const struct pp_buffer *text) {
    sample_append(copy, text->data, text->len);
}

/* Identity, the sample's patch, and heavy damage to the text. */
static void check_stream(const struct pp_buffer *stream, const struct pp_buffer *text) {
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
    uint32_t seed = 1;

    check_identity(stream, text, RECODE_RUN_WHOLE, 0);
    if (text->len == 0)
        return;
    copy_text(&patched, text);
    sample_patch(&patched);
    check_patched(stream, &patched);
    for (size_t at = 0; at < patched.len; at += 1 + sample_random(&seed) % 3000)
        patched.data[at] = (uint8_t)sample_random(&seed);
    check_patched(stream, &patched);
    sample_random(&seed);
    patched.len = 0;
    sample_noise(&patched, text->len, seed);
    check_patched(stream, &patched);
}

/* Tests */

static void make_texts(struct pp_buffer texts[4]) {
    for (int i = 0; i < 4; i++)
        texts[i] = (struct pp_buffer)PP_BUFFER_INIT;
    sample_words(&texts[1], 120000, 60, 7);
    sample_noise(&texts[2], 70000, 3);
    sample_fill(&texts[3], 'a', 130000);
}

static void drop_texts(struct pp_buffer texts[4]) {
    for (int i = 0; i < 4; i++)
        pp_buffer_done(&texts[i]);
}

static void test_zlib_streams(void **state) {
    static const struct zlib_way ways[] = {{0, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {1, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {2, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {3, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {4, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {5, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {7, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {8, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {9, 9, 1, Z_DEFAULT_STRATEGY, Z_NO_FLUSH},
                                           {9, 15, 9, Z_FILTERED, Z_NO_FLUSH},
                                           {6, 15, 8, Z_HUFFMAN_ONLY, Z_NO_FLUSH},
                                           {6, 15, 8, Z_RLE, Z_NO_FLUSH},
                                           {6, 15, 8, Z_FIXED, Z_NO_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_SYNC_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_PARTIAL_FLUSH},
                                           {6, 15, 8, Z_DEFAULT_STRATEGY, Z_FULL_FLUSH}};
    struct pp_buffer texts[4];

    (void)state;
    make_texts(texts);
    for (int i = 0; i < 4; i++) {
        for (size_t way = 0; way < PP_ARRAY_LEN(ways); way++) {
            PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

            zlib_encode(&texts[i], &ways[way], &stream);
            check_stream(&stream, &texts[i]);
        }
    }
    drop_texts(texts);
}

static void test_libdeflate_streams(void **state) {
    struct pp_buffer texts[4];

    (void)state;
    make_texts(texts);
    for (int i = 0; i < 4; i++) {
        for (int level = 0; level <= 12; level++) {
            PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

            libdeflate_encode(&texts[i], level, &stream);
            check_stream(&stream, &texts[i]);
        }
    }
    drop_texts(texts);
}

static void test_any_cut_gives_the_same(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
    struct recode_run whole = recode_run_whole(&pp_codec_deflate);

    (void)state;
    sample_words(&text, 90000, 40, 5);
    libdeflate_encode(&text, 6, &stream);
    copy_text(&patched, &text);
    assert_true(sample_patch(&patched) > 10);
    whole.patched = &patched;
    run_well(&whole, &stream);
    for (size_t i = 0; i < PP_ARRAY_LEN(lens); i++) {
        for (size_t k = 0; k < PP_ARRAY_LEN(lens); k++) {
            struct recode_run run = {.codec = &pp_codec_deflate,
                                     .source_len = lens[(i + k) % PP_ARRAY_LEN(lens)],
                                     .read_len = lens[i],
                                     .write_len = lens[k],
                                     .lag = SAMPLE_PLACEHOLDER_LEN - 1,
                                     .len_kept = true,
                                     .patched = &patched};

            run_well(&run, &stream);
            assert_same(&run.was, &text);
            assert_same(&run.out, &whole.out);
            recode_run_done(&run);
            check_identity(&stream, &text, lens[i], lens[k]);
        }
    }
    recode_run_done(&whole);
}

/* Hardly more than the best encoder makes of the patched text, in a text full of near misses. */
static void test_size_stays(void **state) {
    static const struct zlib_way best = {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer afresh = PP_BUFFER_INIT;

    (void)state;
    sample_words(&text, 1000000, 200, 11);
    zlib_encode(&text, &best, &stream);
    copy_text(&patched, &text);
    assert_true(sample_patch(&patched) > 200);
    zlib_encode(&patched, &best, &afresh);
    assert_in_range(check_patched(&stream, &patched), 1, afresh.len + afresh.len / 200);
}

static unsigned first_block_kind(const struct pp_buffer *stream) {
    return stream->data[0] >> 1 & 3;
}

static void test_stored_stays_stored(void **state) {
    static const struct zlib_way stored = {0, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;

    (void)state;
    sample_words(&text, 200000, 100, 2);
    zlib_encode(&text, &stored, &stream);
    copy_text(&patched, &text);
    sample_patch(&patched);
    assert_int_equal(first_block_kind(&stream), 0);
    assert_int_equal(check_patched(&stream, &patched), stream.len);
}

static void test_fixed_stays_fixed(void **state) {
    static const struct zlib_way fixed = {6, 15, 8, Z_FIXED, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    sample_words(&text, 20000, 100, 2);
    zlib_encode(&text, &fixed, &stream);
    sample_patch(&text);
    run.patched = &text;
    run_well(&run, &stream);
    assert_int_equal(first_block_kind(&stream), 1);
    assert_int_equal(first_block_kind(&run.out), 1);
    recode_run_done(&run);
}

/* Bits put together by hand. */

struct bit_text {
    struct pp_buffer bytes;
    unsigned count;
};

static void put_bits(struct bit_text *bits, unsigned value, unsigned count) {
    for (unsigned i = 0; i < count; i++, bits->count++) {
        if (bits->count % 8 == 0)
            sample_append(&bits->bytes, "", 1);
        bits->bytes.data[bits->count / 8] |= (uint8_t)((value >> i & 1) << (bits->count % 8));
    }
}

/* Codes are packed first bit first. */
static void put_code(struct bit_text *bits, unsigned code, unsigned count) {
    while (count-- > 0)
        put_bits(bits, code >> count & 1, 1);
}

/* RFC 1951, 3.2.6 */
static void put_fixed(struct bit_text *bits, unsigned symbol) {
    if (symbol < 144)
        put_code(bits, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(bits, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(bits, symbol - 256, 7);
    else
        put_code(bits, 0xc0 + symbol - 280, 8);
}

/* Length 258 said as 227 + 31, and as 258; bits behind the end that are not zero. */
static void test_odd_bits_are_kept(void **state) {
    struct bit_text bits = {PP_BUFFER_INIT, 0};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    put_bits(&bits, 0, 3); /* stored, with bits in front of its length */
    put_bits(&bits, 0x15, 5);
    put_bits(&bits, 0xfffd0002, 32);
    put_bits(&bits, 'x' | 'y' << 8, 16);
    put_bits(&bits, 1 | 1 << 1, 3); /* fixed, the last */
    put_fixed(&bits, 'a');
    put_fixed(&bits, 284);
    put_bits(&bits, 31, 5);
    put_code(&bits, 0, 5);
    put_fixed(&bits, 285);
    put_code(&bits, 0, 5);
    put_fixed(&bits, 256);
    assert_int_not_equal(bits.count % 8, 0);
    bits.bytes.data[bits.bytes.len - 1] |= 0x80;

    sample_append(&text, "xy", 2);
    sample_fill(&text, 'a', 1 + 258 + 258);
    assert_gives(&bits.bytes, &text);
    check_identity(&bits.bytes, &text, RECODE_RUN_WHOLE, 0);
    text.data[300] = '0';
    run.patched = &text;
    run_well(&run, &bits.bytes);
    assert_gives(&run.out, &text);
    recode_run_done(&run);
    pp_buffer_done(&bits.bytes);
}

/* One last block of many segments whose code has few symbols. */
static void make_long_block(struct pp_buffer *text, struct pp_buffer *stream) {
    static const struct zlib_way best = {9, 15, 9, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};

    for (int i = 0; i < 1500000; i++)
        sample_append(text, "ab", 1 + (i % 300 == 0));
    zlib_encode(text, &best, stream);
    assert_int_equal(stream->data[0] & 7, 5);
}

static void test_long_block(void **state) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;

    (void)state;
    make_long_block(&text, &stream);
    check_identity(&stream, &text, 10000, 88);
    copy_text(&patched, &text);
    patched.data[1400000] = 'z'; /* only late */
    check_patched(&stream, &patched);
    patched.data[900000] = 'y'; /* in two segments, with whole ones between and behind */
    patched.data[400000] = 'x';
    patched.data[0] = 'w';
    check_patched(&stream, &patched);
}

/* A last block whose code has 'a' (0), 'b' (10) and its end (11) alone, up to its first token. */
static void put_meagre_block(struct bit_text *bits) {
    /* of the precode: 18 (0), 2 (10), 0 (110), 1 (111), by their places in its order */
    static const uint8_t precode_lens[18] = {[2] = 1, [3] = 3, [15] = 2, [17] = 3};

    put_bits(bits, 1 | 2 << 1, 3);
    put_bits(bits, 0, 5);  /* 257 literals and lengths */
    put_bits(bits, 0, 5);  /* 1 distance */
    put_bits(bits, 14, 4); /* 18 precode lengths */
    for (size_t i = 0; i < PP_ARRAY_LEN(precode_lens); i++)
        put_bits(bits, precode_lens[i], 3);
    put_code(bits, 0, 1); /* 97 zeros */
    put_bits(bits, 97 - 11, 7);
    put_code(bits, 7, 3);
    put_code(bits, 2, 2);
    put_code(bits, 0, 1); /* 157 zeros */
    put_bits(bits, 138 - 11, 7);
    put_code(bits, 0, 1);
    put_bits(bits, 19 - 11, 7);
    put_code(bits, 2, 2);
    put_code(bits, 6, 3); /* no distance */
}

/* More than 1 MiB of one block: what was written of it cannot be held back any longer. */
static void test_block_given_for_good(void **state) {
    struct bit_text bits = {PP_BUFFER_INIT, 0};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);
    const size_t len = (size_t)9 << 20;

    (void)state;
    sample_fill(&text, 'a', len);
    put_meagre_block(&bits);
    for (size_t i = 0; i < len; i++)
        put_bits(&bits, 0, 1);
    put_code(&bits, 3, 2);
    check_identity(&bits.bytes, &text, RECODE_RUN_WHOLE, 0);
    text.data[len - 2] = 'b';
    check_patched(&bits.bytes, &text);
    text.data[len / 2] = 'c';
    check_patched(&bits.bytes, &text);
    text.data[len / 2] = 'a';
    text.data[len - 1] = 'c';
    run.patched = &text;
    assert_int_equal(recode_run(&run, bits.bytes.data, bits.bytes.len, &err), -PP_ERR_UNSUPPORTED);
    recode_run_done(&run);
    pp_buffer_done(&bits.bytes);
}

static void test_blocks_without_text(void **state) {
    struct bit_text bits = {PP_BUFFER_INIT, 0};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    sample_append(&text, "a", 1);
    for (int i = 0; i < 100000; i++) {
        put_bits(&bits, 1 << 1, 3);
        if (i == 50000)
            put_fixed(&bits, 'a');
        put_fixed(&bits, 256);
    }
    put_bits(&bits, 1 | 1 << 1, 3);
    put_fixed(&bits, 256);
    check_identity(&bits.bytes, &text, RECODE_RUN_WHOLE, 0);
    run.lag = 1; /* now they pile up behind the unwritten text */
    assert_int_equal(recode_run(&run, bits.bytes.data, bits.bytes.len, &err), -PP_ERR_LIMIT);
    recode_run_done(&run);
    pp_buffer_done(&bits.bytes);
}

/* Damage */

/* What zlib says: its words, or NULL when the stream is sound. */
static const char *zlib_verdict(const uint8_t *stream, size_t len, struct pp_buffer *text) {
    z_stream z = {.next_in = (z_const Bytef *)stream, .avail_in = (uInt)len};
    const char *words;
    int rc;

    assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
    do {
        assert_int_equal(pp_buffer_reserve(text, 65536, &err), 0);
        z.next_out = text->data + text->len;
        z.avail_out = 65536;
        rc = inflate(&z, Z_NO_FLUSH);
        text->len += 65536 - z.avail_out;
    } while (rc == Z_OK && (z.avail_in > 0 || z.avail_out == 0));
    words = z.msg != NULL ? z.msg : "truncated: unexpected end of file";
    if (rc == Z_STREAM_END)
        words = z.avail_in > 0 ? "trailing garbage" : NULL;
    inflateEnd(&z);
    return words;
}

/* Both ways of reading judge as zlib does. */
static void check_verdict(const uint8_t *stream, size_t len, bool same_words) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    const char *words = zlib_verdict(stream, len, &text);

    for (int decode_only = 0; decode_only < 2; decode_only++) {
        struct recode_run run = recode_run_whole(&pp_codec_deflate);
        int rc;

        run.decode_only = decode_only != 0;
        rc = recode_run(&run, stream, len, &err);
        if (words == NULL) {
            assert_int_equal(rc, 0);
            assert_same(&run.was, &text);
        } else {
            assert_int_equal(rc, -PP_ERR_DAMAGED);
            if (same_words)
                assert_string_equal(err.text, words);
        }
        recode_run_done(&run);
    }
}

static void make_small_stream(struct pp_buffer *stream) {
    static const struct zlib_way best = {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    sample_words(&text, 3000, 30, 19);
    zlib_encode(&text, &best, stream);
}

static void test_every_truncation(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

    (void)state;
    make_small_stream(&stream);
    for (size_t len = 0; len <= stream.len; len++)
        check_verdict(stream.data, len, true);
}

static void test_trailing_garbage(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;

    (void)state;
    make_small_stream(&stream);
    sample_append(&stream, "", 1);
    check_verdict(stream.data, stream.len, true);
}

static void test_every_byte_damaged(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    uint32_t seed = 23;

    (void)state;
    make_small_stream(&stream);
    for (size_t i = 0; i < stream.len; i++) {
        uint8_t byte = stream.data[i];

        for (int times = 0; times < 4; times++) {
            stream.data[i] = (uint8_t)sample_random(&seed);
            check_verdict(stream.data, stream.len, false);
        }
        stream.data[i] = byte;
    }
}

/* Each is refused, in zlib's words. */
static void test_bad_streams(void **state) {
    static const struct {
        const char *words;
        uint32_t bits[8]; /* value, count, … */
    } bads[] = {
        {"invalid block type", {1 | 3 << 1, 3}},
        {"invalid stored block lengths", {1, 8, 0x12345678, 32}},
        {"too many length or distance symbols", {1 | 2 << 1, 3, 30, 5, 0, 5, 15, 4}},
        {"too many length or distance symbols", {1 | 2 << 1, 3, 0, 5, 30, 5, 15, 4}},
        {"invalid code lengths set", {1 | 2 << 1, 3, 0, 14, 1 | 1 << 3 | 1 << 6 | 1 << 9, 12}},
        {"invalid code lengths set", {1 | 2 << 1, 3, 0, 14, 2 | 2 << 3, 12}},
        {"invalid code lengths set", {1 | 2 << 1, 3, 0, 14, 1, 12}},
        /* 16 first; precode 16 and 17 of one bit each */
        {"invalid bit length repeat", {1 | 2 << 1, 3, 0, 14, 1 | 1 << 3, 12, 0, 1}},
        /* precode 17 and 18 of one bit each: nothing but zeros */
        {"invalid code -- missing end-of-block",
         {1 | 2 << 1, 3, 0, 14, 1 << 3 | 1 << 6, 12, 0x1ff | 0x6d << 9, 16}},
        /* a match first */
        {"invalid distance too far back", {1 | 1 << 1, 3, 0x40, 7, 0, 5, 0, 7}},
    };
    static const unsigned fixed_bads[][2] = {{286, 0}, {287, 0}, {257, 30}, {257, 31}};

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(bads); i++) {
        struct bit_text bits = {PP_BUFFER_INIT, 0};
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

        for (size_t k = 0; k < 8; k += 2)
            put_bits(&bits, bads[i].bits[k], bads[i].bits[k + 1]);
        for (int k = 0; k < 40; k++)
            put_bits(&bits, 0, 8);
        assert_string_equal(zlib_verdict(bits.bytes.data, bits.bytes.len, &text), bads[i].words);
        check_verdict(bits.bytes.data, bits.bytes.len, true);
        pp_buffer_done(&bits.bytes);
    }
    for (size_t i = 0; i < PP_ARRAY_LEN(fixed_bads); i++) {
        struct bit_text bits = {PP_BUFFER_INIT, 0};
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
        struct recode_run run = recode_run_whole(&pp_codec_deflate);

        put_bits(&bits, 1 | 1 << 1, 3);
        put_fixed(&bits, 'a');
        put_fixed(&bits, fixed_bads[i][0]);
        put_code(&bits, fixed_bads[i][1], 5);
        for (int k = 0; k < 40; k++)
            put_bits(&bits, 0, 8);
        /* libdeflate takes these symbols for something, and stumbles later. */
        check_verdict(bits.bytes.data, bits.bytes.len, false);
        assert_int_equal(recode_run(&run, bits.bytes.data, bits.bytes.len, &err), -PP_ERR_DAMAGED);
        assert_string_equal(err.text, zlib_verdict(bits.bytes.data, bits.bytes.len, &text));
        recode_run_done(&run);
        pp_buffer_done(&bits.bytes);
    }
}

/* Encoding afresh */

static void check_afresh(size_t len) {
    static const struct zlib_way best = {9, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    sample_words(&text, len, 50, 31);
    zlib_encode(&text, &best, &stream);
    sample_append(&text, "and more", 8);
    run.len_kept = false;
    run.write_len = 50000;
    run.patched = &text;
    run_well(&run, &stream);
    assert_gives(&run.out, &text);
    assert_in_range(run.out.len, 1, stream.len + stream.len / 10 + 100);
    recode_run_done(&run);
}

static void test_afresh(void **state) {
    (void)state;
    check_afresh(0);
    check_afresh(100000);
    check_afresh(3000000);
}

static void test_decode_only_large(void **state) {
    static const struct zlib_way fast = {1, 15, 8, Z_DEFAULT_STRATEGY, Z_NO_FLUSH};
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    run.decode_only = true;
    sample_words(&text, 5000000, 50, 37); /* too long a text for one piece */
    sample_noise(&text, 8000000, 41);     /* and too long a stream */
    zlib_encode(&text, &fast, &stream);
    run_well(&run, &stream);
    assert_same(&run.was, &text);
    recode_run_done(&run);
}

static void test_misuse(void **state) {
    PP_AUTO_BUFFER struct pp_buffer stream = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct recode_run run = recode_run_whole(&pp_codec_deflate);

    (void)state;
    make_small_stream(&stream);
    sample_words(&text, 20000, 30, 19);
    run.patched = &text;
    assert_int_equal(recode_run(&run, stream.data, stream.len, &err), -PP_ERR_USAGE);
    text.len = 100;
    assert_int_equal(recode_run(&run, stream.data, stream.len, &err), -PP_ERR_USAGE);
    recode_run_done(&run);
}

static void test_budget(void **state) {
    struct pp_budget budget;
    struct pp_codec_env env = {.budget = &budget};
    struct slow_source source = {{&slow_source_ops}, NULL, 0, 0};
    struct pp_recode *recode = NULL;

    (void)state;
    pp_budget_init(&budget, 1 << 20);
    assert_int_equal(pp_codec_deflate.open(&env, &source.source, NULL, &recode, &err),
                     -PP_ERR_LIMIT);
    pp_budget_done(&budget);
}

static void test_never_bids(void **state) {
    (void)state;
    assert_false(pp_codec_deflate.bid((const uint8_t *)"\x4b\x04\x00", 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zlib_streams),
        cmocka_unit_test(test_libdeflate_streams),
        cmocka_unit_test(test_any_cut_gives_the_same),
        cmocka_unit_test(test_size_stays),
        cmocka_unit_test(test_stored_stays_stored),
        cmocka_unit_test(test_fixed_stays_fixed),
        cmocka_unit_test(test_odd_bits_are_kept),
        cmocka_unit_test(test_long_block),
        cmocka_unit_test(test_block_given_for_good),
        cmocka_unit_test(test_blocks_without_text),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_trailing_garbage),
        cmocka_unit_test(test_every_byte_damaged),
        cmocka_unit_test(test_bad_streams),
        cmocka_unit_test(test_afresh),
        cmocka_unit_test(test_decode_only_large),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_never_bids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
