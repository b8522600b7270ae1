#include "journal/batch.h"

#include "base/cleanup.h"
#include "journal/make.h"
#include "journal/plan.h"
#include "ledger/intent.h"
#include "ledger/pristine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH_COUNT_MAX 4096
#define BATCH_LEN_MAX ((size_t)8 << 20)

/* Neighbours share the way down to their folder; this many stay together in one thread. */
#define CHUNK_COUNT 16

/* One step for one entry. What fails is a matter of that entry alone. */
typedef int step_fn(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                    struct pp_err *err);

struct phase {
    struct pp_journal *journal;
    step_fn *step;
    size_t chunk_count;
};

static bool is_alive(const struct pp_entry *entry) {
    return entry->names[0].err == NULL;
}

static void run_chunk(void *arg, size_t index) {
    struct phase *phase = arg;
    struct pp_journal *journal = phase->journal;
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    size_t end = (index + 1) * phase->chunk_count;

    for (size_t i = index * phase->chunk_count; i < end && i < journal->entry_count; i++) {
        struct pp_entry *entry = journal->entries[i];
        struct pp_err err = PP_ERR_INIT;

        if (is_alive(entry) && phase->step(journal, entry, &place, &err) < 0)
            pp_entry_fail_all(entry, &err);
    }
}

/* Calls job(arg, i) for each i below `count`, in any threads. */
static void run_jobs(const struct pp_journal *journal, size_t count,
                     void (*job)(void *arg, size_t i), void *arg) {
    if (journal->options.parallel != NULL) {
        journal->options.parallel(journal->options.context, count, job, arg);
        return;
    }
    for (size_t i = 0; i < count; i++)
        job(arg, i);
}

/* Takes a step for every entry that is alive. */
static void run_parallel(struct pp_journal *journal, step_fn *step, size_t chunk_count) {
    struct phase phase = {journal, step, chunk_count};

    run_jobs(journal, (journal->entry_count + chunk_count - 1) / chunk_count, run_chunk, &phase);
}

static void run_in_order(struct pp_journal *journal, step_fn *step) {
    struct phase phase = {journal, step, journal->entry_count};

    run_chunk(&phase, 0);
}

static int find(const struct pp_journal *journal, const struct pp_entry *entry, size_t name,
                struct pp_place *place, struct pp_err *err) {
    return pp_beneath_find(journal->options.root, entry->names[name].path, PP_BENEATH_STRICT, place,
                           err);
}

/* The path of a sibling of `path`: its folder, and `name`. */
static int sibling_path(const struct pp_place *place, const char *name, struct pp_buffer *path,
                        struct pp_err *err) {
    int rc = pp_buffer_append(path, place->path.data, place->dir_len, err);

    return rc < 0 ? rc : pp_buffer_printf(path, err, place->dir_len > 0 ? "/%s" : "%s", name);
}

static int announce_name(struct pp_journal *journal, struct pp_entry_name *name,
                         const struct pp_place *place, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer folder = PP_BUFFER_INIT;
    struct stat st;
    int rc;

    if (fstat(place->dir, &st) < 0)
        return pp_err_sys(err, "cannot look at a folder");
    pp_temporary_name(journal->seed++, name->temporary);
    rc = sibling_path(place, name->temporary, &path, err);
    if (rc >= 0)
        rc = pp_buffer_append(&folder, place->path.data, place->dir_len, err);
    if (rc >= 0)
        rc = pp_ledger_put_temporary(journal->ledger, (const char *)path.data, err);
    return rc < 0 ? rc
                  : pp_ledger_put_folder_time(journal->ledger, (const char *)folder.data,
                                              &st.st_mtim, err);
}

/* Names the temporaries. Returns how many there will be. */
static int announce(struct pp_journal *journal, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    int count = 0;
    int rc = 0;

    for (size_t i = 0; i < journal->entry_count && rc >= 0; i++) {
        struct pp_entry *entry = journal->entries[i];

        for (size_t k = 0; k < entry->name_count && entry->replace && is_alive(entry) && rc >= 0;
             k++) {
            struct pp_err failure = PP_ERR_INIT;

            if (entry->names[k].err != NULL)
                continue;
            if (find(journal, entry, k, &place, &failure) < 0) {
                pp_entry_fail_all(entry, &failure);
            } else {
                rc = count++ == 0 ? pp_ledger_begin(journal->ledger, err) : 0;
                if (rc >= 0)
                    rc = announce_name(journal, &entry->names[k], &place, err);
            }
        }
    }
    if (rc >= 0 && count > 0)
        rc = pp_ledger_commit(journal->ledger, err);
    return rc < 0 ? rc : count;
}

static int make(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                struct pp_err *err) {
    int rc = find(journal, entry, 0, place, err);
    return rc < 0 ? rc : pp_make(journal, entry, place, err);
}

static int make_link(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                     struct pp_err *err) {
    bool is_link = entry->kind == PP_LEDGER_SYMLINK;

    return is_link && entry->replace ? make(journal, entry, place, err) : 0;
}

static int make_file(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                     struct pp_err *err) {
    bool is_link = entry->kind == PP_LEDGER_SYMLINK;

    return !is_link && entry->replace ? make(journal, entry, place, err) : 0;
}

int pp_batch_record_values(struct pp_journal *journal, struct pp_err *err) {
    const struct pp_journal_options *options = &journal->options;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int rc = 0;

    if (journal->values_written)
        return 0;
    for (size_t i = 0; i < options->value_count && rc >= 0; i++)
        rc = pp_buffer_printf(&text, err, "%s=%s\n", options->values[i].name,
                              options->values[i].value);
    if (rc >= 0)
        rc = pp_state_write_values(&journal->state, &text,
                                   options->durability != PP_DURABILITY_NONE, err);
    journal->values_written = rc >= 0;
    return rc;
}

/* The values of the root are those of the intents: no file has a value that is not recorded. */
static int record_values(struct pp_journal *journal, struct pp_err *err) {
    bool writes = false;

    for (size_t i = 0; i < journal->entry_count; i++)
        writes = writes || (is_alive(journal->entries[i]) && !journal->entries[i]->undo);
    return writes ? pp_batch_record_values(journal, err) : 0;
}

static int intend_entry(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer hits = PP_BUFFER_INIT;
    struct pp_ledger_intent intent = {
        .file = {.package = entry->package,
                 .kind = entry->kind,
                 .size = entry->size,
                 .mtime = entry->mtime,
                 .shipped = entry->shipped,
                 .current = entry->current,
                 .set = entry->set->number,
                 .members = entry->members,
                 .members_len = entry->members_len},
        .undo = entry->undo,
        .ino = entry->identity.ino,
    };
    int rc = pp_hits_pack(entry->hits, entry->hit_count, &hits, err);

    intent.file.hits = hits.data;
    intent.file.hits_len = hits.len;
    memcpy(intent.old, entry->old, PP_SHA256_LEN);
    for (size_t i = 0; i < entry->name_count && rc >= 0; i++) {
        if (entry->names[i].err != NULL)
            continue;
        intent.file.path = entry->names[i].path;
        intent.temporary = entry->replace ? entry->names[i].temporary : NULL;
        rc = pp_ledger_put_intent(journal->ledger, &intent, err);
        entry->names[i].intended = true;
    }
    return rc;
}

static int intend(struct pp_journal *journal, struct pp_err *err) {
    int rc = record_values(journal, err);

    if (rc >= 0)
        rc = pp_ledger_begin(journal->ledger, err);
    for (size_t i = 0; i < journal->entry_count && rc >= 0; i++)
        if (is_alive(journal->entries[i]))
            rc = intend_entry(journal, journal->entries[i], err);
    return rc < 0 ? rc : pp_ledger_commit(journal->ledger, err);
}

static int write_inplace(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
                         struct pp_err *err) {
    PP_AUTO(pp_entry_spans_done) struct pp_entry_spans spans = {0};
    PP_AUTO_CLOSE int fd = -1;
    bool touched = false;
    struct stat st;
    int rc;

    if (entry->replace)
        return 0;
    rc = pp_entry_spans_init(&spans, entry, &journal->texts, err);
    if (rc >= 0)
        rc = find(journal, entry, 0, place, err);
    if (rc < 0)
        return rc;
    fd = pp_inplace_open(place->dir, place->name, &entry->identity, &st, err);
    if (fd < 0)
        return fd;
    rc = pp_inplace_write(fd, spans.spans, entry->hit_count, &entry->mtime, false, &touched, err);
    if (rc >= 0)
        rc = pp_durable_one(&journal->durable, fd, err);
    for (size_t i = 0; i < entry->name_count; i++)
        entry->names[i].kept = rc < 0 && touched;
    return rc;
}

/* Renames all names. When the leading one cannot be, none is; when another one cannot be, and not
 * because somebody changed it, the next run does it: hard links stay hard links. */
static int write_replaced(struct pp_journal *journal, struct pp_entry *entry,
                          struct pp_place *place, struct pp_err *err) {
    int rc = 0;

    for (size_t i = 0; i < entry->name_count && entry->replace; i++) {
        struct pp_entry_name *name = &entry->names[i];

        if (name->err != NULL)
            continue;
        pp_place_forget_way(place);
        rc = find(journal, entry, i, place, err);
        if (rc >= 0)
            rc = pp_replace_commit(place->dir, name->temporary, place->name, &entry->identity,
                                   i > 0, err);
        if (rc < 0 && i == 0)
            return rc;
        if (rc < 0) {
            pp_entry_fail(entry, i, err);
            name->kept = err->kind != PP_ERR_CHANGED;
        }
        if (rc >= 0 || name->kept)
            name->temporary[0] = '\0';
    }
    return 0;
}

/* Drops the temporaries that did not get their name. One that cannot be dropped, since its folder
 * was moved meanwhile, stays behind. */
static void drop_temporaries(struct pp_journal *journal) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;

    for (size_t i = 0; i < journal->entry_count; i++) {
        struct pp_entry *entry = journal->entries[i];

        for (size_t k = 0; k < entry->name_count; k++) {
            struct pp_err ignored = PP_ERR_INIT;

            if (entry->names[k].temporary[0] != '\0' &&
                find(journal, entry, k, &place, &ignored) >= 0)
                unlinkat(place.dir, entry->names[k].temporary, 0);
        }
    }
}

/* A folder that is gone, or whose time is not ours to set, is no reason to stop. */
static bool is_lost(const struct pp_err *err) {
    return err->kind == PP_ERR_REFUSED ||
           (err->kind == PP_ERR_SYSTEM &&
            (err->sys == ENOENT || err->sys == ENOTDIR || err->sys == EPERM || err->sys == EACCES));
}

static int restore_folder_time(void *context, const char *path, const struct timespec *mtime,
                               struct pp_err *err) {
    struct pp_journal *journal = context;
    PP_AUTO_CLOSE int fd = pp_beneath_open(journal->options.root, path, PP_BENEATH_STRICT,
                                           O_RDONLY | O_DIRECTORY, err);
    int rc = fd < 0 ? fd : pp_replace_folder_time(fd, mtime, err);

    if (rc < 0 && is_lost(err)) {
        pp_err_clear(err);
        rc = 0;
    }
    if (rc >= 0 && fd >= 0)
        rc = pp_durable_one(&journal->durable, fd, err);
    return rc < 0 ? pp_err_context(err, "%s/%s", journal->options.root_path, path) : 0;
}

int pp_batch_folder_times(struct pp_journal *journal, struct pp_err *err) {
    return pp_ledger_folder_times(journal->ledger, restore_folder_time, journal, err);
}

/* Up to the commit. */
static int settle(struct pp_journal *journal, struct pp_err *err) {
    int rc = pp_ledger_begin(journal->ledger, err);

    for (size_t i = 0; i < journal->entry_count; i++) {
        struct pp_entry *entry = journal->entries[i];

        for (size_t k = 0; k < entry->name_count && rc >= 0; k++) {
            const struct pp_entry_name *name = &entry->names[k];

            if (name->err == NULL)
                rc = pp_ledger_settle(journal->ledger, name->path, err);
            else if (name->intended && !name->kept)
                rc = pp_ledger_drop_intent(journal->ledger, name->path, err);
        }
    }
    return rc < 0 ? rc : pp_ledger_clear_temporaries(journal->ledger, err);
}

int pp_batch_sweep(struct pp_journal *journal, struct pp_err *err) {
    int rc = pp_ledger_sweep_due(journal->ledger, err);

    if (rc > 0)
        rc = pp_pristine_sweep(&journal->state, journal->ledger, err);
    else
        return rc;
    return rc < 0 ? rc : pp_ledger_swept(journal->ledger, err);
}

static bool any_alive(const struct pp_journal *journal) {
    for (size_t i = 0; i < journal->entry_count; i++)
        if (is_alive(journal->entries[i]))
            return true;
    return false;
}

/* It has no name of its own: the first of its files stands for it. */
static int sync_batch(struct pp_journal *journal, struct pp_err *err) {
    int rc = pp_durable_sync(&journal->durable, err);

    return rc < 0 ? pp_err_context(err, "%s/%s and what goes with it", journal->options.root_path,
                                   journal->entries[0]->names[0].path)
                  : 0;
}

struct ending {
    struct pp_journal *journal;
    struct pp_err errs[2];
    int rcs[2];
};

static void run_ending(void *arg, size_t i) {
    struct ending *ending = arg;

    ending->rcs[i] = (i == 0 ? sync_batch : settle)(ending->journal, &ending->errs[i]);
}

/* The ledger is made ready while the disk is waited for: its commit waits for both. */
static int end_batch(struct pp_journal *journal, struct pp_err *err) {
    struct ending ending = {.journal = journal};

    run_jobs(journal, 2, run_ending, &ending);
    for (int i = 0; i < 2; i++) {
        if (ending.rcs[i] < 0) {
            *err = ending.errs[i];
            return ending.rcs[i];
        }
    }
    return journal->settles_late ? 0 : pp_ledger_commit(journal->ledger, err);
}

static int write_batch(struct pp_journal *journal, struct pp_err *err) {
    int temporary_count = announce(journal, err);
    int rc = temporary_count;

    if (rc > 0) {
        /* Files may take long, each by itself. Links are many, and one folder holds most. */
        run_parallel(journal, make_file, 1);
        run_parallel(journal, make_link, CHUNK_COUNT);
        rc = sync_batch(journal, err);
    }
    if (rc >= 0)
        rc = intend(journal, err);
    if (rc < 0)
        return rc;
    run_parallel(journal, write_inplace, CHUNK_COUNT);
    if (temporary_count > 0) {
        run_parallel(journal, write_replaced, CHUNK_COUNT);
        drop_temporaries(journal);
        rc = pp_batch_folder_times(journal, err);
    }
    return rc < 0 ? rc : end_batch(journal, err);
}

void pp_batch_tell(const struct pp_journal *journal, const struct pp_journal_result *result) {
    journal->options.result(journal->options.context, result);
}

static void tell_entry(const struct pp_journal *journal, const struct pp_entry *entry) {
    for (size_t i = 0; i < entry->name_count; i++) {
        const struct pp_err *err = entry->names[i].err;
        struct pp_journal_result result = {
            .path = entry->names[i].path,
            .outcome = entry->stale  ? PP_JOURNAL_STALE
                       : err == NULL ? PP_JOURNAL_DONE
                                     : PP_JOURNAL_LEFT,
            .undone = entry->undo,
            .copied = err == NULL && entry->names[i].copied,
            .err = err,
        };

        pp_batch_tell(journal, &result);
    }
}

/* One of a file that is written in place, else of the temporary, of the shipped bytes, and of the
 * folders of both. */
static size_t count_syncs(const struct pp_journal *journal) {
    size_t count = 0;

    for (size_t i = 0; i < journal->entry_count; i++)
        count += journal->entries[i]->kind == PP_LEDGER_PLAIN ? 1 : 4;
    return count;
}

int pp_batch_write(struct pp_journal *journal, struct pp_err *err) {
    int rc = 0;

    if (journal->entry_count == 0)
        return 0;
    pp_durable_begin(&journal->durable, count_syncs(journal));
    run_in_order(journal, pp_plan);
    run_parallel(journal, pp_plan_check, CHUNK_COUNT);
    if (!journal->options.dry_run && any_alive(journal))
        rc = write_batch(journal, err);
    if (rc < 0) {
        pp_ledger_rollback(journal->ledger);
        drop_temporaries(journal);
    }
    for (size_t i = 0; i < journal->entry_count && rc >= 0; i++)
        tell_entry(journal, journal->entries[i]);
    pp_batch_clear(journal);
    return rc;
}

void pp_batch_clear(struct pp_journal *journal) {
    for (size_t i = 0; i < journal->entry_count; i++)
        pp_entry_free(journal->entries[i]);
    journal->entry_count = 0;
    journal->entries_len = 0;
}

int pp_batch_add(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err) {
    if (journal->entry_count == journal->entry_cap) {
        size_t cap = journal->entry_cap == 0 ? 64 : 2 * journal->entry_cap;
        struct pp_entry **entries = realloc(journal->entries, cap * sizeof(struct pp_entry *));

        if (entries == NULL) {
            pp_entry_free(entry);
            return pp_err_nomem(err);
        }
        journal->entries = entries;
        journal->entry_cap = cap;
    }
    journal->entries[journal->entry_count++] = entry;
    journal->entries_len += pp_entry_len(entry);
    if (journal->entry_count < BATCH_COUNT_MAX && journal->entries_len < BATCH_LEN_MAX)
        return 0;
    return pp_batch_write(journal, err);
}

int pp_batch_need_set(struct pp_journal *journal, struct pp_err *err) {
    uint32_t number;
    int rc;

    if (journal->set != NULL)
        return 0;
    rc = pp_ledger_set(journal->ledger, journal->options.values, journal->options.value_count,
                       &number, err);
    if (rc < 0)
        return rc;
    journal->set = pp_texts_load(&journal->texts, number, err);
    return journal->set != NULL ? 0 : -(int)err->kind;
}
