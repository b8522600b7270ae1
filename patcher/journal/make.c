#include "journal/make.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/sink.h"
#include "base/spool.h"
#include "ledger/pristine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

bool pp_make_wants_md5(const struct pp_journal *journal, const struct pp_entry *entry) {
    return journal->options.md5 || entry->package[0] != '\0';
}

int pp_make_check_row(const struct pp_entry *entry, const struct pp_digest *found,
                      struct pp_err *err) {
    if (!entry->recorded || memcmp(found->sha256, entry->row_current.sha256, PP_SHA256_LEN) == 0 ||
        (entry->undo && memcmp(found->sha256, entry->shipped.sha256, PP_SHA256_LEN) == 0))
        return 0;
    return pp_err_set(err, PP_ERR_CHANGED, "changed by somebody since it was patched");
}

/* Opens a regular file for reading. */
static int open_seen(int dir, const char *name, const struct pp_identity *seen,
                     struct pp_err *err) {
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return pp_err_sys(err, "cannot open it");
    if (fstat(fd, &st) < 0)
        rc = pp_err_sys(err, "cannot look at it");
    else if (!S_ISREG(st.st_mode))
        rc = pp_err_set(err, PP_ERR_CHANGED, "no longer a regular file");
    else
        rc = pp_identity_check(seen, &st, false, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

static int digest_blob(const struct pp_blob *blob, bool md5, struct pp_digest *digest,
                       struct pp_err *err) {
    struct pp_overlay overlay = {.wanted = {[PP_OVERLAY_FOUND] = true}, .md5 = md5};
    int rc = pp_overlay_read(&overlay, blob, NULL, err);

    *digest = overlay.digests[PP_OVERLAY_FOUND];
    return rc;
}

int pp_make_digest(int dir, const char *name, const struct pp_identity *seen, bool md5,
                   struct pp_digest *digest, struct pp_err *err) {
    char target[PATH_MAX];
    ssize_t len = readlinkat(dir, name, target, sizeof(target));
    PP_AUTO_CLOSE int fd = -1;
    struct pp_blob blob;

    if (len >= 0) {
        blob = pp_blob_memory(target, (size_t)len);
        return digest_blob(&blob, md5, digest, err);
    }
    fd = open_seen(dir, name, seen, err);
    if (fd < 0)
        return fd;
    blob = pp_blob_file(fd, 0, seen->size);
    return digest_blob(&blob, md5, digest, err);
}

int pp_make_take_digests(struct pp_entry *entry, const struct pp_overlay *overlay,
                         struct pp_err *err) {
    int rc =
        entry->recorded ? pp_make_check_row(entry, &overlay->digests[PP_OVERLAY_FOUND], err) : 0;

    if (rc < 0)
        return rc;
    if (!entry->recorded)
        entry->shipped = overlay->digests[PP_OVERLAY_SHIPPED];
    entry->current = overlay->digests[PP_OVERLAY_PUT];
    if (entry->undo && memcmp(entry->current.sha256, entry->shipped.sha256, PP_SHA256_LEN) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "its recorded hits do not lead to what was shipped");
    return 0;
}

/* Content of the same length: the spans over what is there. Writes it to `out`. */
static int make_overlaid(const struct pp_journal *journal, struct pp_entry *entry,
                         const struct pp_blob *blob, struct pp_sink *out, struct pp_err *err) {
    PP_AUTO(pp_entry_spans_done) struct pp_entry_spans spans = {0};
    struct pp_overlay overlay = {.span_count = entry->hit_count,
                                 .wanted = {true, true, true},
                                 .md5 = pp_make_wants_md5(journal, entry)};
    int rc = pp_entry_spans_init(&spans, entry, &journal->texts, err);

    overlay.spans = spans.spans;
    overlay.shipped = spans.shipped;
    if (rc >= 0)
        rc = pp_overlay_read(&overlay, blob, out, err);
    if (rc < 0)
        return rc;
    memcpy(entry->old, overlay.digests[PP_OVERLAY_FOUND].sha256, PP_SHA256_LEN);
    entry->size = blob->len;
    return pp_make_take_digests(entry, &overlay, err);
}

static int make_symlink(const struct pp_journal *journal, struct pp_entry *entry,
                        struct pp_place *place, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer put = PP_BUFFER_INIT;
    struct pp_sink_buffer sink;
    char target[PATH_MAX];
    ssize_t len = readlinkat(place->dir, place->name, target, sizeof(target));
    struct pp_blob blob;
    struct stat st;
    int rc;

    if (len < 0 || fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "cannot read the symlink");
    rc = pp_identity_check(&entry->identity, &st, false, err);
    if (rc < 0)
        return rc;
    blob = pp_blob_memory(target, (size_t)len);
    pp_sink_buffer_init(&sink, &put);
    rc = make_overlaid(journal, entry, &blob, &sink.sink, err);
    if (rc < 0)
        return rc;
    return pp_replace_symlink(place->dir, entry->names[0].temporary, (const char *)put.data, &st,
                              err);
}

/* A file as it is written. */
struct digested {
    struct pp_sink sink;
    struct pp_sink_fd file;
    struct pp_digester digester;
};

static int digested_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct digested *self = (struct digested *)sink;

    pp_digester_update(&self->digester, data, len);
    return pp_sink_write(&self->file.sink, data, len, err);
}

static int copy_file(int from, struct pp_sink *out, struct pp_err *err) {
    uint8_t data[65536];
    off_t offset = 0;
    ssize_t len;

    while ((len = pp_io_pread(from, data, sizeof(data), offset, err)) > 0) {
        int rc = pp_sink_write(out, data, (size_t)len, err);

        if (rc < 0)
            return rc;
        offset += len;
    }
    return (int)len;
}

/* The new content from `from`, which is at its start. */
static int rewrite_from(const struct pp_journal *journal, struct pp_entry *entry, int from, int fd,
                        struct pp_err *err) {
    static const struct pp_sink_ops ops = {.write = digested_write};
    struct digested out = {.sink = {&ops}};
    struct stat st;
    int rc;

    pp_sink_fd_init(&out.file, fd);
    pp_digester_init(&out.digester, pp_make_wants_md5(journal, entry));
    if (fstat(from, &st) < 0)
        return pp_err_sys(err, "cannot look at it");
    rc = entry->undo ? copy_file(from, &out.sink, err)
                     : entry->rewrite(entry->context, entry->names[0].path, from,
                                      (uint64_t)st.st_size, &out.sink, err);
    if (rc < 0)
        return rc;
    pp_digester_final(&out.digester, &entry->current);
    entry->size = out.file.len;
    if (entry->undo && memcmp(entry->current.sha256, entry->shipped.sha256, PP_SHA256_LEN) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "its shipped bytes are damaged");
    return 0;
}

/* Keeps the shipped bytes of a file in which older values stand. */
static int unpatch(const struct pp_journal *journal, struct pp_entry *entry, int from,
                   struct pp_err *err) {
    PP_AUTO_SPOOL struct pp_spool spool;
    struct pp_blob blob = pp_blob_file(from, 0, entry->identity.size);
    struct pp_digest found;
    int rc;

    pp_spool_init(&spool);
    rc = digest_blob(&blob, false, &found, err);
    if (rc >= 0)
        rc = entry->unpatch(entry->context, entry->names[0].path, from, entry->identity.size,
                            &spool.sink, err);
    if (rc < 0)
        return rc;
    memcpy(entry->old, found.sha256, PP_SHA256_LEN);
    blob = pp_spool_blob(&spool);
    return pp_pristine_keep(&journal->state, &blob, entry->names[0].temporary,
                            journal->durable.each, pp_make_wants_md5(journal, entry),
                            &entry->shipped, err);
}

static int make_rewritten(const struct pp_journal *journal, struct pp_entry *entry, int from,
                          int fd, struct pp_err *err) {
    PP_AUTO_CLOSE int shipped = -1;
    struct pp_blob found = pp_blob_file(from, 0, entry->identity.size);
    int rc;

    if (!entry->recorded && entry->unpatch != NULL) {
        rc = unpatch(journal, entry, from, err);
        if (rc < 0)
            return rc;
    }
    if (entry->recorded || entry->unpatch != NULL) {
        shipped = pp_pristine_open(&journal->state, entry->shipped.sha256, err);
        return shipped < 0 ? shipped : rewrite_from(journal, entry, shipped, fd, err);
    }
    rc = pp_pristine_keep(&journal->state, &found, entry->names[0].temporary, journal->durable.each,
                          pp_make_wants_md5(journal, entry), &entry->shipped, err);
    if (rc < 0)
        return rc;
    memcpy(entry->old, entry->shipped.sha256, PP_SHA256_LEN);
    return rewrite_from(journal, entry, from, fd, err);
}

static int make_regular(const struct pp_journal *journal, struct pp_entry *entry,
                        struct pp_place *place, struct pp_err *err) {
    PP_AUTO_CLOSE int from = open_seen(place->dir, place->name, &entry->identity, err);
    PP_AUTO_CLOSE int fd = -1;
    struct pp_sink_fd sink;
    struct pp_blob blob;
    int rc;

    if (from < 0)
        return from;
    fd = pp_replace_create(place->dir, entry->names[0].temporary, err);
    if (fd < 0)
        return fd;
    if (entry->kind == PP_LEDGER_REWRITTEN) {
        rc = make_rewritten(journal, entry, from, fd, err);
    } else {
        pp_sink_fd_init(&sink, fd);
        blob = pp_blob_file(from, 0, entry->identity.size);
        rc = make_overlaid(journal, entry, &blob, &sink.sink, err);
    }
    if (rc >= 0)
        rc = pp_replace_dress(fd, from, err);
    return rc < 0 ? rc : pp_durable_one(&journal->durable, fd, err);
}

/* A copy of the leading temporary, where links are refused. */
static int copy_temporary(const struct pp_journal *journal, struct pp_entry *entry,
                          const struct pp_place *lead, const struct pp_place *place,
                          const char *temporary, struct pp_err *err) {
    PP_AUTO_CLOSE int from = -1;
    PP_AUTO_CLOSE int fd = -1;
    struct pp_sink_fd sink;
    char target[PATH_MAX];
    ssize_t len = readlinkat(lead->dir, entry->names[0].temporary, target, sizeof(target) - 1);
    struct stat st;
    int rc;

    if (len >= 0) {
        target[len] = '\0';
        if (fstatat(lead->dir, entry->names[0].temporary, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return pp_err_sys(err, "cannot look at the temporary");
        return pp_replace_symlink(place->dir, temporary, target, &st, err);
    }
    from = openat(lead->dir, entry->names[0].temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return pp_err_sys(err, "cannot read the temporary");
    fd = pp_replace_create(place->dir, temporary, err);
    if (fd < 0)
        return fd;
    pp_sink_fd_init(&sink, fd);
    rc = copy_file(from, &sink.sink, err);
    if (rc >= 0)
        rc = pp_replace_dress(fd, from, err);
    return rc < 0 ? rc : pp_durable_one(&journal->durable, fd, err);
}

static int make_link(const struct pp_journal *journal, struct pp_entry *entry, size_t i,
                     const struct pp_place *lead, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    int rc = pp_beneath_find(journal->options.root, entry->names[i].path, PP_BENEATH_STRICT, &place,
                             err);

    if (rc >= 0)
        rc = pp_replace_link(lead->dir, entry->names[0].temporary, place.dir,
                             entry->names[i].temporary, err);
    if (rc == 0) {
        entry->names[i].copied = true;
        rc = copy_temporary(journal, entry, lead, &place, entry->names[i].temporary, err);
    }
    return rc;
}

int pp_make(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
            struct pp_err *err) {
    int rc = entry->kind == PP_LEDGER_SYMLINK ? make_symlink(journal, entry, place, err)
                                              : make_regular(journal, entry, place, err);

    if (rc < 0)
        return rc;
    for (size_t i = 1; i < entry->name_count && rc >= 0; i++)
        if (entry->names[i].err == NULL)
            rc = make_link(journal, entry, i, place, err);
    return rc;
}
