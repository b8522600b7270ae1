/* Sources: GNU tar manual, "Sparse Formats" and "Basic Tar Format". */
#include "format/tar_sparse.h"

#include "format/tar_header.h"

#include <string.h>

#define HEAD_LEN 512

/* A header of 2 KiB may claim any length: a file is looked through up to the first, or to so many
 * times what is stored of it, and the last at most. */
#define FREE_LEN ((uint64_t)16 << 20)
#define RATIO_MAX 2000
#define FILE_LEN_MAX ((uint64_t)1 << 30)

struct part {
    uint64_t offset;
    uint64_t len;
};

void pp_tar_sparse_done(struct pp_tar_sparse *sparse) {
    pp_buffer_done(&sparse->parts);
}

void pp_tar_sparse_clear(struct pp_tar_sparse *sparse) {
    struct pp_buffer parts = sparse->parts;

    parts.len = 0;
    *sparse = (struct pp_tar_sparse){.parts = parts};
}

static const struct part *parts_of(const struct pp_tar_sparse *sparse) {
    return (const struct part *)(const void *)sparse->parts.data;
}

static size_t part_count(const struct pp_tar_sparse *sparse) {
    return sparse->parts.len / sizeof(struct part);
}

static uint64_t parts_end(const struct pp_tar_sparse *sparse) {
    size_t count = part_count(sparse);

    return count == 0 ? 0 : parts_of(sparse)[count - 1].offset + parts_of(sparse)[count - 1].len;
}

/* ---- the map ---- */

int pp_tar_sparse_number(struct pp_tar_sparse *sparse, uint64_t number, struct pp_err *err) {
    struct part part = {.offset = sparse->next, .len = number};

    sparse->has_next = !sparse->has_next;
    if (sparse->has_next) {
        sparse->next = number;
        return 0;
    }
    /* The last one where the file ends with a hole. */
    if (part.len == 0)
        return 0;
    /* Whether a part that ends within a block is followed by padding is not agreed on. */
    if (part.offset > INT64_MAX || part.len > INT64_MAX - part.offset ||
        part.offset < parts_end(sparse) || sparse->stored_len % PP_TAR_BLOCK_LEN != 0) {
        sparse->is_wrong = true;
        return 0;
    }
    sparse->stored_len += part.len;
    return pp_buffer_append(&sparse->parts, &part, sizeof(part), err);
}

static int take_text(struct pp_tar_sparse *sparse, const uint8_t *text, size_t len,
                     struct pp_err *err) {
    uint64_t number;

    if (!pp_pax_number(text, len, &number)) {
        sparse->is_wrong = true;
        return 0;
    }
    return pp_tar_sparse_number(sparse, number, err);
}

static int take_list(struct pp_tar_sparse *sparse, const uint8_t *text, size_t len,
                     struct pp_err *err) {
    while (len > 0) {
        const uint8_t *comma = memchr(text, ',', len);
        size_t item_len = comma != NULL ? (size_t)(comma - text) : len;
        int rc = take_text(sparse, text, item_len, err);

        if (rc < 0)
            return rc;
        item_len += comma != NULL;
        text += item_len;
        len -= item_len;
    }
    return 0;
}

int pp_tar_sparse_record(struct pp_tar_sparse *sparse, const struct pp_pax_record *record,
                         const uint8_t *value, struct pp_err *err) {
    if (pp_pax_is(record, "GNU.sparse.offset") || pp_pax_is(record, "GNU.sparse.numbytes"))
        return take_text(sparse, value, record->value_len, err);
    if (pp_pax_is(record, "GNU.sparse.map"))
        return take_list(sparse, value, record->value_len, err);
    if ((pp_pax_is(record, "GNU.sparse.size") || pp_pax_is(record, "GNU.sparse.realsize")) &&
        !pp_pax_number(value, record->value_len, &sparse->file_len))
        sparse->is_wrong = true;
    return 0;
}

int pp_tar_sparse_block(struct pp_tar_sparse *sparse, const uint8_t *block, bool is_header,
                        struct pp_err *err) {
    const uint8_t *field = block + (is_header ? PP_TAR_GNU_MAP : 0);
    size_t count = (size_t)2 * (is_header ? PP_TAR_GNU_MAP_COUNT : PP_TAR_MAP_COUNT);
    uint64_t number;

    if (is_header &&
        !pp_tar_number(block + PP_TAR_GNU_FILE_LEN, PP_TAR_SIZE_LEN, &sparse->file_len))
        sparse->is_wrong = true;
    for (; count > 0; count--, field += PP_TAR_SIZE_LEN) {
        int rc;

        if (field[0] == '\0')
            break;
        if (!pp_tar_number(field, PP_TAR_SIZE_LEN, &number)) {
            sparse->is_wrong = true;
            break;
        }
        rc = pp_tar_sparse_number(sparse, number, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

const char *pp_tar_sparse_refusal(const struct pp_tar_sparse *sparse, uint64_t stored_len) {
    if (sparse->is_wrong || sparse->has_next || sparse->stored_len != stored_len ||
        sparse->file_len < parts_end(sparse))
        return "a sparse file whose map does not fit";
    if (sparse->file_len > FILE_LEN_MAX ||
        (sparse->file_len > FREE_LEN && sparse->file_len / RATIO_MAX > stored_len))
        return "a sparse file that has too many holes to be looked through";
    return NULL;
}

/* ---- the file ---- */

/* How far a reader or writer of the file has come. */
struct place {
    const struct pp_tar_sparse *sparse;
    size_t part;
    uint64_t offset;
};

/* The bytes up to the next border, `len` at most; 0 at the end. */
static size_t stretch(struct place *place, size_t len, bool *is_hole) {
    const struct pp_tar_sparse *sparse = place->sparse;
    const struct part *part = parts_of(sparse);
    uint64_t end = sparse->file_len;

    while (place->part < part_count(sparse) &&
           part[place->part].offset + part[place->part].len <= place->offset)
        place->part++;
    *is_hole = true;
    if (place->part < part_count(sparse)) {
        part += place->part;
        *is_hole = place->offset < part->offset;
        end = *is_hole ? part->offset : part->offset + part->len;
    }
    if (len > end - place->offset)
        len = (size_t)(end - place->offset);
    return len;
}

struct file_source {
    struct pp_source source;
    struct pp_source *in;
    struct place place;
};

static ssize_t file_read(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct file_source *self = (struct file_source *)source;
    bool is_hole;
    ssize_t count;

    len = stretch(&self->place, len, &is_hole);
    count = (ssize_t)len;
    if (is_hole)
        memset(data, 0, len);
    else
        count = pp_source_read(self->in, data, len, err);
    if (count > 0)
        self->place.offset += (uint64_t)count;
    return count;
}

static const struct pp_source_ops file_source_ops = {.read = file_read};

struct file_sink {
    struct pp_sink sink;
    struct pp_sink *out;
    struct place place;
};

static bool all_zero(const uint8_t *data, size_t len) {
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

static int file_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct file_sink *self = (struct file_sink *)sink;
    const uint8_t *from = data;

    while (len > 0) {
        bool is_hole;
        size_t count = stretch(&self->place, len, &is_hole);
        int rc = 0;

        if (count == 0)
            return pp_err_set(err, PP_ERR_UNSUPPORTED, "the length of its content is fixed");
        if (!is_hole)
            rc = pp_sink_write(self->out, from, count, err);
        else if (!all_zero(from, count))
            return pp_err_set(err, PP_ERR_UNSUPPORTED, "a hole of a sparse file would be filled");
        if (rc < 0)
            return rc;
        self->place.offset += count;
        from += count;
        len -= count;
    }
    return 0;
}

static const struct pp_sink_ops file_sink_ops = {.write = file_write};

/* ---- the visitor ---- */

static int visit_plan(struct pp_visitor *visitor, const struct pp_member *member,
                      const uint8_t *head, size_t head_len, struct pp_err *err) {
    struct pp_tar_sparse_visitor *self = (struct pp_tar_sparse_visitor *)visitor;
    struct pp_blob stored = pp_blob_memory(head, head_len);
    PP_AUTO_SOURCE struct pp_source *in = pp_source_from_blob(&stored, err);
    struct file_source source = {
        .source.ops = &file_source_ops, .in = in, .place.sparse = self->sparse};
    struct pp_member shown = *member;
    uint8_t start[HEAD_LEN];
    ssize_t start_len;

    if (in == NULL)
        return -(int)err->kind;
    shown.len = self->sparse->file_len;
    start_len = pp_source_read_full(&source.source, start, sizeof(start), err);
    if (start_len < 0)
        return (int)start_len;
    return self->inner->plan(self->inner, &shown, start, (size_t)start_len, err);
}

static int visit_content(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                         struct pp_sink *out, struct pp_err *err) {
    struct pp_tar_sparse_visitor *self = (struct pp_tar_sparse_visitor *)visitor;
    struct file_source source = {
        .source.ops = &file_source_ops, .in = in, .place.sparse = self->sparse};
    struct file_sink sink = {.sink.ops = &file_sink_ops, .out = out, .place.sparse = self->sparse};
    struct pp_member shown = *member;
    int rc;

    shown.len = self->sparse->file_len;
    rc = self->inner->content(self->inner, &shown, &source.source, out != NULL ? &sink.sink : NULL,
                              err);
    if (rc == PP_MEMBER_WRITTEN && out != NULL && sink.place.offset != self->sparse->file_len)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "the length of its content is fixed");
    return rc;
}

void pp_tar_sparse_visitor_init(struct pp_tar_sparse_visitor *self,
                                const struct pp_tar_sparse *sparse, struct pp_visitor *inner) {
    *self =
        (struct pp_tar_sparse_visitor){.visitor = {.plan = visit_plan, .content = visit_content},
                                       .inner = inner,
                                       .sparse = sparse};
}
