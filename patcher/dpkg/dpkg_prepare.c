#include "dpkg/dpkg.h"

#include "base/cleanup.h"
#include "core/apply.h"
#include "core/revalue.h"
#include "dpkg/dpkg_info.h"
#include "dpkg/dpkg_query.h"
#include "dpkg/dpkg_rows.h"

#include <string.h>

struct prepare {
    struct pp_record *record;
    struct pp_dpkg_info info;
    const struct pp_dpkg_package *package;
    struct pp_rows rows; /* of the package */
};

static int restore_path(struct pp_record *record, const char *path, struct pp_err *err) {
    return pp_journal_restore(record->journal, &(struct pp_journal_rows){.filter.under = path},
                              err);
}

static int take_md5(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    (void)err;
    pp_hex(file->current.md5, PP_MD5_LEN, context);
    return 0;
}

/* The file is as we left it, but was written with other values when dpkg recorded it: which? Trying
 * is simple, and only happens after new values. Where none gives that hash, all is as it was. */
static int find_values(struct pp_record *record, const char *path, const char *md5,
                       struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    char current[2 * PP_MD5_LEN + 1] = "";
    int rc = 1;

    for (uint32_t set = 1; rc > 0; set++) {
        rc = pp_revalue_back(record, path, set, err);
        if (rc > 0 && pp_ledger_find(ledger, path, take_md5, current, err) < 0)
            return -(int)err->kind;
        if (rc > 0 && strcmp(current, md5) == 0)
            return 0;
    }
    return rc < 0 ? rc : pp_revalue_back(record, path, 0, err);
}

/* Of this conffile we know nothing: it may have been restored, and then dpkg recorded what patching
 * makes of it. */
static int try_patching(const struct prepare *prepare, const char *path, const char *md5,
                        struct pp_err *err) {
    struct pp_record *record = prepare->record;
    const struct pp_apply_path only = {.path = path, .package = prepare->package->key};
    const struct pp_apply_options options = {
        .paths = &only, .path_count = 1, .mode = PP_WALKER_LIST};
    struct pp_tally tally = {0};
    int rc = pp_dpkg_has_md5(record, path, md5, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = pp_apply(record, &options, &tally, err);
    if (rc < 0 || tally.patched == 0)
        return rc;
    rc = pp_dpkg_has_md5(record, path, md5, err);
    return rc != 0 ? (rc < 0 ? rc : 0) : restore_path(record, path, err);
}

static void tell_unreadable(struct pp_record *record, const char *path, const struct pp_err *err) {
    const struct pp_report report = {.path = path, .outcome = PP_OUTCOME_UNREADABLE, .err = err};

    pp_report_tell(&report, record->options.reporter, &record->tally);
}

/* Where the conffile is as we left it, but not as dpkg recorded it, dpkg gets that variant again:
 * as shipped, or with earlier values. A conffile that the user edited fits nothing that we know,
 * and is left. */
static int prepare_conffile(void *context, const char *path, const char *md5, struct pp_err *err) {
    struct prepare *prepare = context;
    PP_AUTO_BUFFER struct pp_buffer resolved = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer full = PP_BUFFER_INIT;
    char shipped[2 * PP_MD5_LEN + 1];
    char current[2 * PP_MD5_LEN + 1];
    struct pp_err lasting = PP_ERR_INIT;
    const struct pp_row *row;
    int rc = pp_buffer_printf(&full, err, "/%s", path);

    if (rc >= 0)
        rc = pp_dpkg_resolve(prepare->record, &prepare->info, prepare->package,
                             (const char *)full.data, &resolved, &lasting, err);
    if (rc == 0 && lasting.kind != PP_ERR_NONE)
        tell_unreadable(prepare->record, path, &lasting);
    if (rc <= 0)
        return rc;
    row = pp_rows_find(&prepare->rows, (const char *)resolved.data);
    if (row == NULL)
        return try_patching(prepare, (const char *)resolved.data, md5, err);
    pp_hex(row->shipped.md5, PP_MD5_LEN, shipped);
    pp_hex(row->current.md5, PP_MD5_LEN, current);
    rc = strcmp(current, md5) != 0 ? pp_row_fits(prepare->record, row, err) : 0;
    if (rc <= 0)
        return rc;
    return strcmp(shipped, md5) == 0 ? restore_path(prepare->record, row->path, err)
                                     : find_values(prepare->record, row->path, md5, err);
}

/* A file that the architectures share must be as shipped when dpkg compares the next one. */
static int restore_shared(struct prepare *prepare, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(prepare->record->journal);
    int rc =
        pp_journal_restore(prepare->record->journal,
                           &(struct pp_journal_rows){.filter.package = prepare->package->key}, err);

    if (rc >= 0)
        rc = pp_ledger_expire(ledger, prepare->package->key, err);
    return rc;
}

static int prepare_package(struct pp_record *record, const struct pp_dpkg_package *package,
                           struct pp_err *err) {
    struct prepare prepare = {
        .record = record, .info = PP_DPKG_INFO_INIT, .package = package, .rows = PP_ROWS_INIT};
    int rc = pp_dpkg_info_open(&prepare.info, record->session->admindir, err);

    if (rc >= 0)
        rc = pp_rows_load(&prepare.rows, pp_journal_ledger(record->journal), package->key, err);
    if (rc >= 0)
        rc = pp_dpkg_conffiles(package, prepare_conffile, &prepare, err);
    if (rc >= 0 && package->multi_arch_same)
        rc = restore_shared(&prepare, err);
    pp_rows_done(&prepare.rows);
    pp_dpkg_info_done(&prepare.info);
    return rc;
}

int pp_dpkg_prepare(struct pp_record *record, struct pp_dpkg_query *query, struct pp_tally *tally,
                    struct pp_err *err) {
    PP_AUTO_DPKG struct pp_dpkg dpkg = PP_DPKG_INIT;
    int rc = pp_dpkg_query_finish(query, &dpkg, err);

    /* Rows of conffiles that dpkg has configured since the last trigger are still under the name
     * that they had before. */
    if (rc >= 0 && dpkg.count > 0)
        rc = pp_dpkg_rows_rename(record, err);
    for (size_t i = 0; rc >= 0 && i < dpkg.count; i++)
        rc = prepare_package(record, &dpkg.packages[i], err);
    pp_record_take_tally(record, tally);
    return rc;
}
