/* A zip that is taken must come out as it was when nothing changes; when members change, the
 * result must be a zip that is taken again, with the same members. */
#include "base/buffer.h"
#include "base/sink.h"
#include "base/source.h"
#include "format/container.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum mode { COPY, THROUGH, CHANGE };

struct visitor {
    struct pp_visitor visitor;
    enum mode mode;
    struct pp_buffer names; /* one behind the other; without a sink only */
};

static int plan(struct pp_visitor *visitor, const struct pp_member *member, const uint8_t *head,
                size_t head_len, struct pp_err *err) {
    const struct visitor *self = (const struct visitor *)visitor;

    (void)head;
    (void)err;
    if (self->mode == COPY)
        return PP_PLAN_COPY;
    return (head_len + strlen(member->name)) % 2 == 0 ? PP_PLAN_RESIZE : PP_PLAN_LAST;
}

static int content(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                   struct pp_sink *out, struct pp_err *err) {
    struct visitor *self = (struct visitor *)visitor;
    PP_AUTO_BUFFER struct pp_buffer bytes = PP_BUFFER_INIT;
    struct pp_sink_buffer sink;
    int rc;

    pp_sink_buffer_init(&sink, &bytes);
    if ((rc = pp_sink_copy(&sink.sink, in, err)) < 0)
        return rc;
    if (bytes.len != member->len)
        abort();
    if (out == NULL)
        return pp_buffer_append(&self->names, member->name, strlen(member->name) + 1, err);
    if (self->mode == THROUGH || bytes.len % 3 == 1)
        return (rc = pp_sink_write(out, bytes.data, bytes.len, err)) < 0 ? rc : PP_MEMBER_WRITTEN;
    if (bytes.len % 3 == 2)
        return (rc = pp_sink_write(out, "dropped", 7, err)) < 0 ? rc : PP_MEMBER_KEPT;
    member->crc32 ^= 0x5a5a5a5a;
    member->text_len = 2 * bytes.len;
    if ((rc = pp_sink_write(out, bytes.data, bytes.len, err)) < 0)
        return rc;
    return pp_sink_write(out, bytes.data, bytes.len, err);
}

static int text(struct pp_visitor *visitor, const struct pp_member *member, uint64_t offset,
                uint8_t *data, size_t len, struct pp_err *err) {
    (void)visitor;
    (void)member;
    (void)err;
    if (offset != 0 || len == 0)
        abort();
    return data[0] & 1;
}

static int walk(const uint8_t *data, size_t len, enum mode mode, struct pp_buffer *out,
                struct pp_buffer *names) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_blob blob = pp_blob_memory(data, len);
    PP_AUTO_SOURCE struct pp_source *in = pp_source_from_blob(&blob, &err);
    struct visitor visitor = {.visitor = {.plan = plan, .content = content, .text = text},
                              .mode = mode};
    struct pp_sink_buffer sink;
    int rc;

    if (in == NULL)
        abort();
    if (out != NULL)
        pp_sink_buffer_init(&sink, out);
    rc = pp_container_zip.walk(in, out != NULL ? &sink.sink : NULL, &visitor.visitor, &err);
    if (rc < 0 && (err.kind == PP_ERR_NONE || rc != -(int)err.kind || err.text[0] == '\0'))
        abort();
    if (names != NULL)
        *names = visitor.names;
    else
        pp_buffer_done(&visitor.names);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    PP_AUTO_BUFFER struct pp_buffer names = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer new_names = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    bool taken = walk(data, len, COPY, NULL, &names) >= 0;

    for (enum mode mode = COPY; mode <= CHANGE; mode++) {
        out.len = 0;
        if (walk(data, len, mode, &out, NULL) < 0)
            continue;
        if (!taken)
            abort();
        if (mode != CHANGE && (out.len != len || memcmp(out.data, data, len) != 0))
            abort();
    }
    if (out.len == 0)
        return 0;
    if (walk(out.data, out.len, COPY, NULL, &new_names) < 0 || names.len != new_names.len)
        abort();
    if (names.len > 0 && memcmp(names.data, new_names.data, names.len) != 0)
        abort();
    return 0;
}
