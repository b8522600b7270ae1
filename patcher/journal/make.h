/* Makes the temporaries of an entry: the new file, whole and dressed, beside the one it replaces.
 */
#ifndef PP_JOURNAL_MAKE_H
#define PP_JOURNAL_MAKE_H

#include "base/beneath.h"
#include "base/error.h"
#include "journal/batch.h"
#include "journal/entry.h"
#include "journal/overlay.h"

/* Sets digests and size of the entry. `place` is where the leading name is. Runs in any thread. */
int pp_make(struct pp_journal *journal, struct pp_entry *entry, struct pp_place *place,
            struct pp_err *err);

/* Do its digests take MD5s? */
bool pp_make_wants_md5(const struct pp_journal *journal, const struct pp_entry *entry);

/* PP_ERR_CHANGED when an entry has a row and these are other bytes. */
int pp_make_check_row(const struct pp_entry *entry, const struct pp_digest *found,
                      struct pp_err *err);

/* Digest of a whole file, or of the target of a symlink; `md5`: with MD5. */
int pp_make_digest(int dir, const char *name, const struct pp_identity *seen, bool md5,
                   struct pp_digest *digest, struct pp_err *err);

/* Takes the digests of an overlay that was read into the entry. */
int pp_make_take_digests(struct pp_entry *entry, const struct pp_overlay *overlay,
                         struct pp_err *err);

#endif
