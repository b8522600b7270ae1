#include "base/source.h"

#include <stdlib.h>
#include <string.h>

void pp_source_free(struct pp_source *source) {
    if (source != NULL && source->ops->free != NULL)
        source->ops->free(source);
}

void pp_source_freep(struct pp_source **source) {
    pp_source_free(*source);
    *source = NULL;
}

ssize_t pp_source_read_full(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    uint8_t *at = data;
    size_t done = 0;

    while (done < len) {
        ssize_t count = pp_source_read(source, at + done, len - done, err);

        if (count < 0)
            return count;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

static void free_plain(struct pp_source *source) {
    free(source);
}

struct blob_source {
    struct pp_source source;
    const struct pp_blob *blob;
    uint64_t offset;
};

static ssize_t blob_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct blob_source *self = (struct blob_source *)source;
    ssize_t count = pp_blob_read(self->blob, self->offset, data, len, err);

    if (count > 0)
        self->offset += (uint64_t)count;
    return count;
}

static const struct pp_source_ops blob_ops = {.read = blob_read, .free = free_plain};

struct pp_source *pp_source_from_blob(const struct pp_blob *blob, struct pp_err *err) {
    struct blob_source *self = calloc(1, sizeof(*self));

    if (self == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    self->source.ops = &blob_ops;
    self->blob = blob;
    return &self->source;
}

const struct pp_blob *pp_source_blob(const struct pp_source *source, uint64_t *offset) {
    const struct blob_source *self = (const struct blob_source *)source;

    if (source->ops != &blob_ops)
        return NULL;
    *offset = self->offset;
    return self->blob;
}

struct prepend_source {
    struct pp_source source;
    struct pp_source *tail;
    size_t head_len;
    size_t head_at;
    uint8_t head[];
};

static ssize_t prepend_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct prepend_source *self = (struct prepend_source *)source;
    size_t left = self->head_len - self->head_at;

    if (left == 0)
        return pp_source_read(self->tail, data, len, err);
    if (len > left)
        len = left;
    memcpy(data, self->head + self->head_at, len);
    self->head_at += len;
    return (ssize_t)len;
}

static const struct pp_source_ops prepend_ops = {.read = prepend_read, .free = free_plain};

struct pp_source *pp_source_prepend(const void *head, size_t head_len, struct pp_source *tail,
                                    struct pp_err *err) {
    struct prepend_source *self = calloc(1, sizeof(*self) + head_len);

    if (self == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    self->source.ops = &prepend_ops;
    self->tail = tail;
    self->head_len = head_len;
    if (head_len > 0)
        memcpy(self->head, head, head_len);
    return &self->source;
}

struct limit_source {
    struct pp_source source;
    struct pp_source *whole;
    uint64_t left;
};

static ssize_t limit_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct limit_source *self = (struct limit_source *)source;
    ssize_t count;

    if (self->left == 0)
        return 0;
    if (len > self->left)
        len = (size_t)self->left;
    count = pp_source_read(self->whole, data, len, err);
    if (count == 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "truncated: %llu bytes are missing",
                          (unsigned long long)self->left);
    if (count > 0)
        self->left -= (uint64_t)count;
    return count;
}

static const struct pp_source_ops limit_ops = {.read = limit_read, .free = free_plain};

struct pp_source *pp_source_limit(struct pp_source *whole, uint64_t len, struct pp_err *err) {
    struct limit_source *self = calloc(1, sizeof(*self));

    if (self == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    self->source.ops = &limit_ops;
    self->whole = whole;
    self->left = len;
    return &self->source;
}
