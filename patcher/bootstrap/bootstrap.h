/* Bootstrap: an archive becomes a patched tree, in one pass and one step.
 *
 *     bootstrap = pp_bootstrap_new(&session, &options, err)    refusals
 *     pp_bootstrap_lock(bootstrap, err)                        takes the lock
 *     pp_bootstrap_run(bootstrap, &tally, err)
 *     ... tell the app ...
 *     pp_bootstrap_free(bootstrap)
 *
 * Entries are decoded, patched and written into a tree beside the destination, then links, ledger
 * and values; all of it is synced and renamed to the destination. So the destination is as it was,
 * or whole: a run that is killed leaves what the next one removes.
 *
 * The archive is a zip or a tar in any compression. Its paths are relative to the destination;
 * absolute ones, `..`, a path through a symlink and a path that comes twice are refused.
 * `SYMLINKS.txt` at its top holds symlinks (bootstrap_links.h); it is not unpacked.
 *
 * Modes are those of the archive, without setuid and setgid; files below the table's `executable`
 * paths can be executed whatever the archive says. Everything belongs to who runs this. Devices,
 * pipes and sockets are left out and reported.
 *
 * The state folder of the new tree also gets `environment`, an env-file with the values, for dpkg
 * and shells to come.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_H
#define PP_BOOTSTRAP_BOOTSTRAP_H

#include "base/error.h"
#include "core/report.h"
#include "core/session.h"
#include "notify/outbox.h"
#include "tree/durable.h"

#include <stdbool.h>
#include <stdint.h>

/* All pointers are borrowed until pp_bootstrap_free(). */
struct pp_bootstrap_options {
    int archive; /* fd, as for pp_bootstrap_archive_open() */
    const char *dest;
    const uint8_t *sha256; /* of the archive; NULL: any */
    bool replace_dest;     /* what is there is replaced */
    bool dry_run;          /* reads and reports, writes nothing */
    enum pp_durability durability;
    const struct pp_reporter *reporter;

    /* NULL when nobody is told. It is opened here, and holds a last message of this run from before
     * the destination is there until it is dropped, so that a kill cannot lose it: `complete`, or
     * `failed` when something is yet to follow. */
    struct pp_outbox *outbox;
    const char *run;
    bool more_follows;
    const char *hook_environment; /* lines of the env-file for dpkg runs to come, or "" */
};

struct pp_bootstrap;

/* The session was opened as `fresh`. PP_ERR_REFUSED: the destination is not what the values say.
 * Writes nothing. NULL and `err` on failure. */
struct pp_bootstrap *pp_bootstrap_new(struct pp_session *session,
                                      const struct pp_bootstrap_options *options,
                                      struct pp_err *err);
/* Tidies up after a run that was killed. PP_ERR_REFUSED: the destination is there. */
int pp_bootstrap_lock(struct pp_bootstrap *bootstrap, struct pp_err *err);
/* Files that cannot be patched are unpacked as shipped, reported and counted; an error means that
 * the destination is as it was. */
int pp_bootstrap_run(struct pp_bootstrap *bootstrap, struct pp_tally *tally, struct pp_err *err);
/* The folder that all of it is written below; borrowed. */
int pp_bootstrap_parent(const struct pp_bootstrap *bootstrap);
/* The destination as open(2) takes it; borrowed. */
const char *pp_bootstrap_path(const struct pp_bootstrap *bootstrap);
/* Tidies up, and closes the outbox. */
void pp_bootstrap_free(struct pp_bootstrap *bootstrap);

#endif
