#include "dpkg/dpkg.h"

#include "base/cleanup.h"
#include "core/apply.h"
#include "core/interest.h"
#include "core/revalue.h"
#include "dpkg/dpkg_hook.h"
#include "dpkg/dpkg_query.h"
#include "dpkg/dpkg_rows.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Can dpkg be told of it? One whose MD5 could not be computed belongs to no package (complete.h).
 */
static bool is_complete(const struct pp_row *row) {
    return row->kind == PP_LEDGER_SYMLINK || pp_digest_has_md5(&row->current);
}

/* Files that a bootstrap patched belong to no package until dpkg tells whose they are. */
static int adopt_rows(struct pp_hook *hook, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(hook->record->journal);
    PP_AUTO_ROWS struct pp_rows rows = PP_ROWS_INIT;
    int rc = pp_rows_load(&rows, ledger, "", err);

    for (size_t i = 0; rc >= 0 && rows.count > 0 && i < hook->path_count; i++) {
        const struct pp_row *row = pp_rows_find(&rows, hook->paths[i].path);

        if (row != NULL && is_complete(row))
            rc = pp_ledger_assign(ledger, row->path, hook->paths[i].package, err);
    }
    return rc < 0 ? rc : 0;
}

static int finish_package(struct pp_hook *hook, const struct pp_hook_package *changed,
                          struct pp_rows *rows, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(hook->record->journal);
    struct stat st;
    int rc = pp_dpkg_info_stat(&hook->info, changed->package, "md5sums", &st, err);

    if (rc > 0 && rows->count == 0)
        rc = pp_rows_load(rows, ledger, NULL, err);
    if (rc >= 0)
        rc = pp_dpkg_rows_sums(hook->record, &hook->info, changed->package, rows, err);
    if (rc >= 0 && !changed->again)
        rc = pp_ledger_put_stamp(ledger, changed->package->key, &changed->stamp, err);
    return rc < 0 ? pp_err_context(err, "%s", changed->package->key) : 0;
}

/* Of packages that were unpacked anew, or of the others. */
static int expire_rows(struct pp_hook *hook, bool unpacked, struct pp_err *err) {
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < hook->package_count; i++)
        if (hook->packages[i].unpacked == unpacked)
            rc = pp_dpkg_rows_expire(hook->record, hook->packages[i].package, err);
    return rc;
}

/* dpkg is about to compare a conffile with what it recorded: that one stays as `prepare` left it.
 */
static bool is_settled(void *context, const struct pp_ledger_file *file) {
    const struct pp_record *record = context;
    PP_AUTO_FREE char *fresh = NULL;
    struct stat st;

    if (asprintf(&fresh, "%s" PP_DPKG_NEW, file->path) < 0) {
        fresh = NULL;
        return false;
    }
    return fstatat(record->session->root, fresh, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

/* What needs no answer from dpkg. It is committed with what the patching intends. */
static int begin(struct pp_hook *hook, struct pp_tally *tally, struct pp_err *err) {
    struct pp_record *record = hook->record;
    const struct pp_journal_rows settled = {.wants = is_settled, .context = record};
    int rc = pp_revalue_rows(record, &settled, tally, err);

    if (rc >= 0)
        rc = pp_ledger_begin(pp_journal_ledger(record->journal), err);
    return rc < 0 ? rc : pp_dpkg_rows_rename(record, err);
}

/* Rows of what dpkg has replaced would make of it what somebody edited. */
static int follow(struct pp_hook *hook, struct pp_err *err) {
    int rc = pp_dpkg_rows_leave(hook->record, &hook->dpkg, err);

    return rc < 0 ? rc : expire_rows(hook, true, err);
}

static int finish_rows(struct pp_hook *hook, struct pp_err *err) {
    PP_AUTO_ROWS struct pp_rows rows = PP_ROWS_INIT;
    int rc = adopt_rows(hook, err);

    if (rc >= 0)
        rc = expire_rows(hook, false, err);
    for (size_t i = 0; rc >= 0 && i < hook->package_count; i++)
        rc = finish_package(hook, &hook->packages[i], &rows, err);
    return rc;
}

static int finish(struct pp_hook *hook, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(hook->record->journal);
    int rc = pp_ledger_begin(ledger, err);

    if (rc < 0)
        return rc;
    rc = finish_rows(hook, err);
    if (rc >= 0)
        rc = pp_ledger_commit(ledger, err);
    if (rc >= 0)
        return pp_journal_flush(hook->record->journal, err);
    pp_ledger_rollback(ledger);
    return rc;
}

/* dpkg must not configure what is half written, nor what the next run will patch. */
static int refuse_unfinished(const struct pp_record *record, const struct pp_tally *tally,
                             struct pp_err *err) {
    int pending = pp_journal_recovery_pending(record->journal, err);

    if (pending < 0 || (pending == 0 && tally->again == 0))
        return pending;
    return pp_err_set(
        err, PP_ERR_SYSTEM,
        "not all files could be patched, for the reasons above; when these are mended, "
        "'dpkg --configure -a' goes on");
}

/* `all`: the tree may have been moved. Rows tell where its files were; the files hold the values
 * that the rows were written with. */
static int apply_paths(struct pp_hook *hook, bool all, struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO_OLDER struct pp_older older = PP_OLDER_INIT(&hook->record->session->values);
    struct pp_apply_options options = {
        .paths = hook->paths, .path_count = hook->path_count, .mode = PP_WALKER_LIST};
    int rc = all ? pp_revalue_add_older(hook->record, &older, err) : 0;

    if (rc >= 0 && older.count > 0) {
        options.older = &older;
        rc = pp_older_finish(&older, err);
    }
    return rc < 0 ? rc : pp_apply(hook->record, &options, tally, err);
}

int pp_dpkg_trigger(struct pp_record *record, struct pp_dpkg_query *query, bool all,
                    struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO(pp_hook_done) struct pp_hook hook;
    int rc = pp_hook_open(&hook, record, err);

    pp_journal_settle_late(record->journal);
    if (rc >= 0)
        rc = begin(&hook, tally, err);
    if (rc >= 0)
        rc = pp_hook_hear(&hook, query, err);
    if (rc >= 0)
        rc = pp_hook_collect(&hook, all, err);
    if (rc >= 0)
        rc = follow(&hook, err);
    if (rc >= 0 && hook.path_count > 0)
        rc = apply_paths(&hook, all, tally, err);
    if (rc >= 0)
        rc = refuse_unfinished(record, tally, err);
    if (rc >= 0 && all)
        rc = pp_journal_record_values(record->journal, err);
    if (rc >= 0 && all && pp_hook_has_own(&hook))
        rc = pp_interest_write(hook.info.admindir, true, err);
    return rc < 0 ? rc : finish(&hook, err);
}
