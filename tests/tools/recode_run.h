/* Runs a codec over bytes in memory, cut in any way: what core/ does, in small. */
#ifndef TESTS_TOOLS_RECODE_RUN_H
#define TESTS_TOOLS_RECODE_RUN_H

#include "base/buffer.h"
#include "stream/codec.h"

#include <string.h>

struct recode_run {
    const struct pp_codec *codec;
    size_t source_len; /* bytes that the source gives at once, at most; 0: all */
    size_t read_len;   /* bytes of text that are asked for at once */
    size_t write_len;  /* bytes of text that are written at once, at most */
    size_t lag;        /* bytes of text that stay unwritten until the end */
    size_t ahead;      /* bytes of text that are written before they were read */
    bool len_kept;
    uint64_t memory_len;             /* the budget; 0: 64 MiB */
    size_t text_max;                 /* more text is PP_ERR_LIMIT; 0: no limit */
    const struct pp_buffer *patched; /* the text to write; NULL: as it was read */
    struct pp_buffer was;            /* the text read */
    struct pp_buffer out;            /* the bytes written */
    bool decode_only;
    unsigned jobs;        /* threads that work; 0: one */
    size_t broken_at;     /* the source fails behind so many bytes; 0: it does not */
    uint64_t memory_most; /* what was taken from the budget at once, seen between two calls */
};

#define RECODE_RUN_WHOLE ((size_t)1 << 20)

static inline struct recode_run recode_run_whole(const struct pp_codec *codec) {
    return (struct recode_run){.codec = codec,
                               .read_len = RECODE_RUN_WHOLE,
                               .write_len = RECODE_RUN_WHOLE,
                               .len_kept = true};
}

static inline void recode_run_done(struct recode_run *run) {
    pp_buffer_done(&run->was);
    pp_buffer_done(&run->out);
}

struct slow_source {
    struct pp_source source;
    const uint8_t *data;
    size_t left;
    size_t step;
    bool broken; /* it ends with an error */
};

static inline ssize_t slow_source_read(struct pp_source *source, void *data, size_t len,
                                       struct pp_err *err) {
    struct slow_source *self = (struct slow_source *)source;

    if (self->left == 0 && self->broken)
        return pp_err_set(err, PP_ERR_SYSTEM, "the source is broken");
    if (self->step > 0 && len > self->step)
        len = self->step;
    if (len > self->left)
        len = self->left;
    if (len > 0)
        memcpy(data, self->data, len);
    self->data += len;
    self->left -= len;
    return (ssize_t)len;
}

static const struct pp_source_ops slow_source_ops = {.read = slow_source_read};

static inline void recode_run_note(struct recode_run *run, const struct pp_budget *budget) {
    if (budget->taken_len > run->memory_most)
        run->memory_most = budget->taken_len;
}

/* Writes the text from `*at` up to `end`. */
static inline int recode_run_write(struct recode_run *run, struct pp_recode *recode, size_t *at,
                                   size_t end, struct pp_err *err) {
    const struct pp_buffer *text = run->patched != NULL ? run->patched : &run->was;
    int rc = 0;

    while (rc == 0 && *at < end) {
        size_t len = end - *at < run->write_len ? end - *at : run->write_len;

        rc = pp_recode_write(recode, text->data + *at, len, err);
        *at += len;
    }
    return rc;
}

static inline int recode_run_text(struct recode_run *run, struct pp_recode *recode,
                                  const struct pp_budget *budget, struct pp_err *err) {
    size_t written = 0;
    size_t whole;
    size_t end;
    ssize_t count;
    int rc;

    do {
        rc = pp_buffer_reserve(&run->was, run->read_len, err);
        if (rc < 0)
            return rc;
        count = pp_recode_read(recode, run->was.data + run->was.len, run->read_len, err);
        recode_run_note(run, budget);
        if (count < 0)
            return (int)count;
        run->was.len += (size_t)count;
        if (run->text_max != 0 && run->was.len > run->text_max)
            return pp_err_set(err, PP_ERR_LIMIT, "too much text for this run");
        if (run->decode_only)
            continue;
        end = run->was.len + run->ahead;
        end = end > run->lag ? end - run->lag : 0;
        whole = run->patched != NULL ? run->patched->len : run->was.len;
        if (count == 0 || end > whole)
            end = whole;
        rc = recode_run_write(run, recode, &written, end, err);
        recode_run_note(run, budget);
        if (rc < 0)
            return rc;
    } while (count > 0);
    return run->decode_only ? 0 : pp_recode_finish(recode, err);
}

/* 0 or the codec's error. `was` and `out` are filled from their start. */
static inline int recode_run(struct recode_run *run, const void *in, size_t in_len,
                             struct pp_err *err) {
    struct slow_source source = {{&slow_source_ops}, in, in_len, run->source_len, false};
    struct pp_codec_env env = {.len_kept = run->len_kept};
    struct pp_helpers helpers;
    struct pp_budget budget;
    struct pp_sink_buffer sink;
    struct pp_recode *recode = NULL;
    int rc;

    pp_budget_init(&budget, run->memory_len != 0 ? run->memory_len : (uint64_t)64 << 20);
    pp_helpers_init(&helpers, run->jobs > 0 ? run->jobs : 1);
    env.budget = &budget;
    env.helpers = &helpers;
    if (run->broken_at > 0 && run->broken_at < in_len) {
        source.left = run->broken_at;
        source.broken = true;
    }
    run->was.len = 0;
    run->out.len = 0;
    pp_sink_buffer_init(&sink, &run->out);
    rc = run->codec->open(&env, &source.source, run->decode_only ? NULL : &sink.sink, &recode, err);
    if (rc == 0)
        rc = recode_run_text(run, recode, &budget, err);
    pp_recode_free(recode);
    if (budget.taken_len != 0)
        rc = pp_err_set(err, PP_ERR_USAGE, "memory was not given back to the budget");
    pp_budget_done(&budget);
    return rc;
}

#endif
