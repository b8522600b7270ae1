#include "journal/recovery.h"

#include "base/cleanup.h"
#include "journal/make.h"
#include "journal/overlay.h"
#include "ledger/intent.h"
#include "ledger/pristine.h"
#include "tree/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum verdict {
    SETTLE, /* it is as intended now */
    DROP,   /* nothing was written */
    LEAVE,  /* somebody changed it: the intent is void; the error says so */
    KEEP,   /* could not be looked into: the error says why */
};

struct decision {
    char *path;
    bool undo;
    enum verdict verdict;
    struct pp_err err;
};

struct recovery {
    struct pp_journal *journal;
    struct decision *decisions;
    size_t count;
};

static void recovery_done(struct recovery *recovery) {
    for (size_t i = 0; i < recovery->count; i++)
        free(recovery->decisions[i].path);
    free(recovery->decisions);
}

static enum verdict leave(struct pp_err *err) {
    pp_err_set(err, PP_ERR_CHANGED, "changed by somebody since a run was cut off");
    return LEAVE;
}

/* The spans of an intent, by way of an entry. */
static struct pp_entry *intended_entry(struct pp_journal *journal,
                                       const struct pp_ledger_intent *intent, struct pp_err *err) {
    struct pp_identity nobody = {0};
    struct pp_entry *entry = pp_entry_from_row(&intent->file, &nobody, err);

    if (entry == NULL)
        return NULL;
    entry->undo = intent->undo;
    entry->set = pp_texts_load(&journal->texts, intent->file.set, err);
    for (size_t i = 0; i < entry->hit_count && entry->set != NULL; i++)
        if (entry->hits[i].was != 0 && !entry->undo &&
            pp_texts_load(&journal->texts, entry->hits[i].was, err) == NULL)
            entry->set = NULL;
    if (entry->set != NULL)
        return entry;
    pp_entry_free(entry);
    return NULL;
}

/* Does the open file still hold what the intent is about? Then the rest of it is written. */
static enum verdict finish_spans(struct pp_journal *journal, const struct pp_ledger_intent *intent,
                                 const struct pp_entry *entry, int fd, const struct stat *st,
                                 struct pp_err *err) {
    PP_AUTO(pp_entry_spans_done) struct pp_entry_spans spans = {0};
    struct pp_overlay overlay = {
        .span_count = entry->hit_count, .torn = true, .wanted = {[PP_OVERLAY_SHIPPED] = true}};
    struct pp_blob blob = pp_blob_file(fd, 0, (uint64_t)st->st_size);
    bool touched = false;

    if (pp_entry_spans_init(&spans, entry, &journal->texts, err) < 0)
        return KEEP;
    overlay.spans = spans.spans;
    overlay.shipped = spans.shipped;
    if (pp_overlay_read(&overlay, &blob, NULL, err) < 0)
        return err->kind == PP_ERR_CHANGED ? leave(err) : KEEP;
    if (memcmp(overlay.digests[PP_OVERLAY_SHIPPED].sha256, entry->shipped.sha256, PP_SHA256_LEN) !=
            0 ||
        ((uint64_t)st->st_ino != intent->ino && !overlay.started))
        return leave(err);
    if (pp_durable_add(&journal->durable, fd, err) < 0 ||
        pp_inplace_write(fd, spans.spans, entry->hit_count, &intent->file.mtime, true, &touched,
                         err) < 0 ||
        pp_durable_one(&journal->durable, fd, err) < 0)
        return KEEP;
    return SETTLE;
}

static enum verdict finish_inplace(struct pp_journal *journal,
                                   const struct pp_ledger_intent *intent,
                                   const struct pp_place *place, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(place->dir, place->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_entry *entry;
    enum verdict verdict;
    struct stat st;

    if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == EISDIR || errno == ENXIO))
        return leave(err);
    if (fd < 0 || fstat(fd, &st) < 0) {
        pp_err_sys(err, "cannot open it to end what a run began");
        return KEEP;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != intent->file.size)
        return leave(err);
    entry = intended_entry(journal, intent, err);
    if (entry == NULL)
        return KEEP;
    verdict = finish_spans(journal, intent, entry, fd, &st, err);
    pp_entry_free(entry);
    return verdict;
}

/* The digest of what has a name, and what it looks like. Returns 1, or 0 when nothing has. */
static int digest_at(const struct pp_place *place, const char *name, struct stat *st,
                     uint8_t sha256[PP_SHA256_LEN], struct pp_err *err) {
    struct pp_identity identity;
    struct pp_digest digest;
    int rc;

    if (fstatat(place->dir, name, st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : pp_err_sys(err, "cannot look at it");
    if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
        return pp_err_set(err, PP_ERR_CHANGED, "no longer a file of its kind");
    identity = pp_identity_of(st);
    rc = pp_make_digest(place->dir, name, &identity, false, &digest, err);
    memcpy(sha256, digest.sha256, PP_SHA256_LEN);
    return rc < 0 ? rc : 1;
}

static enum verdict finish_rename(const struct pp_ledger_intent *intent,
                                  const struct pp_place *place, struct pp_err *err) {
    const uint8_t *want = intent->file.current.sha256;
    uint8_t target[PP_SHA256_LEN];
    uint8_t temporary[PP_SHA256_LEN];
    struct pp_identity identity;
    struct stat temporary_st;
    struct stat st;
    int rc = digest_at(place, place->name, &st, target, err);

    if (rc > 0 && memcmp(target, want, PP_SHA256_LEN) == 0)
        return SETTLE;
    if (rc < 0)
        return err->kind == PP_ERR_CHANGED ? leave(err) : KEEP;
    if (rc == 0 || memcmp(target, intent->old, PP_SHA256_LEN) != 0)
        return leave(err);
    rc = digest_at(place, intent->temporary, &temporary_st, temporary, err);
    if (rc < 0 && err->kind != PP_ERR_CHANGED)
        return KEEP;
    if (rc <= 0 || memcmp(temporary, want, PP_SHA256_LEN) != 0)
        return DROP;
    identity = pp_identity_of(&st);
    if (pp_replace_commit(place->dir, intent->temporary, place->name, &identity, false, err) < 0)
        return KEEP;
    return SETTLE;
}

/* A folder that is gone took the file with it; one that cannot be opened may come back. */
static bool is_gone(const struct pp_err *err) {
    return err->kind == PP_ERR_REFUSED ||
           (err->kind == PP_ERR_SYSTEM && (err->sys == ENOENT || err->sys == ENOTDIR));
}

static enum verdict finish(struct pp_journal *journal, const struct pp_ledger_intent *intent,
                           struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    PP_AUTO_CLOSE int folder = -1;
    enum verdict verdict;

    if (pp_beneath_find(journal->options.root, intent->file.path, PP_BENEATH_STRICT, &place, err) <
        0)
        return is_gone(err) ? leave(err) : KEEP;
    if (intent->temporary == NULL)
        return finish_inplace(journal, intent, &place, err);
    folder = openat(place.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        pp_err_sys(err, "cannot open its folder");
        return KEEP;
    }
    if (pp_durable_add(&journal->durable, folder, err) < 0)
        return KEEP;
    verdict = finish_rename(intent, &place, err);
    if (verdict == DROP || verdict == LEAVE)
        unlinkat(place.dir, intent->temporary, 0);
    return verdict;
}

static int decide(void *context, const struct pp_ledger_intent *intent, struct pp_err *err) {
    struct recovery *recovery = context;
    struct decision *decisions =
        realloc(recovery->decisions, (recovery->count + 1) * sizeof(*decisions));
    struct decision *decision;

    if (decisions == NULL)
        return pp_err_nomem(err);
    recovery->decisions = decisions;
    decision = &decisions[recovery->count];
    *decision = (struct decision){.path = strdup(intent->file.path), .undo = intent->undo};
    if (decision->path == NULL)
        return pp_err_nomem(err);
    recovery->count++;
    decision->verdict = finish(recovery->journal, intent, &decision->err);
    return 0;
}

static int drop_stray(void *context, const char *path, struct pp_err *err) {
    struct pp_journal *journal = context;
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;

    if (pp_beneath_find(journal->options.root, path, PP_BENEATH_STRICT, &place, err) < 0) {
        pp_err_clear(err);
        return 0;
    }
    if (unlinkat(place.dir, place.name, 0) < 0 && errno != ENOENT && errno != EROFS)
        return pp_err_sys(err, "cannot drop the temporary %s of a run that was cut off", path);
    return 0;
}

static int settle(struct recovery *recovery, struct pp_err *err) {
    struct pp_ledger *ledger = recovery->journal->ledger;
    int rc = pp_ledger_begin(ledger, err);

    for (size_t i = 0; i < recovery->count && rc >= 0; i++) {
        const struct decision *decision = &recovery->decisions[i];

        if (decision->verdict == SETTLE)
            rc = pp_ledger_settle(ledger, decision->path, err);
        else if (decision->verdict != KEEP)
            rc = pp_ledger_drop_intent(ledger, decision->path, err);
    }
    if (rc >= 0)
        rc = pp_ledger_clear_temporaries(ledger, err);
    if (rc >= 0)
        rc = pp_ledger_commit(ledger, err);
    if (rc < 0)
        pp_ledger_rollback(ledger);
    return rc;
}

static void tell(const struct recovery *recovery) {
    for (size_t i = 0; i < recovery->count; i++) {
        const struct decision *decision = &recovery->decisions[i];

        bool done = decision->verdict == SETTLE;

        if (decision->verdict != DROP)
            pp_batch_tell(recovery->journal,
                          &(struct pp_journal_result){
                              .path = decision->path,
                              .outcome = done ? PP_JOURNAL_RECOVERED : PP_JOURNAL_LEFT,
                              .undone = decision->undo,
                              .err = done ? NULL : &decision->err,
                          });
    }
}

static int sync_all(struct pp_journal *journal, struct pp_err *err) {
    int rc = pp_durable_sync(&journal->durable, err);

    return rc < 0 ? pp_err_context(err, "%s/", journal->options.root_path) : 0;
}

int pp_recovery_run(struct pp_journal *journal, struct pp_err *err) {
    PP_AUTO(recovery_done) struct recovery recovery = {.journal = journal};
    int rc = pp_ledger_pending(journal->ledger, err);

    if (rc <= 0)
        return rc;
    rc = pp_ledger_intents(journal->ledger, decide, &recovery, err);
    if (rc >= 0)
        rc = pp_ledger_temporaries(journal->ledger, drop_stray, journal, err);
    if (rc >= 0)
        rc = pp_batch_folder_times(journal, err);
    if (rc >= 0)
        rc = sync_all(journal, err);
    if (rc >= 0)
        rc = settle(&recovery, err);
    /* Copies of shipped bytes may have been made for intents that never came to be. */
    if (rc >= 0)
        rc = pp_pristine_sweep(&journal->state, journal->ledger, err);
    if (rc >= 0)
        rc = pp_ledger_swept(journal->ledger, err);
    if (rc >= 0)
        tell(&recovery);
    return rc;
}
