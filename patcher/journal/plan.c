#include "journal/plan.h"

#include "base/cleanup.h"
#include "journal/make.h"
#include "journal/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The file system of a file, before anything is written to it. */
static int plan_durable(struct pp_journal *journal, const struct pp_place *place,
                        const struct stat *st, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = -1;

    if (pp_durable_knows(&journal->durable, st->st_dev))
        return 0;
    if (S_ISREG(st->st_mode))
        fd = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    else
        fd = openat(place->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pp_err_sys(err, "cannot open it");
    return pp_durable_add(&journal->durable, fd, err);
}

/* Looks at another name of the inode. */
static int plan_link(struct pp_journal *journal, struct pp_entry *entry, size_t name,
                     struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct stat st;
    int rc = pp_beneath_find(journal->options.root, entry->names[name].path, PP_BENEATH_STRICT,
                             &place, err);

    if (rc < 0)
        return rc;
    if (fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? pp_err_set(err, PP_ERR_CHANGED, "gone")
                               : pp_err_sys(err, "cannot look at it");
    return pp_identity_check(&entry->identity, &st, false, err);
}

int pp_plan(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
            struct pp_err *err) {
    size_t known_count = entry->name_count;
    struct stat st;
    int rc =
        pp_beneath_find(journal->options.root, entry->names[0].path, PP_BENEATH_STRICT, place, err);

    if (rc < 0)
        return rc;
    if (fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? pp_err_set(err, PP_ERR_CHANGED, "gone")
                               : pp_err_sys(err, "cannot look at it");
    rc = pp_identity_check(&entry->identity, &st, false, err);
    if (rc < 0)
        return rc;
    if (entry->kind == PP_LEDGER_SYMLINK ? !S_ISLNK(st.st_mode) : !S_ISREG(st.st_mode))
        return pp_err_set(err, PP_ERR_CHANGED, "no longer a file of its kind");
    for (size_t i = 1; i < entry->name_count; i++) {
        rc = plan_link(journal, entry, i, err);
        if (rc < 0 && err->kind != PP_ERR_CHANGED)
            return rc;
        /* It does not lead to the inode any more. */
        if (rc < 0) {
            pp_entry_fail(entry, i, err);
            pp_err_clear(err);
            known_count--;
        }
    }
    entry->replace = journal->options.always_replace || entry->kind != PP_LEDGER_PLAIN ||
                     (uint64_t)st.st_nlink > known_count;
    entry->size = (uint64_t)st.st_size;
    entry->mtime = st.st_mtim;
    return plan_durable(journal, place, &st, err);
}

static int check_inplace(struct pp_journal *journal, struct pp_entry *entry, int fd,
                         struct pp_err *err) {
    PP_AUTO(pp_entry_spans_done) struct pp_entry_spans spans = {0};
    struct pp_overlay overlay = {
        .span_count = entry->hit_count,
        .wanted = {[PP_OVERLAY_FOUND] = entry->recorded,
                   [PP_OVERLAY_SHIPPED] = !entry->recorded,
                   [PP_OVERLAY_PUT] = true},
        .md5 = pp_make_wants_md5(journal, entry),
    };
    struct pp_blob blob = pp_blob_file(fd, 0, entry->identity.size);
    int rc = pp_entry_spans_init(&spans, entry, &journal->texts, err);

    overlay.spans = spans.spans;
    overlay.shipped = spans.shipped;
    if (rc >= 0)
        rc = pp_overlay_read(&overlay, &blob, NULL, err);
    return rc < 0 ? rc : pp_make_take_digests(entry, &overlay, err);
}

static int check(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                 struct pp_err *err) {
    PP_AUTO_CLOSE int fd = -1;
    struct pp_digest found;
    struct stat st;
    int rc =
        pp_beneath_find(journal->options.root, entry->names[0].path, PP_BENEATH_STRICT, place, err);

    if (rc < 0)
        return rc;
    if (!entry->replace) {
        fd = pp_inplace_open(place->dir, place->name, &entry->identity, &st, err);
        if (fd >= 0)
            return check_inplace(journal, entry, fd, err);
        if (err->kind != PP_ERR_SYSTEM ||
            (err->sys != EACCES && err->sys != EPERM && err->sys != ETXTBSY))
            return fd;
        pp_err_clear(err);
        entry->replace = true;
    }
    if (!entry->recorded)
        return 0;
    rc = pp_make_digest(place->dir, place->name, &entry->identity, false, &found, err);
    if (rc < 0)
        return rc;
    memcpy(entry->old, found.sha256, PP_SHA256_LEN);
    return pp_make_check_row(entry, &found, err);
}

int pp_plan_check(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                  struct pp_err *err) {
    int rc = check(journal, entry, place, err);

    /* PP_ERR_DAMAGED: hits of the row and new ones overlap. */
    entry->stale =
        rc < 0 && entry->merged && (err->kind == PP_ERR_CHANGED || err->kind == PP_ERR_DAMAGED);
    return rc;
}
