/* A visitor for zips that decodes and encodes with zlib: what core/ does with the codecs, in small,
 * for the tests of the container. */
#ifndef TESTS_TOOLS_ZIP_REWRITER_H
#define TESTS_TOOLS_ZIP_REWRITER_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/source.h"
#include "format/container.h"
#include "format/wheel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct zip_rewriter {
    struct pp_visitor visitor;
    bool through;     /* write every member's stored bytes as they are */
    const char *only; /* member to change; NULL: all that hold `from` */
    const char *from; /* NULL: change nothing */
    const char *to;
    struct pp_buffer log; /* a line a call of content() */
    struct pp_wheel_change *changes;
    size_t change_count;
};

static inline int zip_rewriter_read_all(struct pp_source *in, struct pp_buffer *buffer,
                                        struct pp_err *err) {
    struct pp_sink_buffer sink;

    pp_sink_buffer_init(&sink, buffer);
    return pp_sink_copy(&sink.sink, in, err);
}

/* Raw deflate, both ways: `code` is inflate or deflate. */
static inline int zip_rewriter_code(z_stream *stream, int (*code)(z_stream *, int),
                                    struct pp_buffer *in, struct pp_buffer *out,
                                    struct pp_err *err) {
    int status = Z_OK;

    stream->next_in = in->data;
    stream->avail_in = (uInt)in->len;
    while (status == Z_OK) {
        int rc = pp_buffer_reserve(out, 65536, err);

        if (rc < 0)
            return rc;
        stream->next_out = out->data + out->len;
        stream->avail_out = 65536;
        status = code(stream, Z_FINISH);
        out->len += 65536 - stream->avail_out;
        if (status == Z_BUF_ERROR && stream->avail_out == 0)
            status = Z_OK;
    }
    if (status != Z_STREAM_END)
        return pp_err_set(err, PP_ERR_DAMAGED, "zlib: %d", status);
    return 0;
}

static inline int zip_rewriter_decode(const struct pp_member *member, struct pp_source *in,
                                      struct pp_buffer *text, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer stored = PP_BUFFER_INIT;
    z_stream stream = {0};
    int rc;

    if (!member->deflated)
        rc = zip_rewriter_read_all(in, text, err);
    else if ((rc = zip_rewriter_read_all(in, &stored, err)) == 0) {
        inflateInit2(&stream, -15);
        rc = zip_rewriter_code(&stream, inflate, &stored, text, err);
        inflateEnd(&stream);
    }
    if (rc == 0 &&
        (text->len != member->text_len || crc32(0, text->data, (uInt)text->len) != member->crc32))
        return pp_err_set(err, PP_ERR_DAMAGED, "%s: wrong CRC or length", member->name);
    return rc;
}

static inline int zip_rewriter_encode(struct pp_member *member, struct pp_buffer *text,
                                      struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer stored = PP_BUFFER_INIT;
    z_stream stream = {0};
    int rc;

    member->crc32 = (uint32_t)crc32(0, text->data, (uInt)text->len);
    member->text_len = text->len;
    if (!member->deflated)
        return pp_sink_write(out, text->data, text->len, err);
    deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    rc = zip_rewriter_code(&stream, deflate, text, &stored, err);
    deflateEnd(&stream);
    if (rc < 0)
        return rc;
    return pp_sink_write(out, stored.data, stored.len, err);
}

static inline int zip_rewriter_replace(const struct zip_rewriter *self, struct pp_buffer *text,
                                       struct pp_buffer *result, struct pp_err *err) {
    const uint8_t *at = text->data;
    const uint8_t *end = text->len > 0 ? at + text->len : at;
    size_t from_len = strlen(self->from);
    int count = 0;

    for (;;) {
        const uint8_t *hit =
            at == end ? NULL : memmem(at, (size_t)(end - at), self->from, from_len);
        const uint8_t *stop = hit != NULL ? hit : end;
        int rc = pp_buffer_append(result, at, (size_t)(stop - at), err);

        if (rc < 0)
            return rc;
        if (hit == NULL)
            return count;
        if ((rc = pp_buffer_append(result, self->to, strlen(self->to), err)) < 0)
            return rc;
        at = hit + from_len;
        count++;
    }
}

static inline int zip_rewriter_note(struct zip_rewriter *self, const char *name,
                                    const struct pp_buffer *text, struct pp_err *err) {
    struct pp_wheel_change *change;
    struct pp_digester digester;
    struct pp_digest digest;

    change = realloc(self->changes, (self->change_count + 1) * sizeof(*change));
    if (change == NULL)
        return pp_err_nomem(err);
    self->changes = change;
    change += self->change_count;
    pp_digester_init(&digester, false);
    pp_digester_update(&digester, text->data, text->len);
    pp_digester_final(&digester, &digest);
    memcpy(change->sha256, digest.sha256, sizeof(change->sha256));
    change->len = text->len;
    if ((change->name = strdup(name)) == NULL)
        return pp_err_nomem(err);
    self->change_count++;
    return 0;
}

/* Returns the number of changes. */
static inline int zip_rewriter_edit(struct zip_rewriter *self, const struct pp_member *member,
                                    struct pp_buffer *text, struct pp_buffer *result,
                                    struct pp_err *err) {
    int count;
    int rc;

    if (pp_wheel_is_record(member->name))
        return pp_wheel_record_mend(text->data, text->len, self->changes, self->change_count,
                                    result, err);
    count = zip_rewriter_replace(self, text, result, err);
    if (count > 0 && (rc = zip_rewriter_note(self, member->name, result, err)) < 0)
        return rc;
    return count;
}

static inline int zip_rewriter_plan(struct pp_visitor *visitor, const struct pp_member *member,
                                    const uint8_t *head, size_t head_len, struct pp_err *err) {
    const struct zip_rewriter *self = (const struct zip_rewriter *)visitor;

    (void)head;
    (void)head_len;
    (void)err;
    if (self->through)
        return PP_PLAN_PATCH;
    if (self->from == NULL || member->kind == PP_MEMBER_OTHER)
        return PP_PLAN_COPY;
    if (pp_wheel_is_record(member->name))
        return PP_PLAN_LAST;
    return self->only == NULL || strcmp(self->only, member->name) == 0 ? PP_PLAN_RESIZE
                                                                       : PP_PLAN_COPY;
}

static inline int zip_rewriter_content(struct pp_visitor *visitor, struct pp_member *member,
                                       struct pp_source *in, struct pp_sink *out,
                                       struct pp_err *err) {
    struct zip_rewriter *self = (struct zip_rewriter *)visitor;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
    int rc = pp_buffer_printf(&self->log, err, "%s %d %o %d %" PRIu64 " %" PRIu64 " %s\n",
                              member->name, (int)member->kind, (unsigned)member->mode,
                              member->deflated, member->len, member->text_len,
                              member->sealed != NULL        ? member->sealed
                              : member->unsupported != NULL ? member->unsupported
                                                            : "-");

    if (rc < 0)
        return rc;
    if (out != NULL && self->through)
        return pp_sink_copy(out, in, err);
    if (member->kind == PP_MEMBER_OTHER)
        return PP_MEMBER_KEPT;
    if ((rc = zip_rewriter_decode(member, in, &text, err)) < 0 || out == NULL)
        return rc;
    if ((rc = zip_rewriter_edit(self, member, &text, &result, err)) < 0)
        return rc;
    if (rc == 0) {
        /* What was written of a member that is kept must not show up. */
        rc = pp_sink_write(out, "dropped", 7, err);
        return rc < 0 ? rc : PP_MEMBER_KEPT;
    }
    return zip_rewriter_encode(member, &result, out, err);
}

/* A stub stays as it is. */
static inline int zip_rewriter_text(struct pp_visitor *visitor, const struct pp_member *member,
                                    uint64_t offset, uint8_t *data, size_t len,
                                    struct pp_err *err) {
    struct zip_rewriter *self = (struct zip_rewriter *)visitor;

    (void)member;
    (void)data;
    return pp_buffer_printf(&self->log, err, "%" PRIu64 " bytes at %" PRIu64 "\n", (uint64_t)len,
                            offset);
}

static inline void zip_rewriter_init(struct zip_rewriter *self) {
    *self = (struct zip_rewriter){
        .visitor = {.plan = zip_rewriter_plan,
                    .content = zip_rewriter_content,
                    .text = zip_rewriter_text},
        .log = PP_BUFFER_INIT,
    };
}

static inline void zip_rewriter_done(struct zip_rewriter *self) {
    pp_buffer_done(&self->log);
    for (size_t i = 0; i < self->change_count; i++)
        free((char *)self->changes[i].name);
    free(self->changes);
}

#endif
