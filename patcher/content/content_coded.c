#include "content/content_walk.h"

#include "base/cleanup.h"

/* The encoded bytes on their way into a codec, counted. */
struct counted {
    struct pp_source source;
    struct pp_source *in;
    uint64_t len;
};

static ssize_t counted_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct counted *self = (struct counted *)source;
    ssize_t count = pp_source_read(self->in, data, len, err);

    if (count > 0)
        self->len += (uint64_t)count;
    return count;
}

static const struct pp_source_ops counted_ops = {.read = counted_read};

/* The decoded text of a codec, within the limits. A failure stays: later reads fail alike. */
struct decoded {
    struct pp_source source;
    struct pp_recode *recode;
    struct pp_walk_run *run;
    const struct counted *encoded;
    uint64_t len;
    bool ended;
    struct pp_err failure;
};

static int check_limits(const struct decoded *self, struct pp_err *err) {
    if (self->len > PP_DECODED_LEN_MAX || atomic_load(self->run->decoded) > PP_DECODED_LEN_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "holds more than %llu MiB decoded",
                          (unsigned long long)(PP_DECODED_LEN_MAX >> 20));
    if (self->len > PP_DECODED_RATIO_FREE_LEN &&
        self->len / PP_DECODED_RATIO_MAX > self->encoded->len)
        return pp_err_set(err, PP_ERR_LIMIT, "decodes to over %d times its size",
                          PP_DECODED_RATIO_MAX);
    return 0;
}

static ssize_t decoded_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct decoded *self = (struct decoded *)source;
    ssize_t count;

    if (self->failure.kind != PP_ERR_NONE) {
        *err = self->failure;
        return -(int)err->kind;
    }
    if (self->ended)
        return 0;
    count = pp_recode_read(self->recode, data, len, err);
    if (count > 0) {
        int rc;

        self->len += (uint64_t)count;
        atomic_fetch_add(self->run->decoded, (uint64_t)count);
        rc = check_limits(self, err);
        if (rc < 0)
            count = rc;
    }
    if (count < 0)
        self->failure = *err;
    self->ended = count == 0;
    return count;
}

static const struct pp_source_ops decoded_ops = {.read = decoded_read};

/* Patched text on its way into a codec; a zip wants its CRC. */
struct encoded {
    struct pp_sink sink;
    struct pp_recode *recode;
};

static int encoded_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    return pp_recode_write(((struct encoded *)sink)->recode, data, len, err);
}

static const struct pp_sink_ops encoded_ops = {.write = encoded_write};

struct pp_walk_place pp_walk_inside(const struct pp_walk_place *place) {
    struct pp_walk_place inside = *place;

    inside.depth++;
    inside.layer++;
    inside.coded_layer = place->layer;
    inside.itself = false;
    return inside;
}

bool pp_walk_len_kept(const struct pp_walk_run *run, const struct pp_walk_place *place) {
    return pp_findings_coded_layer(run->findings, place->path) <= place->layer;
}

/* Is there a hit to be patched behind the first `before`? */
static bool any_counts(const struct pp_findings *findings, size_t before) {
    for (size_t i = before; i < findings->count; i++)
        if (pp_finding_counts(findings, &findings->items[i]))
            return true;
    return false;
}

int pp_walk_coded(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                  struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    const struct pp_walk_coding *coding = arg;
    struct counted counted = {.source.ops = &counted_ops, .in = in};
    struct pp_codec_env env = {
        .budget = run->policy->budget,
        .helpers = pp_budget_is_claimed(run->policy->budget) ? NULL : run->policy->helpers,
        .holding = run->holding,
        .len_kept = coding->len_kept};
    struct pp_walk_place inside = pp_walk_inside(place);
    struct pp_recode *recode = NULL;
    size_t before = run->findings->count;
    int rc = coding->codec->open(&env, &counted.source, out, &recode, err);

    if (rc >= 0) {
        struct decoded decoded = {.source.ops = &decoded_ops,
                                  .recode = recode,
                                  .run = run,
                                  .encoded = &counted,
                                  .failure = PP_ERR_INIT};
        struct encoded encoded = {.sink.ops = &encoded_ops, .recode = recode};
        bool holding = run->holding;

        run->holding = true;
        rc = coding->inside(run, &inside, coding->arg, &decoded.source,
                            out != NULL ? &encoded.sink : NULL, err);
        /* What gave up on a part below has not seen the end, where the checks are. */
        if (rc >= 0)
            rc = pp_walk_skip(&decoded.source, err);
        run->holding = holding;
    }
    if (rc >= 0 && out != NULL)
        rc = pp_recode_finish(recode, err);
    else if (rc >= 0 && recode->refusal.kind != PP_ERR_NONE && any_counts(run->findings, before))
        rc = pp_err_set(err, recode->refusal.kind, "%s", recode->refusal.text);
    pp_recode_free(recode);
    return rc < 0 ? pp_err_context(err, "%s", coding->codec->name) : 0;
}
