/* What every codec must do, whatever its format: the checks that their tests share. */
#ifndef PP_TESTS_CODEC_CHECKS_H
#define PP_TESTS_CODEC_CHECKS_H

#include "../tools/recode_run.h"
#include "../tools/sample_text.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The same words every time, with a placeholder now and then; `len` bytes. */
static inline void put_text(struct pp_buffer *text, size_t len) {
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_buffer_reserve(text, len, &err), 0);
    sample_words(text, len, 20, 7);
    text->len = len;
}

static inline void put(struct pp_buffer *buffer, const struct pp_buffer *more) {
    sample_append(buffer, more->data, more->len);
}

static inline void assert_same(const struct pp_buffer *one, const struct pp_buffer *other) {
    assert_int_equal(one->len, other->len);
    if (one->len > 0)
        assert_memory_equal(one->data, other->data, one->len);
}

/* Fails unless the run gives the error `kind`, PP_ERR_NONE for none. */
static inline void run_to(struct recode_run *run, const struct pp_buffer *encoded,
                          enum pp_err_kind kind) {
    struct pp_err err = PP_ERR_INIT;
    int rc;

    if (run->memory_len == 0)
        run->memory_len = (uint64_t)1 << 30;
    rc = recode_run(run, encoded->data, encoded->len, &err);
    if (err.kind != kind)
        fail_msg("error %d instead of %d: %s", (int)err.kind, (int)kind, err.text);
    assert_int_equal(rc, -(int)kind);
    assert_int_equal(err.text[0] == '\0', kind == PP_ERR_NONE);
}

static inline void assert_decodes(const struct pp_codec *codec, const struct pp_buffer *encoded,
                                  const struct pp_buffer *text) {
    PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(codec);

    run.decode_only = true;
    run_to(&run, encoded, PP_ERR_NONE);
    assert_same(&run.was, text);
}

static inline void assert_fails(const struct pp_codec *codec, const struct pp_buffer *encoded,
                                enum pp_err_kind kind) {
    for (int writing = 0; writing < 2; writing++) {
        PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(codec);

        run.decode_only = !writing;
        run_to(&run, encoded, kind);
    }
}

/* Writes `patched` at many chunk sizes: the same bytes at all of them, which decode to it. They
 * are `expected` unless that is NULL. */
static inline void check_rewrite(const struct pp_codec *codec, const struct pp_buffer *encoded,
                                 const struct pp_buffer *patched, bool len_kept,
                                 const struct pp_buffer *expected) {
    static const struct recode_run cuts[] = {
        {.read_len = 65536, .write_len = 65536},
        {.source_len = 1, .read_len = 1, .write_len = 1},
        {.source_len = 7, .read_len = 13, .write_len = 11, .lag = 5000},
        {.source_len = 1009, .read_len = 4099, .write_len = 65536, .ahead = 10000},
        {.read_len = 65536, .write_len = 1 << 20, .lag = SIZE_MAX},
    };
    PP_AUTO_BUFFER struct pp_buffer first = PP_BUFFER_INIT;

    for (size_t i = 0; i < PP_ARRAY_LEN(cuts); i++) {
        PP_AUTO(recode_run_done) struct recode_run run = cuts[i];

        run.codec = codec;
        run.len_kept = len_kept;
        run.patched = patched;
        if (len_kept)
            run.ahead = 0;
        run_to(&run, encoded, PP_ERR_NONE);
        if (i == 0)
            put(&first, &run.out);
        assert_same(&run.out, &first);
    }
    if (expected != NULL)
        assert_same(&first, expected);
    assert_decodes(codec, &first, patched);
}

/* Rewritten with nothing changed, not one byte changes. */
static inline void check_identity(const struct pp_codec *codec, const struct pp_buffer *encoded,
                                  const struct pp_buffer *text) {
    check_rewrite(codec, encoded, text, true, encoded);
    check_rewrite(codec, encoded, text, false, encoded);
}

/* Patched at the same length, longer and shorter. */
static inline void check_patched(const struct pp_codec *codec, const struct pp_buffer *encoded,
                                 const struct pp_buffer *text) {
    static const char *const values[] = {"/data/data/com.example/file/usr", SAMPLE_VALUE, "/usr"};

    for (size_t i = 0; i < PP_ARRAY_LEN(values); i++) {
        PP_AUTO_BUFFER struct pp_buffer patched = PP_BUFFER_INIT;

        put(&patched, text);
        sample_replace(&patched, SAMPLE_DEFAULT, values[i]);
        assert_int_equal(patched.len == text->len, i == 0);
        check_rewrite(codec, encoded, &patched, i == 0, NULL);
    }
}

/* Every truncation is damage, from nothing at all to the last byte. */
static inline void check_truncated(const struct pp_codec *codec, const struct pp_buffer *encoded) {
    for (size_t len = 0; len < encoded->len; len++) {
        struct pp_buffer part = {.data = encoded->data, .len = len};

        assert_fails(codec, &part, PP_ERR_DAMAGED);
    }
}

/* With any bit changed: an error, or a bit that says nothing about the text. */
static inline void check_flipped(const struct pp_codec *codec, struct pp_buffer *encoded,
                                 const struct pp_buffer *text) {
    for (size_t bit = 0; bit < encoded->len * 8; bit++) {
        PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(codec);
        struct pp_err err = PP_ERR_INIT;

        run.decode_only = true;
        encoded->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (recode_run(&run, encoded->data, encoded->len, &err) >= 0)
            assert_same(&run.was, text);
        encoded->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static inline void check_garbage(const struct pp_codec *codec, const struct pp_buffer *encoded) {
    static const char *const garbage[] = {"x", "trailing garbage", "\x01\x02\x03\x04"};

    for (size_t i = 0; i < PP_ARRAY_LEN(garbage); i++) {
        PP_AUTO_BUFFER struct pp_buffer more = PP_BUFFER_INIT;

        put(&more, encoded);
        sample_append(&more, garbage[i], strlen(garbage[i]));
        assert_fails(codec, &more, PP_ERR_DAMAGED);
    }
}

/* `decoder_len` bytes are too few to read, `encoder_len` on top too few to write: the codec
 * refuses before it writes anything. Twice `decoder_len` is enough to read. */
static inline void check_budget(const struct pp_codec *codec, const struct pp_buffer *encoded,
                                uint64_t decoder_len, uint64_t encoder_len) {
    const struct {
        bool decode_only;
        uint64_t memory_len;
        enum pp_err_kind kind;
    } cases[] = {{true, decoder_len, PP_ERR_LIMIT},
                 {false, decoder_len + encoder_len, PP_ERR_LIMIT},
                 {true, 2 * decoder_len, PP_ERR_NONE}};

    for (size_t i = 0; i < PP_ARRAY_LEN(cases); i++) {
        PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(codec);

        run.decode_only = cases[i].decode_only;
        run.memory_len = cases[i].memory_len;
        run_to(&run, encoded, cases[i].kind);
        assert_int_equal(run.out.len, 0);
    }
}

#endif
