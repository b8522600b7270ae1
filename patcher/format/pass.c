#include "format/pass.h"

#include "base/spool.h"

#define HEAD_LEN 512
#define COPY_LEN 8192

static const uint8_t zeros[512];

ssize_t pp_pass_read(struct pp_pass *pass, void *data, size_t len, struct pp_err *err) {
    ssize_t count = pp_source_read_full(pass->in, data, len, err);

    if (count > 0)
        pass->offset += (uint64_t)count;
    return count;
}

int pp_pass_append(struct pp_pass *pass, struct pp_buffer *buffer, uint64_t len, size_t max_len,
                   struct pp_err *err) {
    if (len > max_len || buffer->len > max_len - (size_t)len)
        return pp_err_set(err, PP_ERR_LIMIT, "a header of more than %zu bytes", max_len);
    /* In steps: a length that is a lie must not cost its memory. */
    while (len > 0) {
        size_t part_len = len < COPY_LEN ? (size_t)len : COPY_LEN;
        ssize_t count;
        int rc = pp_buffer_reserve(buffer, part_len, err);

        if (rc < 0)
            return rc;
        count = pp_pass_read(pass, buffer->data + buffer->len, part_len, err);
        if (count < 0)
            return (int)count;
        if ((size_t)count < part_len)
            return pp_err_set(err, PP_ERR_DAMAGED, "truncated in a header");
        buffer->len += part_len;
        buffer->data[buffer->len] = '\0';
        len -= part_len;
    }
    return 0;
}

int pp_pass_write(struct pp_pass *pass, const void *data, size_t len, struct pp_err *err) {
    if (pass->out == NULL || len == 0)
        return 0;
    return pp_sink_write(pass->out, data, len, err);
}

/* Moves the next `len` bytes to a sink, or drops them. */
static int move(struct pp_pass *pass, uint64_t len, struct pp_sink *sink, struct pp_err *err) {
    uint8_t data[COPY_LEN];

    while (len > 0) {
        size_t part_len = len < sizeof(data) ? (size_t)len : sizeof(data);
        ssize_t count = pp_pass_read(pass, data, part_len, err);

        if (count < 0)
            return (int)count;
        if ((size_t)count < part_len)
            return pp_err_set(err, PP_ERR_DAMAGED, "truncated: %llu bytes are missing",
                              (unsigned long long)(len - (uint64_t)count));
        if (sink != NULL) {
            int rc = pp_sink_write(sink, data, part_len, err);

            if (rc < 0)
                return rc;
        }
        len -= part_len;
    }
    return 0;
}

int pp_pass_copy(struct pp_pass *pass, uint64_t len, struct pp_err *err) {
    return move(pass, len, pass->out, err);
}

int pp_pass_padding(struct pp_pass *pass, uint64_t len, uint64_t new_len, unsigned align,
                    struct pp_err *err) {
    uint64_t mask = align - 1;
    int rc;

    if (len == new_len)
        return pp_pass_copy(pass, -len & mask, err);
    rc = move(pass, -len & mask, NULL, err);
    if (rc < 0)
        return rc;
    return pp_pass_write(pass, zeros, (size_t)(-new_len & mask), err);
}

int pp_pass_text(struct pp_pass *pass, const struct pp_member *member, uint64_t offset,
                 uint8_t *data, size_t len, struct pp_err *err) {
    if (len == 0)
        return 0;
    return pass->visitor->text(pass->visitor, member, offset, data, len, err);
}

/* Counts what passes. */
struct count_sink {
    struct pp_sink sink;
    struct pp_sink *to;
    uint64_t len;
};

static int count_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct count_sink *self = (struct count_sink *)sink;

    self->len += len;
    return pp_sink_write(self->to, data, len, err);
}

static const struct pp_sink_ops count_ops = {.write = count_write};

/* Reads what the visitor left. */
static int drain(struct pp_source *source, struct pp_err *err) {
    uint8_t data[COPY_LEN];
    ssize_t count;

    do
        count = pp_source_read(source, data, sizeof(data), err);
    while (count > 0);
    return (int)count;
}

/* The content straight from the container to the visitor; `out` may be NULL. */
static int stream(struct pp_pass *pass, struct pp_member *member, const uint8_t *head,
                  size_t head_len, struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *rest = pp_source_limit(pass->in, member->len - head_len, err);
    PP_AUTO_SOURCE struct pp_source *content = NULL;
    uint64_t len = member->len;
    int rc;

    if (rest == NULL)
        return -(int)err->kind;
    content = pp_source_prepend(head, head_len, rest, err);
    if (content == NULL)
        return -(int)err->kind;
    rc = pass->visitor->content(pass->visitor, member, content, out, err);
    if (rc < 0)
        return rc;
    pass->offset += len - head_len;
    return drain(content, err);
}

static int patch(struct pp_pass *pass, struct pp_member *member, const uint8_t *head,
                 size_t head_len, struct pp_err *err) {
    struct count_sink counted = {.sink.ops = &count_ops, .to = pass->out};
    uint64_t len = member->len;
    int rc = stream(pass, member, head, head_len, &counted.sink, err);

    if (rc >= 0 && counted.len != len)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "its content changed its length");
    return rc;
}

/* The stored bytes are kept until the visitor has made up its mind. As a blob they also serve
 * content that is read at random. */
static int resize(struct pp_pass *pass, struct pp_member *member, const uint8_t *head,
                  size_t head_len, struct pp_spool *stored, struct pp_spool *written,
                  struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *content = NULL;
    struct pp_blob blob;
    int rc = pp_sink_write(&stored->sink, head, head_len, err);

    if (rc < 0)
        return rc;
    rc = move(pass, member->len - head_len, &stored->sink, err);
    if (rc < 0)
        return rc;
    blob = pp_spool_blob(stored);
    content = pp_source_from_blob(&blob, err);
    if (content == NULL)
        return -(int)err->kind;
    return pass->visitor->content(pass->visitor, member, content, &written->sink, err);
}

static int write_spool(struct pp_pass *pass, const struct pp_spool *spool, struct pp_err *err) {
    struct pp_blob blob = pp_spool_blob(spool);
    PP_AUTO_SOURCE struct pp_source *content = pp_source_from_blob(&blob, err);

    if (content == NULL)
        return -(int)err->kind;
    return pp_sink_copy(pass->out, content, err);
}

static int write_resized(struct pp_pass *pass, struct pp_member *member, const uint8_t *head,
                         size_t head_len, pp_pass_header_fn *write_header, void *header,
                         uint64_t *new_len, struct pp_err *err) {
    PP_AUTO_SPOOL struct pp_spool stored;
    PP_AUTO_SPOOL struct pp_spool written;
    const struct pp_spool *kept;
    int rc;

    pp_spool_init(&stored);
    pp_spool_init(&written);
    rc = resize(pass, member, head, head_len, &stored, &written, err);
    if (rc < 0)
        return rc;
    kept = rc == PP_MEMBER_KEPT ? &stored : &written;
    if (member->len_fixed && kept->len != stored.len)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "the length of its content is fixed");
    *new_len = kept->len;
    rc = write_header(header, kept->len, err);
    if (rc < 0)
        return rc;
    return write_spool(pass, kept, err);
}

static int write_content(struct pp_pass *pass, struct pp_member *member,
                         pp_pass_header_fn *write_header, void *header, uint64_t *new_len,
                         struct pp_err *err) {
    uint8_t head[HEAD_LEN];
    size_t head_len = member->len < HEAD_LEN ? (size_t)member->len : HEAD_LEN;
    ssize_t count = pp_pass_read(pass, head, head_len, err);
    int plan;
    int rc;

    if (count < 0)
        return (int)count;
    if ((size_t)count < head_len)
        return pp_err_set(err, PP_ERR_DAMAGED, "truncated: %llu bytes are missing",
                          (unsigned long long)(member->len - (uint64_t)count));
    plan = pass->visitor->plan(pass->visitor, member, head, head_len, err);
    if (plan < 0)
        return plan;
    if (plan != PP_PLAN_COPY && plan != PP_PLAN_PATCH)
        return write_resized(pass, member, head, head_len, write_header, header, new_len, err);
    rc = write_header(header, member->len, err);
    if (rc < 0)
        return rc;
    if (plan == PP_PLAN_PATCH)
        return patch(pass, member, head, head_len, err);
    rc = pp_pass_write(pass, head, head_len, err);
    if (rc < 0)
        return rc;
    return pp_pass_copy(pass, member->len - head_len, err);
}

int pp_pass_content(struct pp_pass *pass, struct pp_member *member, pp_pass_header_fn *write_header,
                    void *header, uint64_t *new_len, struct pp_err *err) {
    int rc;

    *new_len = member->len;
    if (pass->out == NULL)
        rc = stream(pass, member, NULL, 0, NULL, err);
    else
        rc = write_content(pass, member, write_header, header, new_len, err);
    if (rc < 0)
        return pp_err_context(err, "%s", member->name);
    return 0;
}
