#include "format/zip.h"

#include "base/buffer.h"
#include "base/source.h"

#include <stdlib.h>
#include <string.h>

struct splicer {
    struct pp_zip *zip;
    const struct pp_blob *texts;
    struct pp_sink *out;
    uint64_t copied; /* the zip's bytes up to here are written, or replaced */
    struct pp_buffer work;
};

static int refuse_growth(const char *what, struct pp_err *err) {
    return pp_err_set(err, PP_ERR_UNSUPPORTED, "zip: %s", what);
}

/* How many bytes at the end of an extra field are mere padding: zeros that are in no field. */
static size_t padding_len(const uint8_t *extra, size_t len) {
    size_t at = 0;

    while (len - at >= 4 && pp_le16(extra + at) != 0 &&
           (size_t)pp_le16(extra + at + 2) + 4 <= len - at)
        at += (size_t)pp_le16(extra + at + 2) + 4;
    for (size_t i = at; i < len; i++) {
        if (extra[i] != 0)
            return 0;
    }
    return len - at;
}

/* The alignment that a stored member had. The steps are those of zipalign(1): 4 bytes, and for
 * libraries that are mapped into memory a page of 4 or 16 KiB. */
static uint32_t alignment(const struct pp_zip *zip, const struct pp_zip_entry *entry) {
    static const uint32_t steps[] = {16384, 4096, 4};

    if (entry->method != PP_ZIP_STORED || entry->sums.stored_len == 0)
        return 1;
    for (size_t i = 0; i < PP_ARRAY_LEN(steps); i++) {
        if ((zip->whole.len - zip->blob.len + pp_zip_data_offset(entry)) % steps[i] == 0)
            return steps[i];
    }
    return 1;
}

/* Keeps the content of a member aligned that moves by `shift`, as zipalign does: by zero bytes at
 * the end of the local extra field. Those that are there already are used first, so that moving
 * back gives the old bytes. */
static int align(struct splicer *self, struct pp_zip_entry *entry, int64_t shift,
                 struct pp_err *err) {
    uint32_t step = alignment(self->zip, entry);
    uint32_t off = (uint32_t)(((shift % step) + step) % step);
    size_t old_len;
    size_t new_len;
    int rc;

    entry->new_extra_len = entry->extra_len;
    if (off == 0)
        return 0;
    if ((rc = pp_buffer_reserve(&self->work, entry->extra_len, err)) < 0 ||
        (rc = pp_zip_read(self->zip, pp_zip_data_offset(entry) - entry->extra_len, self->work.data,
                          entry->extra_len, err)) < 0)
        return rc;
    old_len = padding_len(self->work.data, entry->extra_len);
    new_len = old_len - old_len % step + (old_len % step + step - off) % step;
    if (entry->extra_len - old_len + new_len > UINT16_MAX)
        return refuse_growth("no room in an extra field to keep a stored member aligned", err);
    entry->new_extra_len = (uint16_t)(entry->extra_len - old_len + new_len);
    return 0;
}

/* Where everything will stand. Gives how far the central directory moves. */
static int lay_out(struct splicer *self, int64_t *central_shift, struct pp_err *err) {
    struct pp_zip *zip = self->zip;
    int64_t shift = 0;

    for (size_t i = 0; i < zip->entry_count; i++) {
        struct pp_zip_entry *entry = &zip->entries[i];
        int64_t offset = (int64_t)entry->local_offset + shift;
        int rc;

        if (offset >= PP_ZIP_ELSEWHERE)
            return refuse_growth("it would become too large for a zip without zip64", err);
        entry->new_local_offset = (uint32_t)offset;
        if ((rc = align(self, entry, shift, err)) < 0)
            return rc;
        shift += (int64_t)entry->new_extra_len - entry->extra_len;
        if (entry->changed)
            shift += (int64_t)entry->new_sums.stored_len - entry->sums.stored_len;
    }
    if ((int64_t)zip->central_offset + shift >= PP_ZIP_ELSEWHERE)
        return refuse_growth("it would become too large for a zip without zip64", err);
    *central_shift = shift;
    return 0;
}

static int copy_blob(struct splicer *self, const struct pp_blob *blob, uint64_t offset,
                     uint64_t len, struct pp_err *err) {
    struct pp_blob part = pp_blob_part(blob, offset, len);
    PP_AUTO_SOURCE struct pp_source *source = NULL;

    if (len == 0)
        return 0;
    source = pp_source_from_blob(&part, err);
    if (source == NULL)
        return -(int)err->kind;
    return pp_sink_copy(self->out, source, err);
}

static int copy_until(struct splicer *self, uint64_t offset, struct pp_err *err) {
    int rc = copy_blob(self, &self->zip->blob, self->copied, offset - self->copied, err);

    self->copied = offset;
    return rc;
}

/* Reads `len` bytes of the zip at `copied` into the work buffer, to be mended and written. */
static int take(struct splicer *self, size_t len, struct pp_err *err) {
    int rc;

    self->work.len = 0;
    if ((rc = pp_buffer_reserve(&self->work, len, err)) < 0 ||
        (rc = pp_zip_read(self->zip, self->copied, self->work.data, len, err)) < 0)
        return rc;
    self->work.len = len;
    self->copied += len;
    return 0;
}

/* Puts the new numbers in place of the old. `left_empty`: numbers that are 0 stay 0, the data
 * descriptor has them. */
static void put_sums(uint8_t *at, const struct pp_zip_sums *sums, bool left_empty) {
    const uint32_t numbers[] = {sums->crc32, sums->stored_len, sums->text_len};

    for (size_t i = 0; i < PP_ARRAY_LEN(numbers); i++) {
        if (!left_empty || pp_le32(at + 4 * i) != 0)
            pp_le32_put(at + 4 * i, numbers[i]);
    }
}

static int write_header(struct splicer *self, const struct pp_zip_entry *entry,
                        struct pp_err *err) {
    static const uint8_t zeros[16384];
    size_t kept_len = PP_ZIP_LOCAL_LEN + entry->name_len;
    size_t more_len = 0;
    int rc;

    kept_len += entry->extra_len < entry->new_extra_len ? entry->extra_len : entry->new_extra_len;
    more_len = PP_ZIP_LOCAL_LEN + entry->name_len + entry->new_extra_len - kept_len;
    if ((rc = take(self, kept_len, err)) < 0)
        return rc;
    pp_le16_put(self->work.data + PP_ZIP_LOCAL_EXTRA_LEN_AT, entry->new_extra_len);
    if (entry->changed)
        put_sums(self->work.data + PP_ZIP_LOCAL_CRC_AT, &entry->new_sums,
                 entry->flags & PP_ZIP_FLAG_DESCRIPTOR);
    self->copied = pp_zip_data_offset(entry);
    if ((rc = pp_buffer_append(&self->work, zeros, more_len, err)) < 0)
        return rc;
    return pp_sink_write(self->out, self->work.data, self->work.len, err);
}

static int write_content(struct splicer *self, const struct pp_zip_entry *entry,
                         struct pp_err *err) {
    int rc = copy_blob(self, self->texts, entry->spool_offset, entry->new_sums.stored_len, err);

    if (rc < 0)
        return rc;
    self->copied += entry->sums.stored_len;
    if (entry->descriptor_len == 0)
        return 0;
    if ((rc = take(self, entry->descriptor_len, err)) < 0)
        return rc;
    put_sums(self->work.data + entry->descriptor_len - PP_ZIP_DESCRIPTOR_LEN, &entry->new_sums,
             false);
    return pp_sink_write(self->out, self->work.data, self->work.len, err);
}

static int write_members(struct splicer *self, struct pp_err *err) {
    for (size_t i = 0; i < self->zip->entry_count; i++) {
        const struct pp_zip_entry *entry = &self->zip->entries[i];
        int rc;

        if (!entry->changed && entry->new_extra_len == entry->extra_len)
            continue;
        if ((rc = copy_until(self, entry->local_offset, err)) < 0 ||
            (rc = write_header(self, entry, err)) < 0)
            return rc;
        if (entry->changed && (rc = write_content(self, entry, err)) < 0)
            return rc;
    }
    return copy_until(self, self->zip->central_offset, err);
}

static int compare_central(const void *a, const void *b) {
    const struct pp_zip_entry *left = a;
    const struct pp_zip_entry *right = b;

    return left->central_offset < right->central_offset ? -1 : 1;
}

static int write_central(struct splicer *self, struct pp_err *err) {
    struct pp_zip *zip = self->zip;

    qsort(zip->entries, zip->entry_count, sizeof(*zip->entries), compare_central);
    for (size_t i = 0; i < zip->entry_count; i++) {
        const struct pp_zip_entry *entry = &zip->entries[i];
        uint64_t next =
            i + 1 < zip->entry_count ? zip->entries[i + 1].central_offset : zip->central_len;
        int rc = take(self, next - entry->central_offset, err);

        if (rc < 0)
            return rc;
        if (entry->changed)
            put_sums(self->work.data + PP_ZIP_CENTRAL_CRC_AT, &entry->new_sums, false);
        pp_le32_put(self->work.data + PP_ZIP_CENTRAL_OFFSET_AT, entry->new_local_offset);
        if ((rc = pp_sink_write(self->out, self->work.data, self->work.len, err)) < 0)
            return rc;
    }
    return 0;
}

static int write_end(struct splicer *self, int64_t central_shift, struct pp_err *err) {
    struct pp_zip *zip = self->zip;
    int rc = take(self, PP_ZIP_END_LEN, err);

    if (rc < 0)
        return rc;
    pp_le32_put(self->work.data + PP_ZIP_END_OFFSET_AT,
                (uint32_t)((int64_t)zip->central_offset + central_shift));
    if ((rc = pp_sink_write(self->out, self->work.data, self->work.len, err)) < 0)
        return rc;
    return copy_until(self, zip->blob.len, err);
}

int pp_zip_splice(struct pp_zip *zip, const struct pp_blob *texts, struct pp_sink *out,
                  struct pp_err *err) {
    struct splicer self = {.zip = zip,
                           .texts = texts,
                           .out = out,
                           .copied = zip->stub_len - (zip->whole.len - zip->blob.len),
                           .work = PP_BUFFER_INIT};
    int64_t central_shift = 0;
    int rc;

    if ((rc = lay_out(&self, &central_shift, err)) == 0 && (rc = write_members(&self, err)) == 0 &&
        (rc = write_central(&self, err)) == 0)
        rc = write_end(&self, central_shift, err);
    pp_buffer_done(&self.work);
    return rc;
}
