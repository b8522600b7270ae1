#include "content/content_walk.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/wheel.h"

struct visit {
    struct pp_visitor visitor;
    struct pp_walk_run *run;
    const struct pp_walk_place *place;
    struct pp_wheel_change *changes; /* of a zip; in case it is a wheel */
    size_t change_count;
    bool is_zip;        /* compressed inside: its own size may change */
    bool text_in_place; /* no sums over its texts: they can be written in the file itself */
};

/* What is said of a container holds for all in it. */
static void leave_sealed(struct pp_walk_place *inside, const struct pp_walk_place *place,
                         const struct pp_member *member) {
    if (inside->left != NULL || member->sealed == NULL)
        return;
    inside->left = member->sealed;
    inside->left_path = place->path;
    inside->left_kind = member->is_signed ? PP_LEFT_SIGNED : PP_LEFT_FORMAT;
}

/* The place of a member. Its path is the caller's to free. */
static int member_place(const struct visit *visit, const struct pp_member *member, char **path,
                        struct pp_walk_place *inside, struct pp_err *err) {
    const struct pp_walk_place *place = visit->place;

    if (asprintf(path, "%s%s%s", place->path, place->path[0] != '\0' ? "!" : "", member->name) <
        0) {
        *path = NULL;
        return pp_err_nomem(err);
    }
    *inside = (struct pp_walk_place){
        .path = *path,
        .depth = place->depth + 1,
        .layer = place->layer + 1,
        .coded_layer = visit->is_zip ? place->layer : place->coded_layer,
        .mode = member->mode,
        .itself = member->kind == PP_MEMBER_FILE,
        .unhashed = place->unhashed,
        .len_fixed = place->len_fixed || member->len_fixed,
        .left = place->left,
        .left_path = place->left_path,
        .left_kind = place->left_kind,
    };
    leave_sealed(inside, place, member);
    if (inside->left == NULL) {
        inside->left = member->unsupported;
        inside->left_path = *path;
    }
    return 0;
}

static int visit_plan(struct pp_visitor *visitor, const struct pp_member *member,
                      const uint8_t *head, size_t head_len, struct pp_err *err) {
    struct visit *visit = (struct visit *)visitor;
    struct pp_walk_place inside;
    PP_AUTO_FREE char *path = NULL;
    int rc = member_place(visit, member, &path, &inside, err);
    int layer;

    (void)head;
    (void)head_len;
    if (rc < 0)
        return rc;
    if (visit->is_zip && pp_wheel_is_record(member->name))
        return PP_PLAN_LAST;
    layer = pp_findings_coded_layer(visit->run->findings, path);
    if (layer == -2)
        return PP_PLAN_COPY;
    return layer > visit->place->layer ? PP_PLAN_RESIZE : PP_PLAN_PATCH;
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
    struct visit *visit;
    struct pp_member *member;
    bool record; /* the RECORD of a wheel, being written */
};

/* The text of RECORD, with the sums of what was changed. */
static int write_record(struct visit *visit, struct pp_source *in, struct pp_sink *out,
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
    rc = pp_wheel_record_mend(text.data, text.len, visit->changes, visit->change_count, &mended,
                              err);
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

    inside.depth = self->visit->place->depth + 1;
    inside.itself = self->member->kind == PP_MEMBER_FILE;
    sha256_init(&summed.out_sha256);
    rc = self->record ? write_record(self->visit, &summed.source, sink, err)
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
        struct pp_wheel_change *change = &self->visit->changes[self->visit->change_count - 1];

        change->len = summed.out_len;
        sha256_digest(&summed.out_sha256, sizeof(change->sha256), change->sha256);
    }
    return 0;
}

/* Makes room for the sums of one more changed member, under its name. */
static int add_change(struct visit *visit, const char *name, struct pp_err *err) {
    struct pp_wheel_change *changes =
        pp_array_resize(visit->changes, visit->change_count + 1, sizeof(*changes));

    if (changes == NULL)
        return pp_err_nomem(err);
    visit->changes = changes;
    changes[visit->change_count] = (struct pp_wheel_change){.name = strdup(name)};
    if (changes[visit->change_count].name == NULL)
        return pp_err_nomem(err);
    visit->change_count++;
    return 0;
}

static int walk_zip_member(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                           struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct zip_member *self = arg;
    struct pp_walk_coding coding = {.codec = &pp_codec_deflate,
                                    .len_kept = !self->record && pp_walk_len_kept(run, place),
                                    .inside = walk_text,
                                    .arg = self};

    if (out != NULL && !self->record) {
        int rc = add_change(self->visit, self->member->name, err);

        if (rc < 0)
            return rc;
    }
    return self->member->deflated ? pp_walk_coded(run, place, &coding, in, out, err)
                                  : walk_text(run, place, self, in, out, err);
}

static int walk_member(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                       struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    (void)arg;
    return pp_walk_content(run, place, in, out, err);
}

/* A member that cannot even be read. */
static int note_unreadable(struct visit *visit, const struct pp_walk_place *place,
                           const struct pp_member *member, struct pp_err *err) {
    if (member->unsupported == NULL || member->len == 0)
        return 0;
    return pp_walk_note_left(visit->run, place->path, member->unsupported, err);
}

static int visit_content(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                         struct pp_sink *out, struct pp_err *err) {
    struct visit *visit = (struct visit *)visitor;
    struct zip_member zip = {.visit = visit, .member = member};
    struct pp_walk_place inside;
    PP_AUTO_FREE char *path = NULL;
    int rc = member_place(visit, member, &path, &inside, err);

    if (rc < 0)
        return rc;
    if (member->kind == PP_MEMBER_OTHER)
        return note_unreadable(visit, &inside, member, err);
    if (!visit->is_zip)
        return pp_walk_part(visit->run, &inside, walk_member, NULL, in, out, err);
    if (pp_wheel_is_record(member->name)) {
        zip.record = out != NULL;
        inside.unhashed = true;
        if (out != NULL && visit->change_count == 0)
            return PP_MEMBER_KEPT;
    }
    return pp_walk_part(visit->run, &inside, walk_zip_member, &zip, in, out, err);
}

static int visit_text(struct pp_visitor *visitor, const struct pp_member *member, uint64_t offset,
                      uint8_t *data, size_t len, struct pp_err *err) {
    struct visit *visit = (struct visit *)visitor;
    struct pp_walk_place place = *visit->place;
    const char *left;

    leave_sealed(&place, visit->place, member);
    left = place.left;
    if (left == NULL && member->is_key) {
        /* As in an executable: said, and no problem. */
        left = "a message id";
        place.left_kind = PP_LEFT_MESSAGE_ID;
        place.unhashed = true;
    }
    return pp_walk_text(visit->run, &place, left, visit->text_in_place, offset, data, len, err);
}

int pp_walk_container(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                      struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    const struct pp_container *container = arg;
    struct visit visit = {
        .visitor = {.plan = visit_plan, .content = visit_content, .text = visit_text},
        .run = run,
        .place = place,
        .is_zip = container == &pp_container_zip,
        .text_in_place = container == &pp_container_mo && place->layer == 0,
    };
    int rc = container->walk(in, out, &visit.visitor, err);

    for (size_t i = 0; i < visit.change_count; i++)
        free((char *)visit.changes[i].name);
    free(visit.changes);
    return rc < 0 ? pp_err_context(err, "%s", container->name) : 0;
}
