/* Zip: jar, whl, odt, epub, xpi, apk. The archive is copied byte for byte; only changed members
 * are replaced, then lengths, CRCs and offsets are mended where they stand. */
#include "format/zip.h"

#include "base/spool.h"
#include "format/container.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define HEAD_LEN 512u

/* Members that are read together by one thread: of so many stored bytes at the least, and more in
 * a zip that would have more parts. */
#define PART_LEN_MIN ((uint64_t)64 << 10)
#define PART_COUNT_MAX 256u

struct walker {
    struct pp_zip *zip;
    struct pp_visitor *visitor;
    struct pp_spool *texts; /* new content of the changed members; NULL: only read */
    struct pp_buffer name;
};

static bool ends_with(const char *text, size_t len, const char *end) {
    size_t end_len = strlen(end);

    return len >= end_len && strncasecmp(text + len - end_len, end, end_len) == 0;
}

/* Jar: docs.oracle.com, JAR File Specification, "Signed JAR File"; names in any case. Wheel:
 * packaging.python.org, Binary distribution format, "Signed wheel files". cose.sig: add-ons of
 * Mozilla. The xml files: OpenDocument 1.3 part 2, 3.5, and EPUB OCF 3.3, 4.2.6.3.6. */
const char *pp_zip_signature(const char *name, size_t len) {
    static const char *const jar_ends[] = {".SF", ".RSA", ".DSA", ".EC"};
    static const char *const jar_names[] = {"/cose.sig", "/documentsignatures.xml",
                                            "/macrosignatures.xml", "/signatures.xml"};
    const char *slash = memchr(name, '/', len);
    size_t rest_len;

    if (slash == NULL)
        return NULL;
    rest_len = len - (size_t)(slash - name);
    if (memchr(slash + 1, '/', rest_len - 1) != NULL)
        return NULL;
    if (strncasecmp(name, "META-INF/", 9) == 0) {
        for (size_t i = 0; i < PP_ARRAY_LEN(jar_ends); i++) {
            if (ends_with(slash, rest_len, jar_ends[i]) ||
                (rest_len == strlen(jar_names[i]) && ends_with(slash, rest_len, jar_names[i])))
                return "signed: a signature in META-INF";
        }
    }
    if (ends_with(name, len, ".dist-info/RECORD.jws") ||
        ends_with(name, len, ".dist-info/RECORD.p7s"))
        return "signed: a wheel with a signed RECORD";
    return NULL;
}

/* Other stubs are as long as they like: the end tells. */
static bool zip_bid(const uint8_t *head, size_t len) {
    return pp_zip_starts(head, len) || pp_zip_is_jmod(head, len);
}

static enum pp_member_kind member_kind(const struct pp_zip_entry *entry, const char *name) {
    size_t name_len = entry->name_len;

    if ((entry->flags & PP_ZIP_FLAG_ENCRYPTED) ||
        (entry->method != PP_ZIP_STORED && entry->method != PP_ZIP_DEFLATED))
        return PP_MEMBER_OTHER;
    if (S_ISLNK(entry->unix_mode))
        return PP_MEMBER_SYMLINK;
    if (entry->sums.text_len == 0 && name_len > 0 && name[name_len - 1] == '/')
        return PP_MEMBER_OTHER;
    return PP_MEMBER_FILE;
}

/* Names the member and finds its content: in place where it is short, else in the archive. The name
 * goes to the walker's buffer. */
static int describe(struct walker *self, const struct pp_zip_entry *entry, struct pp_member *member,
                    struct pp_blob *content, struct pp_err *err) {
    struct pp_zip *zip = self->zip;
    size_t head_len = (size_t)(pp_zip_data_offset(entry) - entry->local_offset);
    bool is_short = entry->sums.stored_len <= PP_WINDOW_LEN;
    const uint8_t *head = pp_window_at(&zip->window, entry->local_offset,
                                       head_len + (is_short ? entry->sums.stored_len : 0), err);

    if (head == NULL)
        return pp_err_context(err, "zip");
    self->name.len = 0;
    if (pp_buffer_append(&self->name, head + PP_ZIP_LOCAL_LEN, entry->name_len, err) < 0)
        return -(int)err->kind;
    *content = is_short
                   ? pp_blob_memory(head + head_len, entry->sums.stored_len)
                   : pp_blob_part(&zip->blob, pp_zip_data_offset(entry), entry->sums.stored_len);
    *member = (struct pp_member){
        .name = (const char *)self->name.data,
        .kind = member_kind(entry, (const char *)self->name.data),
        .mode = entry->unix_mode & 07777,
        .deflated = entry->method == PP_ZIP_DEFLATED,
        .len = entry->sums.stored_len,
        .crc32 = entry->sums.crc32,
        .text_len = entry->sums.text_len,
        .sealed = zip->sealed,
        .is_signed = zip->is_signed,
        .unsupported = entry->unsupported,
    };
    return 0;
}

static int call_content(struct walker *self, struct pp_member *member,
                        const struct pp_blob *content, struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(content, err);

    if (source == NULL)
        return -(int)err->kind;
    return self->visitor->content(self->visitor, member, source, out, err);
}

static int call_plan(struct walker *self, const struct pp_member *member,
                     const struct pp_blob *content, struct pp_err *err) {
    uint8_t head[HEAD_LEN];
    ssize_t head_len = pp_blob_read(content, 0, head, sizeof(head), err);

    if (head_len < 0)
        return (int)head_len;
    return self->visitor->plan(self->visitor, member, head, (size_t)head_len, err);
}

/* Lets the visitor write the new content of a member, which is kept in the spool. */
static int change(struct walker *self, struct pp_zip_entry *entry, struct pp_member *member,
                  const struct pp_blob *content, struct pp_err *err) {
    uint64_t new_len;
    int rc;

    entry->spool_offset = self->texts->len;
    rc = call_content(self, member, content, &self->texts->sink, err);
    if (rc < 0 || rc == PP_MEMBER_KEPT)
        return rc;
    new_len = self->texts->len - entry->spool_offset;
    if (!member->deflated)
        member->text_len = new_len;
    if (new_len >= PP_ZIP_ELSEWHERE || member->text_len >= PP_ZIP_ELSEWHERE)
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "zip: a member would become too large for a zip without zip64");
    entry->changed = true;
    entry->new_sums = (struct pp_zip_sums){.crc32 = member->crc32,
                                           .stored_len = (uint32_t)new_len,
                                           .text_len = (uint32_t)member->text_len};
    return 0;
}

static int visit(struct walker *self, struct pp_zip_entry *entry, struct pp_err *err) {
    struct pp_member member;
    struct pp_blob content;
    int rc;

    if ((rc = describe(self, entry, &member, &content, err)) < 0)
        return rc;
    if (self->texts == NULL)
        return call_content(self, &member, &content, NULL, err);
    rc = call_plan(self, &member, &content, err);
    if (rc < 0 || rc == PP_PLAN_COPY || member.unsupported != NULL)
        return rc;
    if (rc == PP_PLAN_LAST) {
        entry->last = true;
        return 0;
    }
    return change(self, entry, &member, &content, err);
}

struct parts {
    const struct pp_zip *zip;
    size_t count;
    size_t starts[PART_COUNT_MAX + 1]; /* of entries; one more than parts */
};

/* The entries in the order of their places, cut into parts of about the same stored length. */
static void cut_into_parts(struct parts *parts, const struct pp_zip *zip) {
    uint64_t part_len = zip->central_offset / (PART_COUNT_MAX - 1);
    uint64_t start = 0;

    if (part_len < PART_LEN_MIN)
        part_len = PART_LEN_MIN;
    *parts = (struct parts){.zip = zip};
    for (size_t i = 0; i < zip->entry_count; i++) {
        if (i == 0 || zip->entries[i].local_offset - start >= part_len) {
            start = zip->entries[i].local_offset;
            parts->starts[parts->count++] = i;
        }
    }
    parts->starts[parts->count] = zip->entry_count;
}

static int visit_part(void *arg, size_t i, struct pp_visitor *visitor, struct pp_err *err) {
    const struct parts *parts = arg;
    struct pp_zip zip = *parts->zip;
    struct walker self = {.zip = &zip, .visitor = visitor, .name = PP_BUFFER_INIT};
    int rc = 0;

    /* One thread, one window. */
    pp_window_init(&zip.window, &zip.blob);
    for (size_t at = parts->starts[i]; rc >= 0 && at < parts->starts[i + 1]; at++)
        rc = visit(&self, &zip.entries[at], err);
    pp_window_done(&zip.window);
    pp_buffer_done(&self.name);
    return rc;
}

static int visit_parts(struct walker *self, struct pp_err *err) {
    struct parts parts;

    cut_into_parts(&parts, self->zip);
    return self->visitor->parts(self->visitor, parts.count, visit_part, &parts, err);
}

static int visit_all(struct walker *self, struct pp_err *err) {
    struct pp_zip *zip = self->zip;
    struct pp_member member;
    struct pp_blob content;
    int rc;

    if (self->texts == NULL && self->visitor->parts != NULL)
        return visit_parts(self, err);
    for (size_t i = 0; i < zip->entry_count; i++) {
        if ((rc = visit(self, &zip->entries[i], err)) < 0)
            return rc;
    }
    for (size_t i = 0; i < zip->entry_count; i++) {
        if (!zip->entries[i].last)
            continue;
        if ((rc = describe(self, &zip->entries[i], &member, &content, err)) < 0 ||
            (rc = change(self, &zip->entries[i], &member, &content, err)) < 0)
            return rc;
    }
    return 0;
}

/* What stands before the zip is text of its own. */
static int visit_stub(const struct pp_zip *zip, struct pp_visitor *visitor, struct pp_sink *out,
                      struct pp_err *err) {
    struct pp_member member = {.name = "", .kind = PP_MEMBER_OTHER, .sealed = zip->sealed};
    PP_AUTO_BUFFER struct pp_buffer stub = PP_BUFFER_INIT;
    ssize_t count;
    int rc;

    if (zip->stub_len == 0)
        return 0;
    member.is_signed = zip->is_signed;
    if (pp_buffer_reserve(&stub, (size_t)zip->stub_len, err) < 0)
        return -(int)err->kind;
    count = pp_blob_read(&zip->whole, 0, stub.data, (size_t)zip->stub_len, err);
    if (count < 0)
        return (int)count;
    rc = visitor->text(visitor, &member, 0, stub.data, (size_t)count, err);
    return rc < 0 || out == NULL ? rc : pp_sink_write(out, stub.data, (size_t)count, err);
}

static int walk_blob(const struct pp_blob *blob, struct pp_sink *out, struct pp_visitor *visitor,
                     struct pp_err *err) {
    PP_AUTO_ZIP struct pp_zip zip = {.entries = NULL};
    PP_AUTO_SPOOL struct pp_spool texts;
    struct walker self = {.zip = &zip, .visitor = visitor, .name = PP_BUFFER_INIT};
    int rc;

    pp_spool_init(&texts);
    if ((rc = pp_zip_open(&zip, blob, err)) < 0)
        return rc;
    if (out != NULL && zip.sealed != NULL)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "zip: %s", zip.sealed);
    if (out != NULL)
        self.texts = &texts;
    rc = visit_stub(&zip, visitor, out, err);
    if (rc >= 0)
        rc = visit_all(&self, err);
    pp_buffer_done(&self.name);
    if (rc < 0 || out == NULL)
        return rc;
    {
        struct pp_blob written = pp_spool_blob(&texts);

        return pp_zip_splice(&zip, &written, out, err);
    }
}

static int zip_walk(struct pp_source *in, struct pp_sink *out, struct pp_visitor *visitor,
                    struct pp_err *err) {
    PP_AUTO_SPOOL struct pp_spool whole;
    uint64_t offset = 0;
    const struct pp_blob *found = pp_source_blob(in, &offset);
    struct pp_blob blob;
    int rc;

    pp_spool_init(&whole);
    if (found != NULL) {
        blob = pp_blob_part(found, offset, found->len - offset);
    } else {
        if ((rc = pp_sink_copy(&whole.sink, in, err)) < 0)
            return rc;
        blob = pp_spool_blob(&whole);
    }
    return walk_blob(&blob, out, visitor, err);
}

const struct pp_container pp_container_zip = {.name = "zip", .bid = zip_bid, .walk = zip_walk};
