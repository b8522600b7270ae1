#include "bootstrap/bootstrap_zip.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/source.h"
#include "format/zip.h"
#include "stream/codec.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* 4.3.14: zip64 end record, without its extensible data. */
#define ZIP64_END_MAGIC 0x06064b50u
#define ZIP64_END_LEN 56u

/* Extra fields: zip64 (4.5.3), and Info-ZIP's extended time stamp (its proginfo/extrafld.txt). */
#define EXTRA_ZIP64 0x0001u
#define EXTRA_TIME 0x5455u
#define EXTRA_TIME_HAS_MTIME 1u

/* Hosts in the upper byte of "version made by" (4.4.2). */
#define HOST_UNIX 3u
#define HOST_DARWIN 19u

/* Content up to this many bytes is read in one piece, if its text fits into the spool's memory. */
#define PIECE_LEN_MAX ((uint64_t)2 << 20)
/* An extra field of a local header is seldom longer. */
#define EXTRA_GUESS_LEN 64u

bool pp_bootstrap_zip_bids(const uint8_t *head, size_t len) {
    return len >= 4 && (pp_le32(head) == PP_ZIP_LOCAL_MAGIC || pp_le32(head) == PP_ZIP_END_MAGIC);
}

void pp_bootstrap_zip_done(struct pp_bootstrap_zip *zip) {
    pp_buffer_done(&zip->central);
}

static int damaged(const char *what, struct pp_err *err) {
    return pp_err_set(err, PP_ERR_DAMAGED, "the archive is damaged: %s; get it again", what);
}

/* Exactly `len` bytes. */
static int read_at(const struct pp_bootstrap_zip *zip, uint64_t offset, void *data, size_t len,
                   struct pp_err *err) {
    ssize_t count = offset <= zip->blob.len ? pp_blob_read(&zip->blob, offset, data, len, err) : 0;

    if (count < 0)
        return (int)count;
    return (size_t)count == len ? 0 : damaged("it is cut off", err);
}

/* ---- the central directory ---- */

struct place {
    uint64_t offset;
    uint64_t len;
    uint64_t end; /* where it must end */
};

/* The end record of zip64, whose locator stands right before the other one. Returns 1, or 0 when
 * there is none. */
static int find_zip64(struct pp_bootstrap_zip *zip, uint64_t end_offset, struct place *place,
                      struct pp_err *err) {
    uint8_t locator[PP_ZIP64_LOCATOR_LEN];
    uint8_t end[ZIP64_END_LEN];
    uint64_t offset;

    if (end_offset < sizeof(locator))
        return 0;
    if (read_at(zip, end_offset - sizeof(locator), locator, sizeof(locator), err) < 0)
        return -(int)err->kind;
    if (pp_le32(locator) != PP_ZIP64_LOCATOR_MAGIC)
        return 0;
    offset = pp_le64(locator + 8);
    if (read_at(zip, offset, end, sizeof(end), err) < 0)
        return -(int)err->kind;
    if (pp_le32(end) != ZIP64_END_MAGIC)
        return damaged("its zip64 end record is not where it should be", err);
    zip->entry_count = pp_le64(end + 32);
    *place = (struct place){pp_le64(end + 48), pp_le64(end + 40), offset};
    return 1;
}

static int find_central(struct pp_bootstrap_zip *zip, struct place *place, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer tail = PP_BUFFER_INIT;
    uint64_t len = zip->blob.len < PP_ZIP_TAIL_MAX ? zip->blob.len : PP_ZIP_TAIL_MAX;
    const uint8_t *end;
    uint64_t end_offset;
    int rc = pp_buffer_reserve(&tail, len, err);

    if (rc >= 0)
        rc = read_at(zip, zip->blob.len - len, tail.data, len, err);
    if (rc < 0)
        return rc;
    end = pp_zip_find_end(tail.data, len);
    if (end == NULL)
        return damaged("it has no end record", err);
    end_offset = zip->blob.len - len + (uint64_t)(end - tail.data);
    zip->entry_count = pp_le16(end + 10);
    *place = (struct place){pp_le32(end + PP_ZIP_END_OFFSET_AT), pp_le32(end + 12), end_offset};
    if (pp_le16(end + 4) != 0 && pp_le16(end + 4) != UINT16_MAX)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "the archive is one of several parts");
    rc = find_zip64(zip, end_offset, place, err);
    return rc < 0 ? rc : 0;
}

int pp_bootstrap_zip_open(struct pp_bootstrap_zip *zip, const struct pp_blob *blob,
                          struct pp_err *err) {
    struct place place = {0};
    int rc;

    *zip = (struct pp_bootstrap_zip){.blob = *blob, .central = PP_BUFFER_INIT};
    rc = find_central(zip, &place, err);
    if (rc < 0)
        return rc;
    if (place.len > PP_BOOTSTRAP_ZIP_CENTRAL_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "the archive's directory is larger than %llu bytes",
                          (unsigned long long)PP_BOOTSTRAP_ZIP_CENTRAL_MAX);
    if (place.offset > place.end || place.len != place.end - place.offset)
        return damaged("its directory is not where its end record says", err);
    rc = pp_buffer_reserve(&zip->central, place.len, err);
    if (rc >= 0)
        rc = read_at(zip, place.offset, zip->central.data, place.len, err);
    if (rc >= 0)
        zip->central.len = place.len;
    return rc;
}

void pp_bootstrap_zip_rewind(struct pp_bootstrap_zip *zip) {
    zip->at = 0;
    zip->seen_count = 0;
}

/* ---- entries ---- */

/* 4.4.6: local time, two seconds exact. */
static struct timespec dos_time(unsigned date, unsigned time) {
    struct tm tm = {.tm_sec = (int)(time & 31) * 2,
                    .tm_min = (int)(time >> 5 & 63),
                    .tm_hour = (int)(time >> 11),
                    .tm_mday = (int)(date & 31),
                    .tm_mon = (int)(date >> 5 & 15) - 1,
                    .tm_year = (int)(date >> 9) + 80,
                    .tm_isdst = -1};

    return (struct timespec){.tv_sec = mktime(&tm)};
}

/* Moves a number that the head says is elsewhere out of the zip64 field. */
static bool take_wide(uint64_t *number, const uint8_t **field, size_t *len) {
    if (*number != PP_ZIP_ELSEWHERE)
        return true;
    if (*len < 8)
        return false;
    *number = pp_le64(*field);
    *field += 8;
    *len -= 8;
    return true;
}

static bool take_zip64(struct pp_bootstrap_packed *packed, const uint8_t *field, size_t len) {
    return take_wide(&packed->text_len, &field, &len) &&
           take_wide(&packed->stored_len, &field, &len) &&
           take_wide(&packed->local_offset, &field, &len);
}

/* Returns whether the fields make sense. `has_time` tells that the time was among them. */
static bool take_extra(struct pp_bootstrap_zip_entry *entry, const uint8_t *extra, size_t len,
                       bool *has_time) {
    while (len >= 4) {
        unsigned id = pp_le16(extra);
        size_t field_len = pp_le16(extra + 2);
        const uint8_t *field = extra + 4;

        /* Some packers fill up the rest with what is no field. */
        if (field_len > len - 4)
            return true;
        if (id == EXTRA_ZIP64 && !take_zip64(&entry->packed, field, field_len))
            return false;
        if (id == EXTRA_TIME && field_len >= 5 && (field[0] & EXTRA_TIME_HAS_MTIME)) {
            entry->mtime = (struct timespec){.tv_sec = (int32_t)pp_le32(field + 1)};
            *has_time = true;
        }
        extra = field + field_len;
        len -= 4 + field_len;
    }
    return true;
}

int pp_bootstrap_zip_next(struct pp_bootstrap_zip *zip, struct pp_bootstrap_zip_entry *entry,
                          struct pp_err *err) {
    const uint8_t *head = zip->central.data + zip->at;
    size_t left = zip->central.len - zip->at;
    struct pp_bootstrap_packed *packed = &entry->packed;
    bool has_time = false;
    size_t extra_len;
    size_t len;

    if (left == 0 && zip->seen_count == zip->entry_count)
        return 0;
    if (left < PP_ZIP_CENTRAL_LEN || pp_le32(head) != PP_ZIP_CENTRAL_MAGIC)
        return damaged("its directory makes no sense", err);
    *packed =
        (struct pp_bootstrap_packed){.flags = pp_le16(head + 8),
                                     .method = pp_le16(head + 10),
                                     .crc32 = pp_le32(head + PP_ZIP_CENTRAL_CRC_AT),
                                     .stored_len = pp_le32(head + 20),
                                     .text_len = pp_le32(head + 24),
                                     .name_len = pp_le16(head + 28),
                                     .local_offset = pp_le32(head + PP_ZIP_CENTRAL_OFFSET_AT)};
    extra_len = pp_le16(head + 30);
    len = PP_ZIP_CENTRAL_LEN + packed->name_len + extra_len + pp_le16(head + 32);
    if (len > left)
        return damaged("its directory is cut off", err);
    entry->name = (const char *)head + PP_ZIP_CENTRAL_LEN;
    entry->mode = head[5] == HOST_UNIX || head[5] == HOST_DARWIN ? pp_le16(head + 40) : 0;
    if (!take_extra(entry, head + PP_ZIP_CENTRAL_LEN + packed->name_len, extra_len, &has_time))
        return damaged("a zip64 field is too short", err);
    if (!has_time)
        entry->mtime = dos_time(pp_le16(head + 14), pp_le16(head + 12));
    zip->at += len;
    zip->seen_count++;
    return 1;
}

/* ---- content ---- */

/* Finds the content by its local header, which must be of the same entry. */
static int find_content(const uint8_t *local, const struct pp_bootstrap_packed *packed,
                        uint64_t *offset, struct pp_err *err) {
    if (pp_le32(local) != PP_ZIP_LOCAL_MAGIC || pp_le16(local + 26) != packed->name_len ||
        pp_le16(local + 8) != packed->method)
        return damaged("an entry is not what its directory says", err);
    *offset = packed->local_offset + PP_ZIP_LOCAL_LEN + packed->name_len +
              pp_le16(local + PP_ZIP_LOCAL_EXTRA_LEN_AT);
    return 0;
}

static int check_crc(uint32_t crc, const struct pp_bootstrap_packed *packed, struct pp_err *err) {
    return crc == packed->crc32 ? 0 : damaged("a wrong CRC", err);
}

/* Text in one piece, where the spool has it in memory. */
static int decode_piece(const struct pp_bootstrap_packed *packed, const uint8_t *data,
                        struct pp_spool *spool, struct pp_err *err) {
    struct libdeflate_decompressor *decompressor;
    enum libdeflate_result result;
    int rc = pp_buffer_reserve(&spool->memory, packed->text_len, err);

    if (rc < 0)
        return rc;
    if (packed->method == PP_ZIP_STORED) {
        memcpy(spool->memory.data, data, packed->text_len);
    } else {
        decompressor = libdeflate_alloc_decompressor();
        if (decompressor == NULL)
            return pp_err_nomem(err);
        result = libdeflate_deflate_decompress(decompressor, data, packed->stored_len,
                                               spool->memory.data, packed->text_len, NULL);
        libdeflate_free_decompressor(decompressor);
        if (result != LIBDEFLATE_SUCCESS)
            return damaged("broken compressed data", err);
    }
    spool->len = spool->memory.len = packed->text_len;
    return check_crc(libdeflate_crc32(0, spool->memory.data, packed->text_len), packed, err);
}

/* Header and content by one read. */
static int unpack_piece(const struct pp_bootstrap_zip *zip,
                        const struct pp_bootstrap_packed *packed, struct pp_spool *spool,
                        struct pp_err *err) {
    size_t cap = PP_ZIP_LOCAL_LEN + packed->name_len + EXTRA_GUESS_LEN + packed->stored_len;
    PP_AUTO_FREE uint8_t *data = malloc(cap);
    uint64_t offset;
    ssize_t count;
    size_t at;
    int rc;

    if (data == NULL)
        return pp_err_nomem(err);
    count = packed->local_offset <= zip->blob.len
                ? pp_blob_read(&zip->blob, packed->local_offset, data, cap, err)
                : 0;
    if (count < 0)
        return (int)count;
    if ((size_t)count < PP_ZIP_LOCAL_LEN)
        return damaged("it is cut off", err);
    rc = find_content(data, packed, &offset, err);
    if (rc < 0)
        return rc;
    at = (size_t)(offset - packed->local_offset);
    if (at + packed->stored_len > (size_t)count) {
        at = 0;
        rc = read_at(zip, offset, data, packed->stored_len, err);
    }
    return rc < 0 ? rc : decode_piece(packed, data + at, spool, err);
}

/* What comes out, counted. */
struct checked {
    struct pp_sink sink;
    struct pp_sink *out;
    uint64_t len;
    uint64_t len_max;
    uint32_t crc;
};

static int checked_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct checked *self = (struct checked *)sink;

    if (len > self->len_max - self->len)
        return damaged("more in an entry than it says", err);
    self->len += len;
    self->crc = libdeflate_crc32(self->crc, data, len);
    return pp_sink_write(self->out, data, len, err);
}

/* 4.4.5. Lzma (14) has a header of its own. */
static const struct pp_codec *codec_of(unsigned method) {
    switch (method) {
    case PP_ZIP_DEFLATED:
        return &pp_codec_deflate;
    case 12:
        return &pp_codec_bzip2;
    case 93:
        return &pp_codec_zstd;
    case 95:
        return &pp_codec_xz;
    default:
        return NULL;
    }
}

static int decode(const struct pp_codec *codec, struct pp_budget *budget, struct pp_source *source,
                  struct pp_sink *out, struct pp_err *err) {
    struct pp_codec_env env = {.budget = budget};
    struct pp_recode *recode;
    uint8_t text[16384];
    ssize_t count;
    int rc = codec->open(&env, source, NULL, &recode, err);

    if (rc < 0)
        return rc;
    while ((count = pp_recode_read(recode, text, sizeof(text), err)) > 0 &&
           (rc = pp_sink_write(out, text, (size_t)count, err)) >= 0)
        continue;
    pp_recode_free(recode);
    return rc < 0 ? rc : (int)count;
}

static int unpack_stream(const struct pp_bootstrap_zip *zip,
                         const struct pp_bootstrap_packed *packed, struct pp_budget *budget,
                         struct pp_sink *out, struct pp_err *err) {
    static const struct pp_sink_ops ops = {.write = checked_write};
    struct checked checked = {.sink.ops = &ops, .out = out, .len_max = packed->text_len};
    PP_AUTO_SOURCE struct pp_source *source = NULL;
    uint8_t local[PP_ZIP_LOCAL_LEN];
    struct pp_blob blob;
    uint64_t offset;
    int rc = read_at(zip, packed->local_offset, local, sizeof(local), err);

    if (rc >= 0)
        rc = find_content(local, packed, &offset, err);
    if (rc < 0)
        return rc;
    if (offset > zip->blob.len || packed->stored_len > zip->blob.len - offset)
        return damaged("it is cut off", err);
    blob = pp_blob_part(&zip->blob, offset, packed->stored_len);
    source = pp_source_from_blob(&blob, err);
    if (source == NULL)
        return -(int)err->kind;
    rc = packed->method == PP_ZIP_STORED
             ? pp_sink_copy(&checked.sink, source, err)
             : decode(codec_of(packed->method), budget, source, &checked.sink, err);
    if (rc >= 0 && checked.len != packed->text_len)
        rc = damaged("less in an entry than it says", err);
    return rc < 0 ? rc : check_crc(checked.crc, packed, err);
}

int pp_bootstrap_zip_unpack(const struct pp_bootstrap_zip *zip,
                            const struct pp_bootstrap_packed *packed, struct pp_budget *budget,
                            struct pp_spool *spool, struct pp_err *err) {
    bool is_stored = packed->method == PP_ZIP_STORED;

    if (packed->flags & PP_ZIP_FLAG_ENCRYPTED)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "it is encrypted; build the archive without");
    if (!is_stored && codec_of(packed->method) == NULL)
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "it is compressed by method %u; build the archive with deflate",
                          packed->method);
    if (is_stored && packed->stored_len != packed->text_len)
        return damaged("an entry has two lengths", err);
    if (packed->stored_len <= PIECE_LEN_MAX && packed->text_len <= PP_SPOOL_MEMORY_MAX &&
        (is_stored || packed->method == PP_ZIP_DEFLATED))
        return unpack_piece(zip, packed, spool, err);
    return unpack_stream(zip, packed, budget, &spool->sink, err);
}
