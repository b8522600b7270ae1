#include "dpkg/restore.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/sandbox.h"
#include "dpkg/dpkg_info.h"
#include "dpkg/dpkg_query.h"
#include "dpkg/dpkg_rows.h"
#include "ledger/intent.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct restore {
    struct pp_record *record;
    const struct pp_restore_options *options;
    struct pp_tally *tally;
    bool has_dpkg;
    struct pp_dpkg dpkg;
    struct pp_dpkg_info info;
    const struct pp_dpkg_package *package; /* whose conffiles are looked at */
    char **conffiles;                      /* sorted paths */
    size_t conffile_count;
    struct pp_rows rows; /* all of the ledger, as they were */
    bool *wanted;        /* for each of them */
};

static void restore_done(struct restore *restore) {
    for (size_t i = 0; i < restore->conffile_count; i++)
        free(restore->conffiles[i]);
    free(restore->conffiles);
    free(restore->wanted);
    pp_rows_done(&restore->rows);
    pp_dpkg_info_done(&restore->info);
    pp_dpkg_done(&restore->dpkg);
}

/* ---- what dpkg knows ---- */

static int open_dpkg(struct restore *restore, struct pp_err *err) {
    const char *admindir = restore->record->session->admindir;
    PP_AUTO_BUFFER struct pp_buffer info = PP_BUFFER_INIT;
    int rc = pp_buffer_printf(&info, err, "%s/info", admindir);

    if (rc < 0 || access((const char *)info.data, F_OK) < 0)
        return rc < 0 ? rc : 0;
    rc = pp_dpkg_load(&restore->dpkg, admindir, NULL, err);
    if (rc >= 0)
        rc = pp_dpkg_info_open(&restore->info, admindir, err);
    restore->has_dpkg = rc >= 0;
    return rc;
}

/* Files of packages that are gone have no row afterwards. A dry run has its transaction already. */
static int follow_dpkg(struct restore *restore, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(restore->record->journal);
    bool dry_run = restore->record->options.dry_run;
    int rc = dry_run ? 0 : pp_ledger_begin(ledger, err);

    if (rc < 0)
        return rc;
    rc = pp_dpkg_rows_follow(restore->record, &restore->dpkg, err);
    if (rc >= 0 && !dry_run)
        rc = pp_ledger_commit(ledger, err);
    if (rc < 0)
        pp_ledger_rollback(ledger);
    return rc;
}

static int add_conffile(void *context, const char *path, const char *md5, struct pp_err *err) {
    struct restore *restore = context;
    PP_AUTO_BUFFER struct pp_buffer listed = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer resolved = PP_BUFFER_INIT;
    size_t count = restore->conffile_count;
    int rc = pp_buffer_printf(&listed, err, "/%s", path);

    (void)md5;
    if (rc >= 0)
        rc = pp_dpkg_resolve(restore->record, &restore->info, restore->package,
                             (const char *)listed.data, &resolved, NULL, err);
    if (rc <= 0)
        return rc;
    if ((count & (count + 1)) == 0) {
        char **grown = pp_array_resize(restore->conffiles, 2 * (count + 1), sizeof(*grown));

        if (grown == NULL)
            return pp_err_nomem(err);
        restore->conffiles = grown;
    }
    restore->conffiles[count] = strdup((const char *)resolved.data);
    if (restore->conffiles[count] == NULL)
        return pp_err_nomem(err);
    restore->conffile_count++;
    return 0;
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int collect_conffiles(struct restore *restore, struct pp_err *err) {
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < restore->dpkg.count; i++) {
        restore->package = &restore->dpkg.packages[i];
        rc = pp_dpkg_conffiles(restore->package, add_conffile, restore, err);
    }
    if (restore->conffile_count > 0)
        qsort(restore->conffiles, restore->conffile_count, sizeof(*restore->conffiles),
              compare_texts);
    return rc < 0 ? rc : 0;
}

/* Returns 1 or 0. One that is not configured yet counts as well. */
static int is_conffile(const struct restore *restore, const char *path, struct pp_err *err) {
    size_t suffix_len = sizeof(PP_DPKG_NEW) - 1;
    size_t len = strlen(path);
    PP_AUTO_FREE char *name = strdup(path);

    if (name == NULL)
        return pp_err_nomem(err);
    if (len > suffix_len && strcmp(name + len - suffix_len, PP_DPKG_NEW) == 0)
        name[len - suffix_len] = '\0';
    return restore->conffile_count > 0 &&
           bsearch(&name, restore->conffiles, restore->conffile_count, sizeof(*restore->conffiles),
                   compare_texts) != NULL;
}

/* ---- which rows ---- */

/* Is `key`, "name:arch", the package that is called `name`, with or without its architecture? */
static bool is_package(const char *key, const char *name) {
    size_t len = strlen(name);

    return strncmp(key, name, len) == 0 && (key[len] == ':' || key[len] == '\0');
}

static bool is_asked_for(const struct pp_restore_options *options, const struct pp_row *row) {
    if (options->package != NULL && !is_package(row->package, options->package))
        return false;
    for (size_t i = 0; i < options->path_count; i++)
        if (options->paths[i][0] == '\0' || pp_path_below(row->path, options->paths[i]) != NULL)
            return true;
    return options->path_count == 0;
}

static bool is_recorded(const struct restore *restore, const char *path) {
    for (size_t i = 0; i < restore->rows.count; i++)
        if (pp_path_below(restore->rows.items[i].path, path) != NULL)
            return true;
    return false;
}

/* A path that leads nowhere is a slip of whoever wrote it. */
static int check_paths(struct restore *restore, struct pp_err *err) {
    const struct pp_record *record = restore->record;

    for (size_t i = 0; i < restore->options->path_count; i++) {
        const char *path = restore->options->paths[i];
        struct pp_err problem = PP_ERR_INIT;
        struct pp_report report = {.path = path, .outcome = PP_OUTCOME_UNREADABLE, .err = &problem};
        struct stat st;

        if (path[0] == '\0' ||
            fstatat(record->session->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
            is_recorded(restore, path))
            continue;
        pp_err_sys(&problem, "nothing is recorded of it, and one cannot look at it");
        if (problem.kind == PP_ERR_NOMEM)
            return pp_err_nomem(err);
        pp_report_tell(&report, record->options.reporter, restore->tally);
    }
    return 0;
}

/* Is there such a package, for dpkg or in the ledger? */
static int check_package(const struct restore *restore, struct pp_err *err) {
    const char *name = restore->options->package;

    for (size_t i = 0; i < restore->rows.count; i++)
        if (is_package(restore->rows.items[i].package, name))
            return 0;
    for (size_t i = 0; i < restore->dpkg.count; i++)
        if (is_package(restore->dpkg.packages[i].key, name))
            return 0;
    return pp_err_set(err, PP_ERR_USAGE,
                      "--package %s: there is no such package, and nothing is recorded of one; "
                      "pathpatch status lists those that are patched",
                      name);
}

static void report_conffile(struct restore *restore, const struct pp_row *row) {
    const struct pp_reporter *reporter = restore->record->options.reporter;
    struct pp_err err = PP_ERR_INIT;
    struct pp_report report = {.path = row->path, .outcome = PP_OUTCOME_LEFT, .err = &err};

    pp_err_set(&err, PP_ERR_REFUSED,
               "a conffile, left as dpkg recorded it; --conffiles restores it");
    restore->tally->skipped++;
    reporter->report(reporter->context, &report);
}

static int choose_rows(struct restore *restore, struct pp_err *err) {
    const struct pp_reporter *reporter = restore->record->options.reporter;
    uint64_t count = 0;
    int rc = pp_rows_load(&restore->rows, pp_journal_ledger(restore->record->journal), NULL, err);

    if (rc >= 0 && restore->options->package != NULL)
        rc = check_package(restore, err);
    if (rc >= 0)
        rc = check_paths(restore, err);
    if (rc < 0)
        return rc;
    restore->wanted = calloc(restore->rows.count + 1, sizeof(*restore->wanted));
    if (restore->wanted == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; rc >= 0 && i < restore->rows.count; i++) {
        const struct pp_row *row = &restore->rows.items[i];

        restore->wanted[i] = is_asked_for(restore->options, row);
        rc = restore->wanted[i] ? is_conffile(restore, row->path, err) : 0;
        if (rc > 0) {
            restore->wanted[i] = false;
            report_conffile(restore, row);
        }
        count += restore->wanted[i];
    }
    if (rc >= 0 && reporter->progress != NULL)
        reporter->progress(reporter->context, 0, count);
    return rc < 0 ? rc : 0;
}

static bool wants(void *context, const struct pp_ledger_file *file) {
    const struct restore *restore = context;
    const struct pp_row *row = pp_rows_find(&restore->rows, file->path);

    return row != NULL && restore->wanted[row - restore->rows.items];
}

/* ---- md5sums ---- */

static int compare_packages(const void *left, const void *right) {
    const char *a = *(const char *const *)left;
    const char *b = *(const char *const *)right;
    size_t a_len = strcspn(a, ":");
    size_t b_len = strcspn(b, ":");
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Writes the hashes that the rows hold now into the md5sums of every package that may list one of
 * them: those of the same name, in any architecture. What no package owned may be in any. */
static int mend_sums(struct restore *restore, struct pp_err *err) {
    PP_AUTO_FREE const char **packages = calloc(restore->rows.count + 1, sizeof(*packages));
    size_t count = 0;
    bool any = false;
    int rc = 0;

    if (packages == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < restore->rows.count; i++) {
        if (restore->wanted[i])
            packages[count++] = restore->rows.items[i].package;
        any = any || (restore->wanted[i] && restore->rows.items[i].package[0] == '\0');
    }
    if (count > 0)
        qsort(packages, count, sizeof(*packages), compare_packages);
    for (size_t i = 0; rc >= 0 && count > 0 && i < restore->dpkg.count; i++) {
        const struct pp_dpkg_package *package = &restore->dpkg.packages[i];
        const char *key = package->key;

        if (any || bsearch(&key, packages, count, sizeof(*packages), compare_packages) != NULL)
            rc = pp_dpkg_rows_sums(restore->record, &restore->info, package, &restore->rows, err);
    }
    return rc < 0 ? rc : 0;
}

/* The sums come first: once its rows are gone, a run that was killed could not be made up for. */
static int foretell_sums(struct restore *restore, struct pp_err *err) {
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < restore->rows.count; i++) {
        struct pp_row *row = &restore->rows.items[i];

        if (!restore->wanted[i])
            continue;
        rc = pp_row_fits(restore->record, row, err);
        if (rc > 0)
            row->current = row->shipped;
    }
    return rc < 0 ? rc : mend_sums(restore, err);
}

/* A file that was begun will be as shipped: the next run ends it, and has no row of it then. */
static int expect_shipped(void *context, const struct pp_ledger_intent *intent,
                          struct pp_err *err) {
    struct pp_row *row = (struct pp_row *)pp_rows_find(context, intent->file.path);

    (void)err;
    if (row != NULL && intent->undo)
        row->current = row->shipped;
    return 0;
}

/* And once more, for files that could not be restored, and for links that went with others. */
static int correct_sums(struct restore *restore, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(restore->record->journal);
    PP_AUTO_ROWS struct pp_rows now = PP_ROWS_INIT;
    bool changed = false;
    int rc = pp_rows_load(&now, ledger, NULL, err);

    if (rc >= 0)
        rc = pp_ledger_intents(ledger, expect_shipped, &now, err);
    for (size_t i = 0; rc >= 0 && i < restore->rows.count; i++) {
        struct pp_row *row = &restore->rows.items[i];
        const struct pp_row *left = pp_rows_find(&now, row->path);

        if (restore->wanted[i] == (left == NULL))
            continue;
        row->current = left != NULL ? left->current : row->shipped;
        restore->wanted[i] = true;
        changed = true;
    }
    return rc < 0 || !changed ? rc : mend_sums(restore, err);
}

static int restore_rows(struct restore *restore, struct pp_err *err) {
    struct pp_journal_rows rows = {.wants = wants, .context = restore};
    bool sums = restore->has_dpkg && !restore->record->options.dry_run;
    int rc = sums ? foretell_sums(restore, err) : 0;

    if (rc >= 0)
        rc = pp_journal_restore(restore->record->journal, &rows, err);
    pp_record_take_tally(restore->record, restore->tally);
    return rc >= 0 && sums ? correct_sums(restore, err) : rc;
}

int pp_restore(struct pp_record *record, const struct pp_restore_options *options,
               struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO(restore_done)
    struct restore restore = {.record = record,
                              .options = options,
                              .tally = tally,
                              .dpkg = PP_DPKG_INIT,
                              .info = PP_DPKG_INFO_INIT,
                              .rows = PP_ROWS_INIT};
    int rc = open_dpkg(&restore, err);

    pp_sandbox_end_programs();
    if (rc >= 0 && restore.has_dpkg)
        rc = follow_dpkg(&restore, err);
    if (rc >= 0 && restore.has_dpkg && !options->conffiles)
        rc = collect_conffiles(&restore, err);
    if (rc >= 0)
        rc = choose_rows(&restore, err);
    return rc < 0 ? rc : restore_rows(&restore, err);
}
