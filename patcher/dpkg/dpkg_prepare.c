#include "dpkg/dpkg.h"

#include "base/cleanup.h"
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

/* Where we wrote the conffile after dpkg had recorded its hash as shipped, dpkg gets that again. A
 * conffile that the user edited fits nothing that we know, and is left. */
static int prepare_conffile(void *context, const char *path, const char *md5, struct pp_err *err) {
    struct prepare *prepare = context;
    PP_AUTO_BUFFER struct pp_buffer resolved = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer full = PP_BUFFER_INIT;
    char shipped[2 * PP_MD5_LEN + 1];
    const struct pp_row *row;
    int rc = pp_buffer_printf(&full, err, "/%s", path);

    if (rc >= 0)
        rc = pp_dpkg_resolve(prepare->record, &prepare->info, prepare->package,
                             (const char *)full.data, &resolved, err);
    if (rc <= 0)
        return rc;
    row = pp_rows_find(&prepare->rows, (const char *)resolved.data);
    if (row == NULL)
        return 0;
    pp_hex(row->shipped.md5, PP_MD5_LEN, shipped);
    if (strcmp(shipped, md5) != 0)
        return 0;
    rc = pp_row_fits(prepare->record, row, err);
    return rc <= 0 ? rc : restore_path(prepare->record, row->path, err);
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

int pp_dpkg_prepare(struct pp_record *record, const char *name, struct pp_tally *tally,
                    struct pp_err *err) {
    PP_AUTO_DPKG struct pp_dpkg dpkg = PP_DPKG_INIT;
    int rc = pp_dpkg_query(&dpkg, record->session->admindir, name, err);

    /* Rows of conffiles that dpkg has configured since the last trigger are still under the name
     * that they had before. */
    if (rc >= 0 && dpkg.count > 0)
        rc = pp_dpkg_rows_follow(record, NULL, err);
    for (size_t i = 0; rc >= 0 && i < dpkg.count; i++)
        rc = prepare_package(record, &dpkg.packages[i], err);
    pp_record_take_tally(record, tally);
    return rc;
}
