/* Restore and revalue: changes that come from rows. */
#include "base/beneath.h"
#include "journal/batch.h"
#include "journal/entry.h"
#include "journal/journal.h"
#include "journal/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Rows are read in pages: while they are read the ledger is not written. */
#define PAGE_COUNT 1024

struct recorded {
    struct pp_journal *journal;
    const struct pp_journal_rows *rows;
    bool undo;
    pp_journal_rewrite_fn *rewrite;
    void *rewrite_context;
    struct pp_place place;
    struct pp_entry **page;
    size_t page_count;
    char *last;  /* path of the last row of the page */
    char **same; /* paths of the rows whose files have what they shall have */
    size_t same_count;
    /* Entries whose inode has names that were not met yet. */
    struct pp_entry **open;
    size_t *links_left;
    size_t open_count;
};

static void recorded_done(struct recorded *recorded) {
    for (size_t i = 0; i < recorded->page_count; i++)
        pp_entry_free(recorded->page[i]);
    for (size_t i = 0; i < recorded->open_count; i++)
        pp_entry_free(recorded->open[i]);
    for (size_t i = 0; i < recorded->same_count; i++)
        free(recorded->same[i]);
    free(recorded->page);
    free(recorded->same);
    free(recorded->open);
    free(recorded->links_left);
    free(recorded->last);
    pp_place_done(&recorded->place);
}

/* Gives the entry its sets. */
static int turn(struct recorded *recorded, struct pp_entry *entry, uint32_t number,
                struct pp_err *err) {
    struct pp_journal *journal = recorded->journal;
    const struct pp_text_set *was = pp_texts_load(&journal->texts, number, err);

    if (was == NULL)
        return -(int)err->kind;
    entry->undo = recorded->undo;
    entry->rewrite = recorded->rewrite;
    entry->context = recorded->rewrite_context;
    entry->set = recorded->undo ? was : journal->set;
    return recorded->undo ? 0
                          : pp_merge_turn(entry->hits, entry->hit_count, was, journal->set, err);
}

static int look(struct recorded *recorded, const char *path, struct stat *st, struct pp_err *err) {
    int rc = pp_beneath_find(recorded->journal->options.root, path, PP_BENEATH_STRICT,
                             &recorded->place, err);

    if (rc < 0)
        return rc;
    if (fstatat(recorded->place.dir, recorded->place.name, st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? pp_err_set(err, PP_ERR_CHANGED, "gone")
                               : pp_err_sys(err, "cannot look at it");
    return 0;
}

/* Finds the entry that another name of the inode has begun. */
static struct pp_entry *find_open(const struct recorded *recorded, const struct stat *st,
                                  const struct pp_ledger_file *file, size_t *index) {
    for (size_t i = 0; i < recorded->open_count; i++) {
        struct pp_entry *entry = recorded->open[i];

        if (entry->identity.ino == (uint64_t)st->st_ino &&
            entry->identity.dev == (uint64_t)st->st_dev && entry->kind == file->kind &&
            memcmp(entry->row_current.sha256, file->current.sha256, PP_SHA256_LEN) == 0) {
            *index = i;
            return entry;
        }
    }
    return NULL;
}

static void close_entry(struct recorded *recorded, size_t index) {
    recorded->page[recorded->page_count++] = recorded->open[index];
    recorded->open_count--;
    recorded->open[index] = recorded->open[recorded->open_count];
    recorded->links_left[index] = recorded->links_left[recorded->open_count];
}

static int open_entry(struct recorded *recorded, struct pp_entry *entry, size_t links_left,
                      struct pp_err *err) {
    size_t count = recorded->open_count + 1;
    struct pp_entry **open = realloc(recorded->open, count * sizeof(struct pp_entry *));
    size_t *left = realloc(recorded->links_left, count * sizeof(*left));

    if (open != NULL)
        recorded->open = open;
    if (left != NULL)
        recorded->links_left = left;
    if (open == NULL || left == NULL) {
        pp_entry_free(entry);
        return pp_err_nomem(err);
    }
    open[recorded->open_count] = entry;
    left[recorded->open_count++] = links_left;
    return 0;
}

/* A row whose file can be looked at. */
static int take_row(struct recorded *recorded, const struct pp_ledger_file *file,
                    const struct stat *st, struct pp_err *err) {
    struct pp_identity identity = pp_identity_of(st);
    size_t index;
    struct pp_entry *entry = find_open(recorded, st, file, &index);
    int rc;

    if (entry != NULL) {
        rc = pp_entry_add_name(entry, file->path, err);
        if (rc >= 0 && --recorded->links_left[index] == 0)
            close_entry(recorded, index);
        return rc;
    }
    entry = pp_entry_from_row(file, &identity, err);
    if (entry == NULL)
        return -(int)err->kind;
    rc = turn(recorded, entry, file->set, err);
    if (rc < 0) {
        pp_entry_free(entry);
        return rc;
    }
    if (st->st_nlink > 1)
        return open_entry(recorded, entry, (size_t)st->st_nlink - 1, err);
    recorded->page[recorded->page_count++] = entry;
    return 0;
}

static bool is_wanted(const struct recorded *recorded, const struct pp_ledger_file *file) {
    const struct pp_journal_rows *rows = recorded->rows;

    if (!recorded->undo && file->set == recorded->journal->set->number)
        return false;
    return rows->wants == NULL || rows->wants(rows->context, file);
}

/* A value that changed is in few of the files: the others are not looked at. */
static int is_same(struct recorded *recorded, const struct pp_ledger_file *file,
                   struct pp_err *err) {
    struct pp_journal *journal = recorded->journal;
    PP_AUTO_FREE struct pp_hit *hits = NULL;
    const struct pp_text_set *was;
    size_t hit_count;

    if (recorded->undo)
        return 0;
    was = pp_texts_load(&journal->texts, file->set, err);
    if (was == NULL || pp_hits_unpack(file->hits, file->hits_len, &hits, &hit_count, err) < 0)
        return -(int)err->kind;
    return pp_texts_same(was, journal->set, hits, hit_count);
}

/* Returns 1 to end the page. */
static int visit_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct recorded *recorded = context;
    struct pp_err failure = PP_ERR_INIT;
    struct stat st;
    int same;

    free(recorded->last);
    recorded->last = strdup(file->path);
    if (recorded->last == NULL)
        return pp_err_nomem(err);
    if (!is_wanted(recorded, file))
        return 0;
    same = is_same(recorded, file, &failure);
    if (same > 0) {
        recorded->same[recorded->same_count] = strdup(file->path);
        if (recorded->same[recorded->same_count] == NULL)
            return pp_err_nomem(err);
        return ++recorded->same_count == PAGE_COUNT ? 1 : 0;
    }
    if (same < 0 || look(recorded, file->path, &st, &failure) < 0 ||
        take_row(recorded, file, &st, &failure) < 0)
        pp_batch_tell(recorded->journal, &(struct pp_journal_result){.path = file->path,
                                                                     .outcome = PP_JOURNAL_LEFT,
                                                                     .undone = recorded->undo,
                                                                     .err = &failure});
    return recorded->page_count == PAGE_COUNT ? 1 : 0;
}

static bool has_name(const struct pp_entry *entry, const char *path) {
    for (size_t i = 0; i < entry->name_count; i++)
        if (strcmp(entry->names[i].path, path) == 0)
            return true;
    return false;
}

/* A row that nobody asked for may be another name of an inode that somebody did ask for. */
static int visit_link(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct recorded *recorded = context;
    struct pp_err failure = PP_ERR_INIT;
    struct pp_entry *entry = NULL;
    struct stat st;
    size_t index;

    for (size_t i = 0; i < recorded->open_count && entry == NULL; i++)
        if (memcmp(recorded->open[i]->row_current.sha256, file->current.sha256, PP_SHA256_LEN) == 0)
            entry = recorded->open[i];
    if (entry == NULL || look(recorded, file->path, &st, &failure) < 0)
        return 0;
    entry = find_open(recorded, &st, file, &index);
    if (entry == NULL || has_name(entry, file->path))
        return 0;
    return pp_entry_add_name(entry, file->path, err);
}

/* Moves rows to the set without a look at their files. */
static int move_same(struct recorded *recorded, struct pp_err *err) {
    struct pp_journal *journal = recorded->journal;
    size_t count = recorded->same_count;
    int rc = 0;

    recorded->same_count = 0;
    if (count > 0 && !journal->options.dry_run) {
        rc = pp_batch_record_values(journal, err);
        if (rc >= 0)
            rc = pp_ledger_begin(journal->ledger, err);
        for (size_t i = 0; i < count && rc >= 0; i++)
            rc = pp_ledger_put_set(journal->ledger, recorded->same[i], journal->set->number, err);
        if (rc >= 0)
            rc = pp_ledger_commit(journal->ledger, err);
    }
    for (size_t i = 0; i < count; i++)
        free(recorded->same[i]);
    return rc < 0 ? rc : 0;
}

/* Hands the page to the batch. */
static int add_page(struct recorded *recorded, struct pp_err *err) {
    int rc = 0;

    for (size_t i = 0; i < recorded->page_count; i++) {
        struct pp_entry *entry = recorded->page[i];

        if (rc >= 0)
            rc = pp_batch_add(recorded->journal, entry, err);
        else
            pp_entry_free(entry);
    }
    recorded->page_count = 0;
    return rc;
}

static int run(struct recorded *recorded, struct pp_err *err) {
    PP_AUTO_FREE char *after = NULL;
    struct pp_ledger_filter rest = recorded->rows->filter;
    int rc;

    recorded->page = calloc(PAGE_COUNT, sizeof(struct pp_entry *));
    recorded->same = calloc(PAGE_COUNT, sizeof(char *));
    if (recorded->page == NULL || recorded->same == NULL)
        return pp_err_nomem(err);
    do {
        int more = pp_ledger_files(recorded->journal->ledger, &rest, visit_row, recorded, err);

        rc = more < 0 ? more : move_same(recorded, err);
        if (rc >= 0)
            rc = add_page(recorded, err);
        free(after);
        after = recorded->last;
        recorded->last = NULL;
        rest.after = after;
        if (rc >= 0 && more == 0)
            break;
    } while (rc >= 0);
    if (rc >= 0 && recorded->open_count > 0)
        rc = pp_ledger_files(recorded->journal->ledger, &(struct pp_ledger_filter){0}, visit_link,
                             recorded, err);
    /* The names that are left unmet are not in the ledger. */
    while (rc >= 0 && recorded->open_count > 0) {
        close_entry(recorded, 0);
        rc = add_page(recorded, err);
    }
    return rc < 0 ? rc : pp_journal_flush(recorded->journal, err);
}

int pp_journal_restore(struct pp_journal *journal, const struct pp_journal_rows *rows,
                       struct pp_err *err) {
    PP_AUTO(recorded_done)
    struct recorded recorded = {
        .journal = journal, .rows = rows, .undo = true, .place = PP_PLACE_INIT};

    return run(&recorded, err);
}

int pp_journal_revalue(struct pp_journal *journal, const struct pp_journal_rows *rows, uint32_t set,
                       pp_journal_rewrite_fn *rewrite, void *rewrite_context, struct pp_err *err) {
    PP_AUTO(recorded_done)
    struct recorded recorded = {.journal = journal,
                                .rows = rows,
                                .rewrite = rewrite,
                                .rewrite_context = rewrite_context,
                                .place = PP_PLACE_INIT};
    const struct pp_text_set *own;
    int rc = pp_batch_need_set(journal, err);

    if (rc < 0)
        return rc;
    own = journal->set;
    if (set != 0)
        journal->set = pp_texts_load(&journal->texts, set, err);
    rc = journal->set != NULL ? run(&recorded, err) : -(int)err->kind;
    journal->set = own;
    return rc;
}
