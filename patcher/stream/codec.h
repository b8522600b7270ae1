/* Codecs: compressed content, taken apart and put together again.
 *
 * A codec reads the encoded bytes once, from a source. It gives the decoded text by read(), takes
 * the patched text by write(), and writes the encoded result to a sink, otherwise as its packager
 * made it: members, frames, headers, checks and parameters are kept. Without a sink it only
 * decodes.
 *
 *     rc = codec->open(&env, in, out, &recode, err);
 *     while ((count = pp_recode_read(recode, text, sizeof(text), err)) > 0)
 *         pp_recode_write(recode, edited, count, err);    (may lag behind what was read)
 *     rc = pp_recode_finish(recode, err);
 *
 * A codec is one file; core/ lists them in one table.
 */
#ifndef PP_STREAM_CODEC_H
#define PP_STREAM_CODEC_H

#include "base/budget.h"
#include "base/error.h"
#include "base/helpers.h"
#include "base/sink.h"
#include "base/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits on what is decoded. Who reads the text keeps to them; a codec does not read far ahead
 * where they may be met. */
#define PP_DECODED_LEN_MAX ((uint64_t)1 << 30)         /* bytes, of a stream and of a whole file */
#define PP_DECODED_RATIO_MAX 2000                      /* decoded to encoded bytes, */
#define PP_DECODED_RATIO_FREE_LEN ((uint64_t)64 << 20) /* past so many decoded bytes */

/* What a codec needs to know of its surroundings. */
struct pp_codec_env {
    struct pp_budget *budget; /* borrowed; what the library will allocate is taken from here */
    /* NULL, or who may decode beside the caller; borrowed. Not for one who has claimed the budget,
     * where what the threads hold could be what is lacking later. */
    struct pp_helpers *helpers;
    bool holding;  /* the caller already holds a part of the budget (nested content) */
    bool len_kept; /* text written has the length of the text read */
};

struct pp_recode;

struct pp_recode_ops {
    /* Decoded text; 0 at the end, after every check of the format has passed. PP_ERR_DAMAGED in
     * the library's own words: truncated, bad check, trailing garbage. PP_ERR_UNSUPPORTED: sound,
     * but it cannot be written again. */
    ssize_t (*read)(struct pp_recode *recode, void *text, size_t len, struct pp_err *err);
    /* Patched text, in order; never more than was read when `len_kept`. */
    int (*write)(struct pp_recode *recode, const void *text, size_t len, struct pp_err *err);
    /* After read() gave 0 and all text was written: writes what is still due. */
    int (*finish)(struct pp_recode *recode, struct pp_err *err);
    void (*free)(struct pp_recode *recode);
};

struct pp_recode {
    const struct pp_recode_ops *ops;
    /* Without a sink: why what was read so far could not be written again, if there is a reason. */
    struct pp_err refusal;
};

struct pp_codec {
    const char *name;
    /* Does content that starts like this belong to the codec? `len` is at least 18 unless the
     * content is shorter. */
    bool (*bid)(const uint8_t *head, size_t len);
    /* `in` and `out` are borrowed; `out` is NULL to decode only. */
    int (*open)(const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out,
                struct pp_recode **recode, struct pp_err *err);
};

/* For codecs: it could not be written again. With a sink this is the error, without one it is only
 * noted. */
static inline int pp_recode_refuse(struct pp_recode *recode, const struct pp_sink *out,
                                   const struct pp_err *refusal, struct pp_err *err) {
    if (out == NULL) {
        recode->refusal = *refusal;
        return 0;
    }
    *err = *refusal;
    return -(int)err->kind;
}

static inline ssize_t pp_recode_read(struct pp_recode *recode, void *text, size_t len,
                                     struct pp_err *err) {
    return recode->ops->read(recode, text, len, err);
}

static inline int pp_recode_write(struct pp_recode *recode, const void *text, size_t len,
                                  struct pp_err *err) {
    return recode->ops->write(recode, text, len, err);
}

static inline int pp_recode_finish(struct pp_recode *recode, struct pp_err *err) {
    return recode->ops->finish(recode, err);
}

static inline void pp_recode_free(struct pp_recode *recode) {
    if (recode != NULL)
        recode->ops->free(recode);
}

extern const struct pp_codec pp_codec_gzip;
extern const struct pp_codec pp_codec_deflate; /* raw deflate, as zip members hold it; never bids */
extern const struct pp_codec pp_codec_bzip2;
extern const struct pp_codec pp_codec_xz;
extern const struct pp_codec pp_codec_lzma;
extern const struct pp_codec pp_codec_zstd;

#endif
