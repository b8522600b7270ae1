#include "journal/journal.h"

#include "journal/batch.h"
#include "journal/complete.h"
#include "journal/merge.h"
#include "journal/recovery.h"
#include "ledger/intent.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Opens the ledger. In a dry run nothing is made, and what is written to it is rolled back. */
static int open_ledger(struct pp_journal *journal, struct pp_err *err) {
    const struct pp_journal_options *options = &journal->options;
    bool durable = options->durability != PP_DURABILITY_NONE;
    int there = pp_state_open(&journal->state, options->state_path, !options->dry_run,
                              options->waiting, options->context, err);
    int had_ledger = 0;

    if (there > 0)
        had_ledger = pp_ledger_exists(&journal->state, err);
    if (there < 0 || had_ledger < 0)
        return -(int)err->kind;
    journal->had_ledger = had_ledger > 0;
    if (options->dry_run)
        there = had_ledger;
    journal->ledger = pp_ledger_open(there > 0 ? &journal->state : NULL, durable, err);
    if (journal->ledger == NULL && err->kind == PP_ERR_DAMAGED && options->renew_ledger &&
        !options->dry_run) {
        pp_err_clear(err);
        if (pp_ledger_set_aside(&journal->state, err) >= 0)
            journal->ledger = pp_ledger_open(&journal->state, durable, err);
    }
    if (journal->ledger == NULL)
        return -(int)err->kind;
    journal->texts.ledger = journal->ledger;
    return options->dry_run ? pp_ledger_begin(journal->ledger, err)
                            : pp_durable_add(&journal->durable, journal->state.dir, err);
}

struct pp_journal *pp_journal_open(const struct pp_journal_options *options, struct pp_err *err) {
    struct pp_journal *journal = calloc(1, sizeof(*journal));
    struct timespec now;
    int rc;

    if (journal == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    journal->options = *options;
    journal->state = (struct pp_state)PP_STATE_INIT;
    journal->texts.text = options->text;
    journal->texts.context = options->context;
    clock_gettime(CLOCK_REALTIME, &now);
    journal->seed =
        (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec + ((uint64_t)getpid() << 44);
    pp_durable_init(&journal->durable, options->durability);
    rc = open_ledger(journal, err);
    if (rc >= 0 && !options->dry_run)
        rc = pp_recovery_run(journal, err);
    if (rc >= 0 && !options->dry_run && options->md5)
        rc = pp_complete_rows(journal, err);
    if (rc >= 0 && !options->dry_run)
        rc = pp_batch_sweep(journal, err);
    if (rc < 0) {
        pp_journal_close(journal);
        return NULL;
    }
    return journal;
}

void pp_journal_close(struct pp_journal *journal) {
    struct pp_err ignored = PP_ERR_INIT;

    if (journal == NULL)
        return;
    pp_batch_clear(journal);
    free(journal->entries);
    if (journal->settles_late && pp_ledger_begun(journal->ledger))
        pp_ledger_commit(journal->ledger, &ignored);
    if (journal->ledger != NULL)
        pp_ledger_rollback(journal->ledger);
    pp_ledger_close(journal->ledger);
    pp_texts_done(&journal->texts);
    pp_durable_done(&journal->durable);
    pp_state_done(&journal->state);
    free(journal);
}

int pp_journal_recovery_pending(struct pp_journal *journal, struct pp_err *err) {
    return pp_ledger_pending(journal->ledger, err);
}

/* What is wrong with a row is a matter of its file alone. */
static int merge(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err) {
    int rc = pp_merge_row(journal, entry, err);

    if (rc >= 0 ||
        (err->kind != PP_ERR_CHANGED && err->kind != PP_ERR_DAMAGED && err->kind != PP_ERR_REFUSED))
        return rc;
    entry->stale = err->kind != PP_ERR_REFUSED;
    pp_entry_fail_all(entry, err);
    pp_err_clear(err);
    return 0;
}

int pp_journal_add(struct pp_journal *journal, const struct pp_change *change, struct pp_err *err) {
    struct pp_entry *entry;
    int rc = pp_batch_need_set(journal, err);

    for (size_t i = 0; i < change->hit_count && rc >= 0; i++)
        if (change->hits[i].was != 0 &&
            pp_texts_load(&journal->texts, change->hits[i].was, err) == NULL)
            rc = -(int)err->kind;
    if (rc < 0)
        return rc;
    entry = pp_entry_new(change, err);
    if (entry == NULL)
        return -(int)err->kind;
    entry->set = journal->set;
    rc = change->alone ? pp_merge_package(journal, entry, err) : merge(journal, entry, err);
    if (rc < 0) {
        pp_entry_free(entry);
        return rc;
    }
    return pp_batch_add(journal, entry, err);
}

int pp_journal_flush(struct pp_journal *journal, struct pp_err *err) {
    int rc = pp_batch_write(journal, err);

    return rc < 0 || pp_ledger_begun(journal->ledger) ? rc : pp_batch_sweep(journal, err);
}

void pp_journal_settle_late(struct pp_journal *journal) {
    journal->settles_late = true;
}

int pp_journal_set(struct pp_journal *journal, const struct pp_ledger_value *values,
                   size_t value_count, uint32_t *set, struct pp_err *err) {
    return pp_ledger_set(journal->ledger, values, value_count, set, err);
}

int pp_journal_record_values(struct pp_journal *journal, struct pp_err *err) {
    return pp_batch_record_values(journal, err);
}

bool pp_journal_had_ledger(const struct pp_journal *journal) {
    return journal->had_ledger;
}

struct pp_ledger *pp_journal_ledger(struct pp_journal *journal) {
    return journal->ledger;
}
