#include "journal/complete.h"

#include "base/array.h"
#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/source.h"
#include "journal/entry.h"
#include "journal/make.h"
#include "journal/overlay.h"
#include "ledger/pristine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Of plain content: what is there, and with the placeholders in it. */
static int digest_plain(const struct pp_journal *journal, const struct pp_entry *entry,
                        const struct pp_place *place, struct pp_digest *found,
                        struct pp_digest *shipped, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    PP_AUTO(pp_entry_spans_done) struct pp_entry_spans spans = {0};
    struct pp_blob blob = pp_blob_file(fd, 0, entry->identity.size);
    struct pp_overlay overlay = {
        .span_count = entry->hit_count,
        .wanted = {[PP_OVERLAY_FOUND] = true, [PP_OVERLAY_PUT] = true},
        .md5 = true,
    };
    int rc;

    if (fd < 0)
        return pp_err_sys(err, "cannot open it");
    rc = pp_entry_spans_init(&spans, entry, &journal->texts, err);
    overlay.spans = spans.spans;
    overlay.shipped = spans.shipped;
    if (rc >= 0)
        rc = pp_overlay_read(&overlay, &blob, NULL, err);
    *found = overlay.digests[PP_OVERLAY_FOUND];
    *shipped = overlay.digests[PP_OVERLAY_PUT];
    return rc;
}

static void free_entry(struct pp_entry **entry) {
    pp_entry_free(*entry);
}

/* Of compressed content, whose shipped bytes are kept. */
static int digest_rewritten(const struct pp_journal *journal, const struct pp_entry *entry,
                            const struct pp_place *place, struct pp_digest *found,
                            struct pp_digest *shipped, struct pp_err *err) {
    PP_AUTO_CLOSE int fd = -1;
    PP_AUTO_SOURCE struct pp_source *source = NULL;
    struct pp_err lost = PP_ERR_INIT;
    struct pp_blob blob;
    struct stat st;
    int rc = pp_make_digest(place->dir, place->name, &entry->identity, true, found, err);

    if (rc < 0)
        return rc;
    /* Lost bytes cannot be put back, so nobody will ask for their MD5. */
    fd = pp_pristine_open(&journal->state, entry->shipped.sha256, &lost);
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at its shipped bytes");
    blob = pp_blob_file(fd, 0, (uint64_t)st.st_size);
    source = pp_source_from_blob(&blob, err);
    return source == NULL ? -(int)err->kind : pp_digest_source(source, true, shipped, err);
}

struct completing {
    struct pp_journal *journal;
    struct pp_digest shipped;
    struct pp_digest found;
    char **paths; /* of the rows that lack an MD5 */
    size_t path_count;
};

static void completing_done(struct completing *completing) {
    for (size_t i = 0; i < completing->path_count; i++)
        free(completing->paths[i]);
    free(completing->paths);
}

/* dpkg has no MD5 of a symlink. */
static int note_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct completing *completing = context;
    char **paths;

    if (file->kind == PP_LEDGER_SYMLINK || pp_digest_has_md5(&file->current))
        return 0;
    paths = pp_array_resize(completing->paths, completing->path_count + 1, sizeof(*paths));
    if (paths == NULL)
        return pp_err_nomem(err);
    completing->paths = paths;
    paths[completing->path_count] = strdup(file->path);
    return paths[completing->path_count++] == NULL ? pp_err_nomem(err) : 0;
}

/* Returns 1 when the file is as the row says. */
static int look_at_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct completing *completing = context;
    struct pp_journal *journal = completing->journal;
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    PP_AUTO(free_entry) struct pp_entry *entry = NULL;
    struct pp_identity identity;
    struct stat st;
    int rc = pp_beneath_find(journal->options.root, file->path, PP_BENEATH_STRICT, &place, err);

    if (rc >= 0 && fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        rc = pp_err_sys(err, "cannot look at it");
    if (rc < 0)
        return rc;
    if ((uint64_t)st.st_size != file->size)
        return 0;
    identity = pp_identity_of(&st);
    entry = pp_entry_from_row(file, &identity, err);
    if (entry == NULL)
        return -(int)err->kind;
    entry->undo = true;
    entry->set = pp_texts_load(&journal->texts, file->set, err);
    if (entry->set == NULL)
        return -(int)err->kind;
    completing->shipped = file->shipped;
    rc = (file->kind == PP_LEDGER_PLAIN ? digest_plain : digest_rewritten)(
        journal, entry, &place, &completing->found, &completing->shipped, err);
    if (rc < 0)
        return rc;
    return memcmp(completing->found.sha256, file->current.sha256, PP_SHA256_LEN) == 0 &&
           memcmp(completing->shipped.sha256, file->shipped.sha256, PP_SHA256_LEN) == 0;
}

/* A file that changed since keeps a row without: it is as good as unknown. So does one that cannot
 * be read now, which is told: until it can be, dpkg finds it changed. */
static int complete(struct completing *completing, const char *path, struct pp_err *err) {
    struct pp_ledger *ledger = completing->journal->ledger;
    struct pp_err failure = PP_ERR_INIT;
    int rc = pp_ledger_find(ledger, path, look_at_row, completing, &failure);

    if (rc < 0 && pp_err_is_transient(&failure)) {
        *err = failure;
        return pp_err_context(err, "%s", path);
    }
    if (rc < 0 && !pp_err_says_gone(&failure))
        pp_batch_tell(
            completing->journal,
            &(struct pp_journal_result){.path = path, .outcome = PP_JOURNAL_LEFT, .err = &failure});
    return rc <= 0
               ? 0
               : pp_ledger_put_digests(ledger, path, &completing->shipped, &completing->found, err);
}

int pp_complete_rows(struct pp_journal *journal, struct pp_err *err) {
    PP_AUTO(completing_done) struct completing completing = {.journal = journal};
    const struct pp_ledger_filter unowned = {.package = ""};
    int rc = pp_ledger_files(journal->ledger, &unowned, note_row, &completing, err);

    if (rc < 0 || completing.path_count == 0)
        return rc;
    rc = pp_ledger_begin(journal->ledger, err);
    for (size_t i = 0; rc >= 0 && i < completing.path_count; i++)
        rc = complete(&completing, completing.paths[i], err);
    return rc < 0 ? rc : pp_ledger_commit(journal->ledger, err);
}
