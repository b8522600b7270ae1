/* The ledger and the values of a tree that is being made: in its state folder, before anybody can
 * see the tree. Nothing here is synced by itself: the tree is, as a whole.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_RECORD_H
#define PP_BOOTSTRAP_BOOTSTRAP_RECORD_H

#include "base/error.h"
#include "bootstrap/bootstrap_dest.h"
#include "bootstrap/bootstrap_item.h"
#include "bootstrap/bootstrap_stage.h"
#include "core/session.h"
#include "ledger/ledger.h"
#include "ledger/state.h"

#include <stdbool.h>
#include <stdint.h>

struct pp_bootstrap_record {
    const struct pp_session *session;
    const struct pp_bootstrap_dest *dest;
    bool each; /* files are synced one by one */
    struct pp_state state;
    struct pp_ledger *ledger; /* in a transaction */
    uint32_t set;             /* the value set of the run */
    struct pp_place place;
};

#define PP_BOOTSTRAP_RECORD_INIT                                                                   \
    { .state = PP_STATE_INIT, .ledger = NULL, .place = PP_PLACE_INIT }

/* The state folder is there, in staging. All is borrowed. */
int pp_bootstrap_record_open(struct pp_bootstrap_record *record, const struct pp_session *session,
                             const struct pp_bootstrap_dest *dest, bool each, struct pp_err *err);
/* A file or symlink that was patched. */
int pp_bootstrap_record_item(struct pp_bootstrap_record *record,
                             const struct pp_bootstrap_stage *stage,
                             const struct pp_bootstrap_item *item, struct pp_err *err);
/* A hard link, which is recorded if its target is. */
int pp_bootstrap_record_link(struct pp_bootstrap_record *record,
                             const struct pp_bootstrap_item *item, struct pp_err *err);
/* The path of a row, in `path`. */
int pp_bootstrap_record_path(const struct pp_bootstrap_record *record, const char *path,
                             struct pp_buffer *row, struct pp_err *err);
/* Writes values and env-file, commits and closes. `hook_environment`: lines that the env-file gets,
 * too. */
int pp_bootstrap_record_finish(struct pp_bootstrap_record *record, const char *hook_environment,
                               struct pp_err *err);
void pp_bootstrap_record_done(struct pp_bootstrap_record *record);

#endif
