#include "dpkg/dpkg.h"

#include "base/cleanup.h"
#include "base/sandbox.h"
#include "dpkg/dpkg_info.h"
#include "dpkg/dpkg_query.h"
#include "dpkg/dpkg_rows.h"

#include <errno.h>
#include <string.h>

struct edited {
    struct pp_record *record;
    struct pp_dpkg_info info;
    struct pp_dpkg dpkg;
    struct pp_rows rows; /* of all packages */
    const struct pp_dpkg_package *package;
    void (*tell)(void *context, const char *path, const char *package);
    void *context;
};

static void edited_done(struct edited *edited) {
    pp_rows_done(&edited->rows);
    pp_dpkg_done(&edited->dpkg);
    pp_dpkg_info_done(&edited->info);
}

static int look_at_conffile(void *context, const char *path, const char *md5, struct pp_err *err) {
    struct edited *edited = context;
    PP_AUTO_BUFFER struct pp_buffer resolved = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer full = PP_BUFFER_INIT;
    char current[2 * PP_MD5_LEN + 1];
    const struct pp_row *row;
    int rc = pp_buffer_printf(&full, err, "/%s", path);

    if (rc >= 0)
        rc = pp_dpkg_resolve(edited->record, &edited->info, edited->package,
                             (const char *)full.data, &resolved, NULL, err);
    if (rc <= 0)
        return rc;
    row = pp_rows_find(&edited->rows, (const char *)resolved.data);
    if (row == NULL)
        return 0;
    pp_hex(row->current.md5, PP_MD5_LEN, current);
    if (strcmp(current, md5) == 0)
        return 0;
    rc = pp_row_fits(edited->record, row, err);
    if (rc > 0)
        edited->tell(edited->context, row->path, edited->package->key);
    return rc;
}

int pp_dpkg_edited(struct pp_record *record,
                   void (*tell)(void *context, const char *path, const char *package),
                   void *context, struct pp_err *err) {
    PP_AUTO(edited_done)
    struct edited edited = {.record = record,
                            .info = PP_DPKG_INFO_INIT,
                            .dpkg = PP_DPKG_INIT,
                            .rows = PP_ROWS_INIT,
                            .tell = tell,
                            .context = context};
    const char *admindir = record->session->admindir;
    int rc = pp_dpkg_info_open(&edited.info, admindir, err);

    if (rc < 0 && err->kind == PP_ERR_SYSTEM && err->sys == ENOENT) {
        pp_err_clear(err);
        return 0;
    }
    if (rc >= 0)
        rc = pp_dpkg_load(&edited.dpkg, admindir, NULL, err);
    pp_sandbox_end_programs();
    if (rc >= 0)
        rc = pp_dpkg_rows_follow(record, &edited.dpkg, err);
    if (rc >= 0)
        rc = pp_rows_load(&edited.rows, pp_journal_ledger(record->journal), NULL, err);
    for (size_t i = 0; rc >= 0 && i < edited.dpkg.count; i++) {
        edited.package = &edited.dpkg.packages[i];
        if (pp_dpkg_has_files(edited.package))
            rc = pp_dpkg_conffiles(edited.package, look_at_conffile, &edited, err);
    }
    return rc < 0 ? rc : 0;
}
