#include "stream/deflate.h"

#include "stream/inflate.h"
#include "stream/splice.h"

#include <stdlib.h>

/* The level for encoding afresh: a zip member does not tell its own. */
#define LEVEL 9

int pp_deflate_begin(const struct pp_codec_env *env, struct pp_source *in,
                     struct pp_bit_reader *reader, struct pp_err *err) {
    int rc = pp_budget_take(env->budget, PP_DEFLATE_MEMORY_LEN, env->holding, err);

    if (rc < 0)
        return rc;
    rc = pp_bit_reader_init(reader, in, err);
    if (rc < 0)
        pp_deflate_end(env, reader);
    return rc;
}

void pp_deflate_end(const struct pp_codec_env *env, struct pp_bit_reader *reader) {
    pp_bit_reader_done(reader);
    pp_budget_give(env->budget, PP_DEFLATE_MEMORY_LEN);
}

int pp_deflate_open(const struct pp_codec_env *env, struct pp_bit_reader *reader,
                    struct pp_sink *out, int level, struct pp_recode **recode, struct pp_err *err) {
    if (out != NULL && env->len_kept)
        return pp_splice_open(reader, out, recode, err);
    return pp_inflate_open(reader, out, level, recode, err);
}

struct deflate {
    struct pp_recode recode;
    struct pp_codec_env env;
    struct pp_bit_reader reader;
    struct pp_recode *stream;
};

static ssize_t deflate_read(struct pp_recode *recode, void *text, size_t len, struct pp_err *err) {
    struct deflate *self = (struct deflate *)recode;
    ssize_t count = pp_recode_read(self->stream, text, len, err);
    int rc;

    if (count != 0 || len == 0)
        return count;
    rc = pp_bit_reader_fill(&self->reader, 1, err);
    if (rc < 0)
        return rc;
    if (pp_bit_reader_left(&self->reader) > 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "trailing garbage");
    return 0;
}

static int deflate_write(struct pp_recode *recode, const void *text, size_t len,
                         struct pp_err *err) {
    return pp_recode_write(((struct deflate *)recode)->stream, text, len, err);
}

static int deflate_finish(struct pp_recode *recode, struct pp_err *err) {
    return pp_recode_finish(((struct deflate *)recode)->stream, err);
}

static void deflate_free(struct pp_recode *recode) {
    struct deflate *self = (struct deflate *)recode;

    pp_recode_free(self->stream);
    pp_deflate_end(&self->env, &self->reader);
    free(self);
}

static const struct pp_recode_ops deflate_ops = {
    .read = deflate_read,
    .write = deflate_write,
    .finish = deflate_finish,
    .free = deflate_free,
};

static int deflate_open(const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out,
                        struct pp_recode **recode, struct pp_err *err) {
    struct deflate *self = calloc(1, sizeof(*self));
    int rc;

    if (self == NULL)
        return pp_err_nomem(err);
    self->recode.ops = &deflate_ops;
    self->env = *env;
    rc = pp_deflate_begin(env, in, &self->reader, err);
    if (rc < 0) {
        free(self);
        return rc;
    }
    rc = pp_deflate_open(env, &self->reader, out, LEVEL, &self->stream, err);
    if (rc < 0) {
        deflate_free(&self->recode);
        return rc;
    }
    *recode = &self->recode;
    return 0;
}

static bool deflate_bid(const uint8_t *head, size_t len) {
    (void)head;
    (void)len;
    return false;
}

const struct pp_codec pp_codec_deflate = {
    .name = "deflate",
    .bid = deflate_bid,
    .open = deflate_open,
};
