/* Where a bootstrap goes, and how it gets there in one step.
 *
 * Until the destination is there, everything is beside it, in DEST.pathpatch/ (ours, mode 0700):
 *
 *     lock       a second bootstrap of the same destination waits
 *     spool/     messages that nobody has acknowledged
 *     staging/   the tree that is made, renamed to DEST when it is whole
 *     old/       what was there before, with --replace-dest, between two renames
 *
 * What a killed run left there is tidied up by the next one: a destination that was taken away is
 * put back first. When nothing is left to keep, the folder goes.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_DEST_H
#define PP_BOOTSTRAP_BOOTSTRAP_DEST_H

#include "base/cleanup.h"
#include "base/error.h"
#include "core/report.h"
#include "core/session.h"
#include "ledger/state.h"
#include "tree/durable.h"

#include <limits.h>
#include <stdbool.h>

#define PP_BOOTSTRAP_WORK_SUFFIX ".pathpatch"
#define PP_BOOTSTRAP_STAGING "staging"

struct pp_bootstrap_dest {
    char *path;               /* absolute, as open(2) takes it */
    char *relative;           /* relative to the root of the session */
    const char *value;        /* of the placeholder that it stands for; of the session */
    const char *default_path; /* of that placeholder */
    char *state;              /* the state folder, relative to the destination */
    char *admindir;           /* dpkg's database, the same; NULL: elsewhere */
    int parent;               /* the folder that holds it */
    char name[NAME_MAX + 1];
    char work_name[NAME_MAX + 1];
    struct pp_state work; /* DEST.pathpatch, locked */
    int staging;          /* staging/; -1: not made */
};

#define PP_BOOTSTRAP_DEST_INIT                                                                     \
    { .parent = -1, .work = PP_STATE_INIT, .staging = -1 }
#define PP_AUTO_BOOTSTRAP_DEST PP_AUTO(pp_bootstrap_dest_done)

/* Finds out which placeholder the destination stands for, and where its state goes. Writes
 * nothing. PP_ERR_REFUSED: it is none of the values, or its state would lie outside. Initialises
 * `dest`, also on failure. */
int pp_bootstrap_dest_find(struct pp_bootstrap_dest *dest, const struct pp_session *session,
                           const char *path, struct pp_err *err);
/* Takes the lock and tidies up. PP_ERR_REFUSED: the destination is there, unless `replace`. */
int pp_bootstrap_dest_lock(struct pp_bootstrap_dest *dest, bool replace,
                           const struct pp_reporter *reporter, struct pp_err *err);
/* Refuses a file system with less than `need_len` bytes free. */
int pp_bootstrap_dest_room(const struct pp_bootstrap_dest *dest, uint64_t need_len,
                           struct pp_err *err);
/* Makes staging/ anew. */
int pp_bootstrap_dest_stage(struct pp_bootstrap_dest *dest, struct pp_err *err);
/* Renames staging/ to the destination. */
int pp_bootstrap_dest_publish(struct pp_bootstrap_dest *dest, bool replace,
                              enum pp_durability durability, struct pp_err *err);
/* Removes what there is no need to keep, and gives the lock back. */
void pp_bootstrap_dest_done(struct pp_bootstrap_dest *dest);

#endif
