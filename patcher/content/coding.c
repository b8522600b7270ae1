#include "content/coding.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "content/content.h"
#include "stream/compress.h"

#include <string.h>

#define CHUNK_LEN ((size_t)1 << 16)

static int check_limits(uint64_t len, uint64_t coded_len, uint64_t len_max, struct pp_err *err) {
    if (len > len_max)
        return pp_err_set(err, PP_ERR_LIMIT, "holds more than %llu MiB decoded",
                          (unsigned long long)(len_max >> 20));
    if (len > PP_DECODED_RATIO_FREE_LEN && len / PP_DECODED_RATIO_MAX > coded_len)
        return pp_err_set(err, PP_ERR_LIMIT, "decodes to over %d times its size",
                          PP_DECODED_RATIO_MAX);
    return 0;
}

static int decode_all(struct pp_recode *recode, uint64_t coded_len, uint64_t len_max,
                      struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_FREE uint8_t *text = malloc(CHUNK_LEN);
    uint64_t len = 0;
    ssize_t count;
    int rc = 0;

    if (text == NULL)
        return pp_err_nomem(err);
    while (rc >= 0 && (count = pp_recode_read(recode, text, CHUNK_LEN, err)) != 0) {
        if (count < 0)
            return (int)count;
        len += (uint64_t)count;
        rc = check_limits(len, coded_len, len_max, err);
        if (rc >= 0)
            rc = pp_sink_write(out, text, (size_t)count, err);
    }
    return rc;
}

int pp_coding_decode(const struct pp_codec *codec, const struct pp_blob *coded, uint64_t len_max,
                     struct pp_budget *budget, struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(coded, err);
    struct pp_codec_env env = {.budget = budget};
    struct pp_recode *recode = NULL;
    int rc;

    if (source == NULL)
        return -(int)err->kind;
    rc = codec->open(&env, source, NULL, &recode, err);
    if (rc >= 0)
        rc = decode_all(recode, coded->len, len_max, out, err);
    pp_recode_free(recode);
    return rc < 0 ? pp_err_context(err, "%s", codec->name) : 0;
}

/* Gives `want` bytes of the text to the encoder; fewer at its end. */
static int feed(struct pp_recode *recode, struct pp_source *source, uint64_t want, uint8_t *text,
                struct pp_err *err) {
    while (want > 0) {
        size_t len = want < CHUNK_LEN ? (size_t)want : CHUNK_LEN;
        ssize_t count = pp_source_read_full(source, text, len, err);
        int rc;

        if (count <= 0)
            return (int)count;
        rc = pp_recode_write(recode, text, (size_t)count, err);
        if (rc < 0)
            return rc;
        want -= (uint64_t)count;
    }
    return 0;
}

/* The original is read in step with what is written, so that blocks begin where they did. */
static int encode_all(struct pp_recode *recode, struct pp_source *source, struct pp_err *err) {
    PP_AUTO_FREE uint8_t *text = malloc(CHUNK_LEN);
    ssize_t count;
    int rc = 0;

    if (text == NULL)
        return pp_err_nomem(err);
    while (rc >= 0 && (count = pp_recode_read(recode, text, CHUNK_LEN, err)) != 0)
        rc = count < 0 ? (int)count : feed(recode, source, (uint64_t)count, text, err);
    if (rc >= 0)
        rc = feed(recode, source, UINT64_MAX, text, err);
    return rc < 0 ? rc : pp_recode_finish(recode, err);
}

static int encode(const struct pp_codec *codec, const struct pp_blob *like, struct pp_source *text,
                  struct pp_budget *budget, struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(like, err);
    struct pp_codec_env env = {.budget = budget};
    struct pp_recode *recode = NULL;
    int rc;

    if (source == NULL)
        return -(int)err->kind;
    rc = codec->open(&env, source, out, &recode, err);
    if (rc >= 0)
        rc = encode_all(recode, text, err);
    pp_recode_free(recode);
    return rc < 0 ? pp_err_context(err, "%s", codec->name) : 0;
}

/* A sink that keeps nothing but the digest. */
struct digest_sink {
    struct pp_sink sink;
    struct pp_digester digester;
};

static int digest_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    (void)err;
    pp_digester_update(&((struct digest_sink *)sink)->digester, data, len);
    return 0;
}

static const struct pp_sink_ops digest_ops = {.write = digest_write};

/* Decodes what was written and compares it with the text. */
static int check_written(const struct pp_codec *codec, const struct pp_spool *written,
                         const struct pp_blob *text, struct pp_budget *budget, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(text, err);
    struct digest_sink sink = {.sink.ops = &digest_ops};
    struct pp_blob coded = pp_spool_blob(written);
    struct pp_digest was;
    struct pp_digest is;
    int rc;

    if (source == NULL)
        return -(int)err->kind;
    rc = pp_digest_source(source, false, &was, err);
    pp_digester_init(&sink.digester, false);
    if (rc >= 0)
        rc = pp_coding_decode(codec, &coded, UINT64_MAX, budget, &sink.sink, err);
    if (rc < 0)
        return rc;
    pp_digester_final(&sink.digester, &is);
    if (memcmp(was.sha256, is.sha256, PP_SHA256_LEN) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "what was written does not decode to the new text");
    return 0;
}

int pp_coding_encode(const struct pp_codec *codec, const struct pp_blob *like,
                     const struct pp_blob *text, struct pp_budget *budget, struct pp_spool *written,
                     struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(text, err);
    int rc =
        source == NULL ? -(int)err->kind : encode(codec, like, source, budget, &written->sink, err);

    return rc < 0 ? rc : check_written(codec, written, text, budget, err);
}

int pp_coding_compress(const struct pp_codec *codec, const struct pp_blob *text,
                       struct pp_budget *budget, struct pp_spool *written, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(text, err);
    int rc =
        source == NULL ? -(int)err->kind : pp_compress(codec, source, budget, &written->sink, err);

    return rc < 0 ? rc : check_written(codec, written, text, budget, err);
}
