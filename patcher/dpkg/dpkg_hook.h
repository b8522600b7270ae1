/* Which packages there are, and which of them need a look: the first half of a run of the hook.
 * Shared by the trigger and by verify.
 */
#ifndef PP_DPKG_DPKG_HOOK_H
#define PP_DPKG_DPKG_HOOK_H

#include "base/error.h"
#include "core/apply.h"
#include "core/record.h"
#include "dpkg/dpkg_info.h"
#include "dpkg/dpkg_query.h"
#include "ledger/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_hook {
    struct pp_record *record;
    struct pp_dpkg dpkg;
    struct pp_dpkg_info info;
    uint8_t config[PP_SHA256_LEN];
    struct pp_hook_known {
        char *key;
        char *version;
        bool listed; /* its list is the one that the stamp tells of */
        bool same;   /* all but its version is */
    } * known;       /* packages that have a stamp, by key */
    size_t known_count;
    struct pp_hook_package {
        const struct pp_dpkg_package *package;
        struct pp_ledger_stamp stamp;
        bool stamped;  /* that is its stamp already */
        bool unpacked; /* anew, since it got its stamp: its files are what it brought */
        bool again;    /* something in it has to wait: no stamp yet */
    } * packages;
    size_t package_count;
    struct pp_apply_path *paths; /* their `path` is ours to free */
    size_t path_count;
};

/* What there is to find out before dpkg has answered. The record is borrowed. Done with
 * pp_hook_done() also after an error. */
int pp_hook_open(struct pp_hook *hook, struct pp_record *record, struct pp_err *err);
void pp_hook_done(struct pp_hook *hook);

/* Waits for dpkg's answer about all packages. */
int pp_hook_hear(struct pp_hook *hook, struct pp_dpkg_query *query, struct pp_err *err);

/* Collects the packages that take part, and their paths: those whose stamp is not what it was, or
 * `all`. */
int pp_hook_collect(struct pp_hook *hook, bool all, struct pp_err *err);

/* Is our own package one of dpkg's? */
bool pp_hook_has_own(const struct pp_hook *hook);

#endif
