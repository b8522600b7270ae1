/* One file or symlink of a bootstrap, on its way from the archive into the new tree: looked into,
 * and written as patched. Many threads do this at once, an item each.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_ITEM_H
#define PP_BOOTSTRAP_BOOTSTRAP_ITEM_H

#include "base/digest.h"
#include "base/error.h"
#include "base/spool.h"
#include "bootstrap/bootstrap_archive.h"
#include "bootstrap/bootstrap_stage.h"
#include "content/content.h"
#include "core/report.h"
#include "ledger/state.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct pp_bootstrap_item {
    enum pp_bootstrap_kind kind; /* file, symlink, hard link, other */
    char *path;                  /* relative to the destination */
    char *target;                /* of a link, as shipped */
    uint32_t mode;
    struct timespec mtime;
    uint64_t number; /* its place in the archive */
    bool is_packed;  /* of a zip: the worker decodes it */
    struct pp_bootstrap_packed packed;
    struct pp_spool spool; /* of a file, as shipped */
    uint64_t queue_len;    /* what it takes from the queue */
    bool as_shipped;       /* it is not looked into */

    /* What became of it. */
    struct pp_findings findings;
    enum pp_outcome outcome; /* found (nothing to patch), patched, left */
    struct pp_err err;       /* why it was left */
    struct pp_err failure;   /* why the run cannot go on */
    bool rewritten;          /* its shipped bytes are kept */
    uint64_t size;
    struct pp_digest shipped; /* with hits only, as what follows */
    struct pp_digest current;
};

/* NULL when out of memory. */
struct pp_bootstrap_item *pp_bootstrap_item_new(const struct pp_bootstrap_entry *entry);
void pp_bootstrap_item_free(struct pp_bootstrap_item *item);

/* What the items of a run have in common; borrowed. */
struct pp_bootstrap_writer {
    const struct pp_policy *policy;
    struct pp_bootstrap_archive *archive;
    const struct pp_bootstrap_stage *stage; /* NULL: nothing is written */
    const struct pp_state *state;
    struct pp_place *places; /* one a worker */
    struct pp_budget *queue; /* memory of the items on their way, taken by whoever gives them */
};

/* Looks into a file or a symlink and writes it. The folders above it are there. */
void pp_bootstrap_item_run(const struct pp_bootstrap_writer *writer, unsigned worker,
                           struct pp_bootstrap_item *item);

#endif
