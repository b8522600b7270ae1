/* The members of a zip, whose CRC and length are checked and made anew. */
#include "content/content_walk.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "format/wheel.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

void pp_walk_zip_done(struct pp_walk_zip *zip) {
    for (size_t i = 0; i < zip->change_count; i++)
        free((char *)zip->changes[i].name);
    free(zip->changes);
}

/* What a zip member's content goes through on its way: CRC and length of the plain text. */
struct summed {
    struct pp_source source;
    struct pp_sink sink;
    struct pp_source *in;
    struct pp_sink *out;
    uint32_t in_crc;
    uint64_t in_len;
    uint32_t out_crc;
    uint64_t out_len;
    struct sha256_ctx out_sha256;
};

static ssize_t summed_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct summed *self = (struct summed *)source;
    ssize_t count = pp_source_read(self->in, data, len, err);

    if (count > 0) {
        self->in_crc = libdeflate_crc32(self->in_crc, data, (size_t)count);
        self->in_len += (uint64_t)count;
    }
    return count;
}

static const struct pp_source_ops summed_source_ops = {.read = summed_read};

static int summed_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct summed *self = PP_CONTAINER_OF(sink, struct summed, sink);

    self->out_crc = libdeflate_crc32(self->out_crc, data, len);
    sha256_update(&self->out_sha256, len, data);
    self->out_len += len;
    return pp_sink_write(self->out, data, len, err);
}

static const struct pp_sink_ops summed_sink_ops = {.write = summed_write};

static int check_sums(const struct summed *summed, const struct pp_member *member,
                      struct pp_err *err) {
    if (summed->in_len != member->text_len)
        return pp_err_set(err, PP_ERR_DAMAGED, "holds %llu bytes, not the %llu it claims",
                          (unsigned long long)summed->in_len, (unsigned long long)member->text_len);
    if (summed->in_crc != member->crc32)
        return pp_err_set(err, PP_ERR_DAMAGED, "its CRC is wrong");
    return 0;
}

/* A zip member on its way through the steps below. */
struct zip_member {
    struct pp_walk_zip *zip;
    struct pp_member *member;
    unsigned depth;
    bool record; /* the RECORD of a wheel, being written */
};

/* The text of RECORD, with the sums of what was changed. */
static int write_record(const struct pp_walk_zip *zip, struct pp_source *in, struct pp_sink *out,
                        struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer mended = PP_BUFFER_INIT;
    uint8_t data[16384];
    ssize_t count;
    int rc;

    while ((count = pp_source_read(in, data, sizeof(data), err)) > 0) {
        rc = pp_buffer_append(&text, data, (size_t)count, err);
        if (rc < 0)
            return rc;
    }
    if (count < 0)
        return (int)count;
    rc = pp_wheel_record_mend(text.data, text.len, zip->changes, zip->change_count, &mended, err);
    return rc < 0 ? rc : pp_sink_write(out, mended.data, mended.len, err);
}

/* The plain text of a zip member, whose CRC and length are checked and made anew. */
static int walk_text(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                     struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct zip_member *self = arg;
    struct summed summed = {
        .source.ops = &summed_source_ops, .sink.ops = &summed_sink_ops, .in = in, .out = out};
    struct pp_sink *sink = out != NULL ? &summed.sink : NULL;
    struct pp_walk_place inside = *place;
    int rc;

    inside.depth = self->depth;
    inside.itself = self->member->kind == PP_MEMBER_FILE;
    sha256_init(&summed.out_sha256);
    rc = self->record ? write_record(self->zip, &summed.source, sink, err)
                      : pp_walk_content(run, &inside, &summed.source, sink, err);
    if (rc >= 0)
        rc = pp_walk_skip(&summed.source, err);
    if (rc >= 0)
        rc = check_sums(&summed, self->member, err);
    if (rc < 0 || out == NULL)
        return rc;
    self->member->crc32 = summed.out_crc;
    self->member->text_len = summed.out_len;
    if (!self->record) {
        struct pp_wheel_change *change = &self->zip->changes[self->zip->change_count - 1];

        change->len = summed.out_len;
        sha256_digest(&summed.out_sha256, sizeof(change->sha256), change->sha256);
    }
    return 0;
}

/* Makes room for the sums of one more changed member, under its name. */
static int add_change(struct pp_walk_zip *zip, const char *name, struct pp_err *err) {
    struct pp_wheel_change *changes =
        pp_array_resize(zip->changes, zip->change_count + 1, sizeof(*changes));

    if (changes == NULL)
        return pp_err_nomem(err);
    zip->changes = changes;
    changes[zip->change_count] = (struct pp_wheel_change){.name = strdup(name)};
    if (changes[zip->change_count].name == NULL)
        return pp_err_nomem(err);
    zip->change_count++;
    return 0;
}

static int walk_packed(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                       struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct zip_member *self = arg;
    struct pp_walk_coding coding = {.codec = &pp_codec_deflate,
                                    .len_kept = !self->record && pp_walk_len_kept(run, place),
                                    .inside = walk_text,
                                    .arg = self};

    if (out != NULL && !self->record) {
        int rc = add_change(self->zip, self->member->name, err);

        if (rc < 0)
            return rc;
    }
    return self->member->deflated ? pp_walk_coded(run, place, &coding, in, out, err)
                                  : walk_text(run, place, self, in, out, err);
}

/* Adds the digest of a member's texts, which must be found again under its name. */
static void add_digest(XXH128_hash_t *sum, const char *name, const uint8_t *digest) {
    XXH128_canonical_t both[2];
    XXH128_hash_t hash;

    XXH128_canonicalFromHash(&both[0], XXH3_128bits(name, strlen(name)));
    memcpy(both[1].digest, digest, sizeof(both[1].digest));
    hash = XXH3_128bits(both, sizeof(both));
    sum->low64 += hash.low64;
    sum->high64 += hash.high64;
}

int pp_walk_zip_member(struct pp_walk_run *run, struct pp_walk_zip *zip,
                       const struct pp_walk_place *place, struct pp_member *member,
                       struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct zip_member self = {.zip = zip, .member = member, .depth = place->depth};
    struct pp_walk_place here = *place;
    struct pp_findings_mark around;
    int rc;

    if (pp_wheel_is_record(member->name)) {
        self.record = out != NULL;
        here.unhashed = true;
        if (out != NULL && zip->change_count == 0)
            return PP_MEMBER_KEPT;
    }
    if (run->writing)
        return pp_walk_part(run, &here, walk_packed, &self, in, out, err);
    around = pp_findings_mark(run->findings);
    memset(run->findings->digest, 0, sizeof(run->findings->digest));
    rc = pp_walk_part(run, &here, walk_packed, &self, in, out, err);
    add_digest(&zip->digest, member->name, run->findings->digest);
    memcpy(run->findings->digest, around.digest, sizeof(around.digest));
    return rc;
}
