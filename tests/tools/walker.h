/* A visitor that edits, and a source that gives its bytes in small steps. */
#ifndef PP_TESTS_WALKER_H
#define PP_TESTS_WALKER_H

#include "format/container.h"

#include <stdio.h>
#include <string.h>

struct drip {
    struct pp_source source;
    const uint8_t *data;
    size_t len;
    size_t at;
    size_t step; /* bytes given at once, at most */
};

static inline ssize_t drip_read(struct pp_source *source, void *data, size_t len,
                                struct pp_err *err) {
    struct drip *self = (struct drip *)source;
    size_t count = self->len - self->at;

    (void)err;
    if (count > len)
        count = len;
    if (count > self->step)
        count = self->step;
    if (count > 0)
        memcpy(data, self->data + self->at, count);
    self->at += count;
    return (ssize_t)count;
}

static const struct pp_source_ops drip_ops = {.read = drip_read, .free = NULL};

/* Replaces `old` by `new`, of one length. Members change their length when asked by their name:
 * ".grow" gets 1000 bytes more, ".shrink" loses all but 3, ".kept" writes much and drops it,
 * ".copy" is not to be touched. */
struct walker {
    struct pp_visitor visitor;
    const char *old; /* NULL: changes nothing, though members are still collected */
    const char *new;
    FILE *list;           /* NULL, or a line for each call */
    struct pp_buffer log; /* the same lines */
    size_t member_count;
};

static inline int walker_note(struct walker *self, const char *what, const struct pp_member *member,
                              uint64_t number, struct pp_err *err) {
    size_t at = self->log.len;
    int rc = pp_buffer_printf(&self->log, err, "%s %d %o %llu %s\n", what, (int)member->kind,
                              (unsigned)member->mode, (unsigned long long)number, member->name);

    if (rc >= 0 && self->list != NULL)
        fputs((const char *)self->log.data + at, self->list);
    return rc;
}

static inline int walker_replace(const struct walker *self, uint8_t *data, size_t len) {
    size_t old_len = self->old == NULL ? 0 : strlen(self->old);
    int changed = 0;

    for (size_t i = 0; old_len > 0 && i + old_len <= len; i++)
        if (memcmp(data + i, self->old, old_len) == 0) {
            memcpy(data + i, self->new, old_len);
            changed = 1;
        }
    return changed;
}

static inline int walker_plan(struct pp_visitor *visitor, const struct pp_member *member,
                              const uint8_t *head, size_t head_len, struct pp_err *err) {
    (void)visitor;
    (void)err;
    if (head_len != (member->len < 512 ? member->len : 512) || (head_len > 0 && head == NULL))
        return pp_err_set(err, PP_ERR_USAGE, "the head is not what it should be");
    if (strstr(member->name, ".copy") != NULL)
        return PP_PLAN_COPY;
    if (strstr(member->name, ".grow") != NULL || strstr(member->name, ".shrink") != NULL ||
        strstr(member->name, ".kept") != NULL)
        return PP_PLAN_RESIZE;
    return PP_PLAN_PATCH;
}

static inline int walker_content(struct pp_visitor *visitor, struct pp_member *member,
                                 struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct walker *self = (struct walker *)visitor;
    PP_AUTO_BUFFER struct pp_buffer data = PP_BUFFER_INIT;
    int rc = walker_note(self, "content", member, member->len, err);

    self->member_count++;
    while (rc >= 0) {
        ssize_t count;

        rc = pp_buffer_reserve(&data, 10007, err);
        if (rc < 0)
            return rc;
        count = pp_source_read(in, data.data + data.len, 10007, err);
        if (count < 0)
            return (int)count;
        if (count == 0)
            break;
        data.len += (size_t)count;
    }
    if (data.len != member->len)
        return pp_err_set(err, PP_ERR_USAGE, "the content is %zu bytes", data.len);
    if (out == NULL)
        return rc;
    walker_replace(self, data.data, data.len);
    if (strstr(member->name, ".kept") != NULL) {
        rc = pp_sink_write(out, "nothing of this stays", 21, err);
        return rc < 0 ? rc : PP_MEMBER_KEPT;
    }
    if (self->old != NULL && strstr(member->name, ".shrink") != NULL && data.len > 3)
        data.len = 3;
    if (self->old != NULL && strstr(member->name, ".grow") != NULL) {
        uint8_t more[1000];

        memset(more, '+', sizeof(more));
        rc = pp_buffer_append(&data, more, sizeof(more), err);
    }
    if (rc >= 0 && data.len > 0)
        rc = pp_sink_write(out, data.data, data.len, err);
    return rc < 0 ? rc : PP_MEMBER_WRITTEN;
}

static inline int walker_text(struct pp_visitor *visitor, const struct pp_member *member,
                              uint64_t offset, uint8_t *data, size_t len, struct pp_err *err) {
    struct walker *self = (struct walker *)visitor;
    int rc;

    if (member->is_key)
        return 0;
    rc = walker_note(self, "text", member, offset, err);
    return rc < 0 ? rc : walker_replace(self, data, len);
}

static inline struct walker walker_of(const char *old, const char *new) {
    return (struct walker){
        .visitor = {.plan = walker_plan, .content = walker_content, .text = walker_text},
        .old = old,
        .new = new,
        .log = PP_BUFFER_INIT};
}

/* Walks over bytes that come `step` at a time; `out` may be NULL. */
static inline int walker_run(struct walker *self, const struct pp_container *container,
                             const void *data, size_t len, size_t step, struct pp_buffer *out,
                             struct pp_err *err) {
    struct drip drip = {.source.ops = &drip_ops, .data = data, .len = len, .step = step};
    struct pp_sink_buffer sink = {.buffer = out};

    self->log.len = 0;
    self->member_count = 0;
    if (out != NULL)
        pp_sink_buffer_init(&sink, out);
    return container->walk(&drip.source, out == NULL ? NULL : &sink.sink, &self->visitor, err);
}

#endif
