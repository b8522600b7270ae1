/* A batch: what the journal collected, written in steps that are each safe to be cut off at.
 *
 *     plan      look at the file again, choose the way
 *     check     read it: hashes, old texts
 *     announce  name the temporaries in the ledger                        (commit)
 *     make      write the temporaries                                     (sync)
 *     intend    record what will be, with the hits                        (commit)
 *     write     spans in place, renames; put the folders' mtimes back     (sync)
 *     settle    what was intended is                                      (commit)
 */
#ifndef PP_JOURNAL_BATCH_H
#define PP_JOURNAL_BATCH_H

#include "base/beneath.h"
#include "base/error.h"
#include "journal/entry.h"
#include "journal/journal.h"
#include "journal/texts.h"
#include "ledger/ledger.h"
#include "ledger/state.h"
#include "tree/durable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_journal {
    struct pp_journal_options options;
    struct pp_state state;
    struct pp_ledger *ledger;
    bool had_ledger;
    struct pp_texts texts;
    const struct pp_text_set *set; /* the run's; NULL until it is needed */
    struct pp_durable durable;
    struct pp_entry **entries; /* the batch */
    size_t entry_count;
    size_t entry_cap;
    size_t entries_len; /* memory of them all, about */
    uint64_t seed;      /* of the next temporary's name */
    bool values_written;
    bool settles_late;
};

/* Adds an entry, which is owned by the journal from then on, also on failure. A full batch is
 * written. */
int pp_batch_add(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err);
int pp_batch_write(struct pp_journal *journal, struct pp_err *err);
void pp_batch_clear(struct pp_journal *journal);

/* Writes STATE/values, once a journal. */
int pp_batch_record_values(struct pp_journal *journal, struct pp_err *err);

/* Loads the value set of the run. */
int pp_batch_need_set(struct pp_journal *journal, struct pp_err *err);
void pp_batch_tell(const struct pp_journal *journal, const struct pp_journal_result *result);

/* Puts the mtimes of folders back that the ledger has taken down. */
int pp_batch_folder_times(struct pp_journal *journal, struct pp_err *err);
/* Drops shipped bytes that no row names any more, if there may be some. */
int pp_batch_sweep(struct pp_journal *journal, struct pp_err *err);

#endif
