#include "format/zip.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* Extra field of zip64 (4.5.3). A local header that has one is followed by a descriptor of another
 * length. */
#define EXTRA_ZIP64 0x0001u

/* So many bytes tell how a file starts. */
#define HEAD_LEN 8u

/* Host in the upper byte of "version made by" (4.4.2). */
#define HOST_UNIX 3u
#define HOST_DARWIN 19u

/* source.android.com/docs/security/features/apksigning/v2: the block ends with this, right before
 * the central directory. */
#define APK_BLOCK_MAGIC "APK Sig Block 42"
#define APK_BLOCK_MAGIC_LEN 16u

/* Of a .jmod, before the zip: a magic number and a version (OpenJDK, jdk.internal.jmod.JmodFile).
 */
#define JMOD_STUB "JM\1\0"
#define JMOD_STUB_LEN 4u

int pp_zip_read(const struct pp_zip *zip, uint64_t offset, void *data, size_t len,
                struct pp_err *err) {
    ssize_t count = pp_blob_read(&zip->blob, offset, data, len, err);

    if (count < 0)
        return (int)count;
    if ((size_t)count < len)
        return pp_err_set(err, PP_ERR_DAMAGED, "zip: truncated at byte %llu",
                          (unsigned long long)offset + (unsigned long long)count);
    return 0;
}

/* The `len` bytes at `offset`, in place; NULL and PP_ERR_DAMAGED when the zip ends before. */
static const uint8_t *view(struct pp_window *window, uint64_t offset, size_t len,
                           struct pp_err *err) {
    const uint8_t *bytes = pp_window_at(window, offset, len, err);

    if (bytes == NULL)
        pp_err_context(err, "zip");
    return bytes;
}

void pp_zip_done(struct pp_zip *zip) {
    pp_window_done(&zip->window);
    free(zip->entries);
    zip->entries = NULL;
    zip->entry_count = 0;
}

static int damaged(const struct pp_zip_entry *entry, const char *what, struct pp_err *err) {
    return pp_err_set(err, PP_ERR_DAMAGED, "zip: the member at byte %lu %s",
                      (unsigned long)entry->local_offset, what);
}

static int refuse_zip64(struct pp_err *err) {
    return pp_err_set(err, PP_ERR_UNSUPPORTED, "zip: zip64 archives are not rewritten");
}

bool pp_zip_starts(const uint8_t *head, size_t len) {
    return len >= 4 && (pp_le32(head) == PP_ZIP_LOCAL_MAGIC || pp_le32(head) == PP_ZIP_END_MAGIC);
}

bool pp_zip_is_jmod(const uint8_t *head, size_t len) {
    return len > JMOD_STUB_LEN && memcmp(head, JMOD_STUB, JMOD_STUB_LEN) == 0 &&
           pp_zip_starts(head + JMOD_STUB_LEN, len - JMOD_STUB_LEN);
}

const uint8_t *pp_zip_find_end(const uint8_t *tail, size_t len) {
    /* A record may start in so many bytes; its first letter is rare in most content. */
    size_t left = len >= PP_ZIP_END_LEN ? len - PP_ZIP_END_LEN + 1 : 0;
    const uint8_t *at;

    for (; (at = memrchr(tail, 'P', left)) != NULL; left = (size_t)(at - tail))
        if (pp_le32(at) == PP_ZIP_END_MAGIC &&
            pp_le16(at + 20) == len - PP_ZIP_END_LEN - (size_t)(at - tail))
            return at;
    return NULL;
}

/* Copies the end record. The window is left where the central directory may be, too. */
static int find_end(struct pp_zip *zip, struct pp_window *window, uint8_t *end,
                    struct pp_err *err) {
    static const uint8_t magic[] = {'P', 'K', 5, 6};
    size_t len = zip->blob.len < PP_ZIP_TAIL_MAX ? (size_t)zip->blob.len : PP_ZIP_TAIL_MAX;
    uint64_t offset = zip->blob.len - len;
    const uint8_t *tail = view(window, offset, len, err);
    const uint8_t *found;

    if (tail == NULL)
        return -(int)err->kind;
    found = pp_zip_find_end(tail, len);
    if (found != NULL) {
        memcpy(end, found, PP_ZIP_END_LEN);
        zip->end_offset = offset + (uint64_t)(found - tail);
        return 0;
    }
    if (memmem(tail, len, magic, sizeof(magic)) != NULL)
        return pp_err_set(err, PP_ERR_DAMAGED,
                          "zip: it does not end with its end record: garbage or bytes missing");
    return pp_err_set(err, PP_ERR_DAMAGED, "zip: truncated: no end record");
}

static int read_end(struct pp_zip *zip, struct pp_window *window, struct pp_err *err) {
    uint8_t end[PP_ZIP_END_LEN] = {0};
    int rc;

    if ((rc = find_end(zip, window, end, err)) < 0)
        return rc;
    zip->entry_count = pp_le16(end + 10);
    zip->central_len = pp_le32(end + 12);
    zip->central_offset = pp_le32(end + PP_ZIP_END_OFFSET_AT);
    if (zip->central_len == PP_ZIP_ELSEWHERE || zip->central_offset == PP_ZIP_ELSEWHERE)
        return refuse_zip64(err);
    if (pp_le16(end + 4) != 0 || pp_le16(end + 6) != 0 || pp_le16(end + 8) != zip->entry_count)
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "zip: archives on several disks are not rewritten");
    if (zip->central_offset + zip->central_len != zip->end_offset) {
        if (zip->end_offset >= PP_ZIP64_LOCATOR_LEN) {
            const uint8_t *magic = view(window, zip->end_offset - PP_ZIP64_LOCATOR_LEN, 4, err);

            if (magic == NULL)
                return -(int)err->kind;
            if (pp_le32(magic) == PP_ZIP64_LOCATOR_MAGIC)
                return refuse_zip64(err);
        }
        return pp_err_set(err, PP_ERR_DAMAGED,
                          "zip: the central directory is not where the end record says");
    }
    if (zip->entry_count * PP_ZIP_CENTRAL_LEN > zip->central_len)
        return pp_err_set(err, PP_ERR_DAMAGED, "zip: the central directory is too short");
    return 0;
}

/* One entry of the central directory, at `offset` in it. */
static int read_central(struct pp_zip *zip, struct pp_window *window, struct pp_zip_entry *entry,
                        uint64_t offset, uint64_t *next, struct pp_err *err) {
    const uint8_t *head;
    unsigned host;

    if (zip->central_len - offset < PP_ZIP_CENTRAL_LEN)
        return pp_err_set(err, PP_ERR_DAMAGED, "zip: the central directory is too short");
    head = view(window, zip->central_offset + offset, PP_ZIP_CENTRAL_LEN, err);
    if (head == NULL)
        return -(int)err->kind;
    entry->central_offset = (uint32_t)offset;
    host = head[5];
    entry->flags = pp_le16(head + 8);
    entry->method = pp_le16(head + 10);
    entry->sums.crc32 = pp_le32(head + PP_ZIP_CENTRAL_CRC_AT);
    entry->sums.stored_len = pp_le32(head + PP_ZIP_CENTRAL_CRC_AT + 4);
    entry->sums.text_len = pp_le32(head + PP_ZIP_CENTRAL_CRC_AT + 8);
    entry->name_len = pp_le16(head + 28);
    if (host == HOST_UNIX || host == HOST_DARWIN)
        entry->unix_mode = pp_le16(head + 40);
    entry->local_offset = pp_le32(head + PP_ZIP_CENTRAL_OFFSET_AT);
    *next = offset + PP_ZIP_CENTRAL_LEN + entry->name_len + pp_le16(head + 30) + pp_le16(head + 32);
    if (pp_le32(head) != PP_ZIP_CENTRAL_MAGIC || *next > zip->central_len)
        return pp_err_set(err, PP_ERR_DAMAGED, "zip: broken central directory at its byte %llu",
                          (unsigned long long)offset);
    if (entry->local_offset == PP_ZIP_ELSEWHERE || entry->sums.stored_len == PP_ZIP_ELSEWHERE ||
        entry->sums.text_len == PP_ZIP_ELSEWHERE)
        return refuse_zip64(err);
    if (pp_le16(head + 34) != 0)
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "zip: archives on several disks are not rewritten");
    return 0;
}

static bool has_zip64_extra(const uint8_t *extra, size_t len) {
    while (len >= 4) {
        size_t field_len = 4u + pp_le16(extra + 2);

        if (pp_le16(extra) == EXTRA_ZIP64)
            return true;
        if (field_len > len)
            return false;
        extra += field_len;
        len -= field_len;
    }
    return false;
}

/* Where a descriptor follows, the header may leave the three numbers 0. */
static bool sums_agree(const struct pp_zip_entry *entry, const uint8_t *local) {
    const uint32_t sums[] = {entry->sums.crc32, entry->sums.stored_len, entry->sums.text_len};

    for (size_t i = 0; i < PP_ARRAY_LEN(sums); i++) {
        uint32_t found = pp_le32(local + PP_ZIP_LOCAL_CRC_AT + 4 * i);

        if (found != sums[i] && !((entry->flags & PP_ZIP_FLAG_DESCRIPTOR) && found == 0))
            return false;
    }
    return true;
}

static const char *unsupported_method(const struct pp_zip_entry *entry) {
    if (entry->flags & PP_ZIP_FLAG_ENCRYPTED)
        return "encrypted";
    if (entry->method != PP_ZIP_STORED && entry->method != PP_ZIP_DEFLATED)
        return "compressed by a method other than deflate";
    return NULL;
}

/* The name in the central directory against that behind the local header, and what both say. */
static int check_name(struct pp_zip *zip, const struct pp_zip_entry *entry, const uint8_t *central,
                      const uint8_t *local, struct pp_err *err) {
    if (memcmp(central, local, entry->name_len) != 0)
        return damaged(entry, "differs in name from the central directory", err);
    if (memchr(local, '\0', entry->name_len) != NULL)
        return damaged(entry, "has a NUL in its name", err);
    if (zip->sealed == NULL) {
        zip->sealed = pp_zip_signature((const char *)local, entry->name_len);
        zip->is_signed = zip->sealed != NULL;
    }
    return 0;
}

/* The local header against the entry of the central directory, which is seen through `window`. */
static int check_local(struct pp_zip *zip, struct pp_window *window, struct pp_zip_entry *entry,
                       struct pp_err *err) {
    uint16_t central_flags = entry->flags;
    const uint8_t *central;
    const uint8_t *head;
    int rc;

    if (entry->local_offset >= zip->central_offset)
        return damaged(entry, "lies outside", err);
    head = view(&zip->window, entry->local_offset, PP_ZIP_LOCAL_LEN, err);
    if (head == NULL)
        return -(int)err->kind;
    entry->flags = pp_le16(head + 6);
    entry->extra_len = pp_le16(head + PP_ZIP_LOCAL_EXTRA_LEN_AT);
    if (pp_le32(head) != PP_ZIP_LOCAL_MAGIC)
        return damaged(entry, "has no local header", err);
    if (pp_le16(head + 26) != entry->name_len || pp_le16(head + 8) != entry->method ||
        ((central_flags ^ entry->flags) & PP_ZIP_FLAG_ENCRYPTED))
        return damaged(entry, "differs from the central directory", err);
    if (pp_zip_data_offset(entry) + entry->sums.stored_len > zip->central_offset)
        return damaged(entry, "reaches into the central directory", err);
    head = view(&zip->window, entry->local_offset,
                PP_ZIP_LOCAL_LEN + (size_t)entry->name_len + entry->extra_len, err);
    central = view(window, zip->central_offset + entry->central_offset + PP_ZIP_CENTRAL_LEN,
                   entry->name_len, err);
    if (head == NULL || central == NULL)
        return -(int)err->kind;
    rc = check_name(zip, entry, central, head + PP_ZIP_LOCAL_LEN, err);
    if (rc < 0)
        return rc;
    entry->unsupported = unsupported_method(entry);
    if (has_zip64_extra(head + PP_ZIP_LOCAL_LEN + entry->name_len, entry->extra_len)) {
        if (entry->unsupported == NULL)
            entry->unsupported = "zip64 local header";
    } else if (!sums_agree(entry, head)) {
        return damaged(entry, "differs in length or CRC from the central directory", err);
    }
    if (entry->method == PP_ZIP_STORED && !(entry->flags & PP_ZIP_FLAG_ENCRYPTED) &&
        entry->sums.stored_len != entry->sums.text_len)
        return damaged(entry, "is stored, but its two lengths differ", err);
    return 0;
}

/* Tells the form of the data descriptor, which must end before `limit`. A member without the one
 * that its flags announce can be read, but not rewritten. */
static int check_descriptor(struct pp_zip *zip, struct pp_zip_entry *entry, uint64_t limit,
                            struct pp_err *err) {
    uint64_t offset = pp_zip_data_offset(entry) + entry->sums.stored_len;
    uint8_t wanted[4 + PP_ZIP_DESCRIPTOR_LEN];
    size_t len = sizeof(wanted);
    const uint8_t *found;

    if (offset > limit)
        return damaged(entry, "overlaps the next one", err);
    if (!(entry->flags & PP_ZIP_FLAG_DESCRIPTOR) || entry->unsupported != NULL)
        return 0;
    if (len > limit - offset)
        len = (size_t)(limit - offset);
    found = view(&zip->window, offset, len, err);
    if (found == NULL)
        return -(int)err->kind;
    pp_le32_put(wanted, PP_ZIP_DESCRIPTOR_MAGIC);
    pp_le32_put(wanted + 4, entry->sums.crc32);
    pp_le32_put(wanted + 8, entry->sums.stored_len);
    pp_le32_put(wanted + 12, entry->sums.text_len);
    if (len == sizeof(wanted) && memcmp(found, wanted, len) == 0)
        entry->descriptor_len = sizeof(wanted);
    else if (len >= PP_ZIP_DESCRIPTOR_LEN && memcmp(found, wanted + 4, PP_ZIP_DESCRIPTOR_LEN) == 0)
        entry->descriptor_len = PP_ZIP_DESCRIPTOR_LEN;
    else
        entry->unsupported = "its data descriptor is missing or does not agree";
    return 0;
}

static int check_apk_block(struct pp_zip *zip, struct pp_err *err) {
    const uint8_t *magic;

    if (zip->central_offset < APK_BLOCK_MAGIC_LEN)
        return 0;
    magic = view(&zip->window, zip->central_offset - APK_BLOCK_MAGIC_LEN, APK_BLOCK_MAGIC_LEN, err);
    if (magic == NULL)
        return -(int)err->kind;
    if (memcmp(magic, APK_BLOCK_MAGIC, APK_BLOCK_MAGIC_LEN) == 0) {
        zip->sealed = "signed: APK signing block";
        zip->is_signed = true;
    }
    return 0;
}

static int compare_local(const void *a, const void *b) {
    const struct pp_zip_entry *left = a;
    const struct pp_zip_entry *right = b;

    if (left->local_offset != right->local_offset)
        return left->local_offset < right->local_offset ? -1 : 1;
    return left->central_offset < right->central_offset ? -1 : 1;
}

/* Headers and descriptors in the order in which they stand: forward through the file. */
static int check_entries(struct pp_zip *zip, struct pp_window *window, struct pp_err *err) {
    int rc;

    qsort(zip->entries, zip->entry_count, sizeof(*zip->entries), compare_local);
    for (size_t i = 0; i < zip->entry_count; i++) {
        uint64_t limit =
            i + 1 < zip->entry_count ? zip->entries[i + 1].local_offset : zip->central_offset;

        if ((rc = check_local(zip, window, &zip->entries[i], err)) < 0 ||
            (rc = check_descriptor(zip, &zip->entries[i], limit, err)) < 0)
            return rc;
    }
    return 0;
}

static int read_entries(struct pp_zip *zip, struct pp_window *window, struct pp_err *err) {
    uint64_t offset = 0;
    int rc;

    zip->entries = calloc(zip->entry_count + 1, sizeof(*zip->entries));
    if (zip->entries == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < zip->entry_count; i++) {
        if ((rc = read_central(zip, window, &zip->entries[i], offset, &offset, err)) < 0)
            return rc;
    }
    if (offset != zip->central_len)
        return pp_err_set(err, PP_ERR_DAMAGED, "zip: more in the central directory than it says");
    return check_entries(zip, window, err);
}

/* Leaves the stub out of `blob` where offsets count from behind it. With a zip at its start there
 * is none: what does not fit there is damage. */
static int find_stub(struct pp_zip *zip, struct pp_window *window, struct pp_err *err) {
    uint8_t end[PP_ZIP_END_LEN] = {0};
    uint64_t start;
    int rc = find_end(zip, window, end, err);

    if (rc < 0)
        return rc;
    start = (uint64_t)pp_le32(end + PP_ZIP_END_OFFSET_AT) + pp_le32(end + 12);
    if (start > zip->end_offset)
        return 0;
    zip->stub_len = zip->end_offset - start;
    zip->blob = pp_blob_part(&zip->whole, zip->stub_len, zip->whole.len - zip->stub_len);
    pp_window_done(&zip->window);
    pp_window_init(&zip->window, &zip->blob);
    pp_window_done(window);
    pp_window_init(window, &zip->blob);
    return 0;
}

static int read_index(struct pp_zip *zip, struct pp_window *window, struct pp_err *err) {
    size_t head_len = zip->whole.len < HEAD_LEN ? (size_t)zip->whole.len : HEAD_LEN;
    const uint8_t *head = view(&zip->window, 0, head_len, err);
    bool has_stub;
    bool is_jmod;
    int rc = 0;

    if (head == NULL)
        return -(int)err->kind;
    has_stub = !pp_zip_starts(head, head_len);
    is_jmod = pp_zip_is_jmod(head, head_len);
    if (has_stub)
        rc = find_stub(zip, window, err);
    if (rc < 0 || (rc = read_end(zip, window, err)) < 0 ||
        (rc = read_entries(zip, window, err)) < 0)
        return rc;
    /* Offsets may also count from the start of the stub. */
    if (has_stub)
        zip->stub_len += zip->entry_count > 0 ? zip->entries[0].local_offset : zip->central_offset;
    if (zip->stub_len > PP_ZIP_STUB_MAX)
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "zip: it stands behind a stub of more than %llu MiB",
                          (unsigned long long)(PP_ZIP_STUB_MAX >> 20));
    if (is_jmod && zip->sealed == NULL)
        zip->sealed = "a module of Java, whose hash others may hold";
    return check_apk_block(zip, err);
}

int pp_zip_open(struct pp_zip *zip, const struct pp_blob *blob, struct pp_err *err) {
    struct pp_window central;
    int rc;

    *zip = (struct pp_zip){.whole = *blob, .blob = *blob};
    pp_window_init(&zip->window, blob);
    pp_window_init(&central, blob);
    rc = read_index(zip, &central, err);
    pp_window_done(&central);
    if (rc < 0)
        pp_zip_done(zip);
    return rc;
}
