/* Ends what a killed run began, by the intents that it left. */
#ifndef PP_JOURNAL_RECOVERY_H
#define PP_JOURNAL_RECOVERY_H

#include "base/error.h"
#include "journal/batch.h"

/* In place: an intent holds while the file has its size, every byte of every span is the old or the
 * new one, the bytes between are those of the shipped file, and the inode is the one that was
 * scanned or bears marks of our writing. Then the new text is written. Replaced: the target has
 * the new bytes, or still the old ones and the temporary is whole; then the rename is done.
 * Whatever does not hold was changed by somebody since: it is left and told. */
int pp_recovery_run(struct pp_journal *journal, struct pp_err *err);

#endif
