#include "dpkg/dpkg.h"

#include "base/cleanup.h"
#include "base/sandbox.h"
#include "core/apply.h"
#include "core/interest.h"
#include "dpkg/dpkg_hook.h"
#include "dpkg/dpkg_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct check {
    struct pp_hook hook;
    struct pp_rows rows; /* of all packages */
    void (*tell)(void *context, const struct pp_dpkg_finding *finding);
    void *context;
    struct pp_buffer configure; /* "pathpatch dpkg configure", for this root */
    const struct pp_dpkg_package *package;
};

static void check_done(struct check *check) {
    pp_buffer_done(&check->configure);
    pp_rows_done(&check->rows);
    pp_hook_done(&check->hook);
}

static void tell(const struct check *check, enum pp_dpkg_finding_code code, const char *subject,
                 const char *text, const char *command) {
    check->tell(check->context, &(struct pp_dpkg_finding){code, subject, text, command});
}

/* ---- values ---- */

static bool same_folder(const struct pp_session *session, const char *left, const char *right) {
    struct stat a;
    struct stat b;

    return fstatat(session->root, left[1] != '\0' ? left + 1 : ".", &a, 0) == 0 &&
           fstatat(session->root, right[1] != '\0' ? right + 1 : ".", &b, 0) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The placeholder with the shortest default that dpkg's database lies below, or -1. */
static int find_outermost(const struct pp_table *table) {
    int found = -1;

    for (size_t i = 0; i < table->count; i++) {
        const char *path = table->placeholders[i].default_path;

        if (pp_path_below(table->admindir, path) != NULL &&
            (found < 0 || strlen(path) < strlen(table->placeholders[found].default_path)))
            found = (int)i;
    }
    return found;
}

/* Appends an option with NAME=PATH, of a path in two parts. */
static int append_value(struct pp_buffer *command, const char *option, const char *name,
                        const char *base, const char *rest, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer word = PP_BUFFER_INIT;
    int rc = pp_buffer_printf(&word, err, "%s=%s%s", name, base, rest);

    if (rc >= 0)
        rc = pp_buffer_printf(command, err, " %s ", option);
    return rc < 0 ? rc : pp_buffer_append_word(command, (const char *)word.data, err);
}

/* The values that follow from the folder that dpkg works in. */
static int tell_values(const struct check *check, size_t index, const char *base,
                       struct pp_err *err) {
    const struct pp_session *session = check->hook.record->session;
    const struct pp_table *table = &session->table;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer command = PP_BUFFER_INIT;
    int rc = pp_buffer_printf(&text, err, "the value '%s' is recorded, but dpkg works in '%s'",
                              session->values.values[index].path, base);

    if (rc >= 0)
        rc = pp_buffer_append(&command, check->configure.data, check->configure.len, err);
    /* The tree was moved, most likely: its files hold the values that are recorded. */
    if (rc >= 0)
        rc = append_value(&command, "--was", table->placeholders[index].name,
                          session->values.values[index].path, "", err);
    for (size_t i = 0; rc >= 0 && i < table->count; i++) {
        const char *rest = pp_path_below(table->placeholders[i].default_path,
                                         table->placeholders[index].default_path);

        if (rest != NULL)
            rc = append_value(&command, "--set", table->placeholders[i].name, base, rest, err);
    }
    if (rc >= 0)
        tell(check, PP_DPKG_VALUES, table->placeholders[index].name, (const char *)text.data,
             (const char *)command.data);
    return rc;
}

static int check_values(const struct check *check, struct pp_err *err) {
    const struct pp_session *session = check->hook.record->session;
    const struct pp_table *table = &session->table;
    const char *admindir = pp_path_below(session->admindir, session->root_path);
    int index = find_outermost(table);
    PP_AUTO_FREE char *base = NULL;
    const char *tail;

    if (index < 0 || admindir == NULL ||
        pp_envfile_get(&session->recorded, table->placeholders[index].name) == NULL)
        return 0;
    tail = pp_path_below(table->admindir, table->placeholders[index].default_path);
    if (strlen(admindir) <= strlen(tail) ||
        strcmp(admindir + strlen(admindir) - strlen(tail), tail) != 0)
        return 0;
    base = strndup(admindir, strlen(admindir) - strlen(tail));
    if (base == NULL)
        return pp_err_nomem(err);
    if (same_folder(session, base, session->values.values[index].path))
        return 0;
    return tell_values(check, (size_t)index, base, err);
}

/* ---- dpkg's side ---- */

static int check_interest(const struct check *check, struct pp_err *err) {
    int rc;

    if (!pp_hook_has_own(&check->hook))
        return 0;
    rc = pp_interest_known(check->hook.info.admindir, err);
    if (rc == 0)
        tell(check, PP_DPKG_INTEREST, PP_OWN_NAME,
             "dpkg does not know that it waits for its trigger: no package is patched in time",
             (const char *)check->configure.data);
    return rc < 0 ? rc : 0;
}

static bool is_installed(const struct pp_hook_package *found) {
    return strcmp(found->package->status, "installed") == 0;
}

static int check_packages(const struct check *check, struct pp_err *err) {
    const char *configure = (const char *)check->configure.data;
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < check->hook.package_count; i++) {
        const struct pp_hook_package *found = &check->hook.packages[i];

        if (!is_installed(found)) {
            tell(check, PP_DPKG_UNCONFIGURED, found->package->key, "is not configured yet",
                 "dpkg --configure -a");
            continue;
        }
        rc = pp_dpkg_rows_sums(check->hook.record, &check->hook.info, found->package, &check->rows,
                               err);
        if (rc > 0)
            tell(check, PP_DPKG_SUMS, found->package->key,
                 "its md5sums are not those of the patched files", configure);
    }
    return rc < 0 ? rc : 0;
}

/* A field that names no table we know: nothing in the package is patched. */
static int check_tables(const struct check *check, struct pp_err *err) {
    const struct pp_session *session = check->hook.record->session;

    for (size_t i = 0; i < check->hook.dpkg.count; i++) {
        const struct pp_dpkg_package *package = &check->hook.dpkg.packages[i];
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer command = PP_BUFFER_INIT;

        if (package->variables[0] == '\0' || strcmp(package->variables, "yes") == 0 ||
            !pp_dpkg_has_files(package) || pp_table_has(&session->table, package->variables))
            continue;
        if (pp_buffer_printf(&text, err, "names the table '%s', which is not there",
                             package->variables) < 0 ||
            pp_buffer_printf(&command, err,
                             "apt-get install --reinstall \"$(apt-file search -lx "
                             "'/pathpatch/tables/%s[.]ini$')\"",
                             package->variables) < 0)
            return -(int)err->kind;
        tell(check, PP_DPKG_TABLE, package->key, (const char *)text.data,
             (const char *)command.data);
    }
    return 0;
}

/* ---- files ---- */

static const char *package_of(const struct check *check, const char *path) {
    for (size_t i = 0; i < check->hook.path_count; i++)
        if (strcmp(check->hook.paths[i].path, path) == 0)
            return check->hook.paths[i].package;
    return "";
}

/* A package of which the hook knows nothing, those of a bootstrap, has nothing to mend where none
 * of its files does. Told once. */
static void tell_unpatched(struct check *check, const char *key) {
    for (size_t i = 0; i < check->hook.package_count; i++) {
        struct pp_hook_package *found = &check->hook.packages[i];

        if (strcmp(found->package->key, key) != 0 || found->stamped || !is_installed(found))
            continue;
        tell(check, PP_DPKG_UNPATCHED, key, "takes part, and was not patched as it is now",
             (const char *)check->configure.data);
        found->stamped = true;
    }
}

static void on_report(void *context, const struct pp_report *report) {
    struct check *check = context;

    /* Files that have a row are told of by pp_verify(). */
    if (report->outcome != PP_OUTCOME_PATCHED || pp_rows_find(&check->rows, report->path) != NULL)
        return;
    tell_unpatched(check, package_of(check, report->path));
    tell(check, PP_DPKG_PLACEHOLDERS, report->path, "still holds placeholders",
         (const char *)check->configure.data);
}

static int check_files(struct check *check, struct pp_err *err) {
    struct pp_record *record = check->hook.record;
    const struct pp_reporter reporter = {.report = on_report, .context = check};
    const struct pp_reporter *before = record->options.reporter;
    struct pp_apply_options options = {
        .mode = PP_WALKER_LIST, .paths = check->hook.paths, .path_count = check->hook.path_count};
    struct pp_tally tally = {0};
    int rc;

    if (options.path_count == 0)
        return 0;
    record->options.reporter = &reporter;
    rc = pp_apply(record, &options, &tally, err);
    record->options.reporter = before;
    return rc;
}

/* A conffile that was edited, or removed, is the user's: nothing is wrong with it. */
static int drop_edited(void *context, const char *path, const char *md5, struct pp_err *err) {
    struct check *check = context;
    struct pp_record *record = check->hook.record;
    PP_AUTO_BUFFER struct pp_buffer resolved = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer full = PP_BUFFER_INIT;
    const struct pp_row *row;
    int rc = pp_buffer_printf(&full, err, "/%s", path);

    (void)md5;
    if (rc >= 0)
        rc = pp_dpkg_resolve(record, &check->hook.info, check->package, (const char *)full.data,
                             &resolved, NULL, err);
    row = rc > 0 ? pp_rows_find(&check->rows, (const char *)resolved.data) : NULL;
    if (row == NULL)
        return rc < 0 ? rc : 0;
    rc = pp_row_fits(record, row, err);
    return rc != 0 ? (rc < 0 ? rc : 0)
                   : pp_ledger_forget(pp_journal_ledger(record->journal), row->path, err);
}

/* Brings the ledger in line with dpkg. It is open for reading: nothing of that is kept. */
static int reconcile(struct check *check, struct pp_err *err) {
    const struct pp_dpkg *dpkg = &check->hook.dpkg;
    struct pp_record *record = check->hook.record;
    int rc = pp_dpkg_rows_follow(record, dpkg, err);

    if (rc >= 0)
        rc = pp_rows_load(&check->rows, pp_journal_ledger(record->journal), NULL, err);
    for (size_t i = 0; rc >= 0 && i < dpkg->count; i++) {
        check->package = &dpkg->packages[i];
        rc = pp_dpkg_conffiles(check->package, drop_edited, check, err);
    }
    return rc;
}

int pp_dpkg_check(struct pp_record *record,
                  void (*told)(void *context, const struct pp_dpkg_finding *finding), void *context,
                  struct pp_err *err) {
    PP_AUTO(check_done)
    struct check check = {
        .rows = PP_ROWS_INIT, .tell = told, .context = context, .configure = PP_BUFFER_INIT};
    const struct pp_session *session = record->session;
    PP_AUTO_DPKG_QUERY struct pp_dpkg_query query = PP_DPKG_QUERY_INIT;
    int rc = pp_hook_open(&check.hook, record, err);

    if (rc >= 0)
        rc = pp_dpkg_query_start(&query, session->admindir, NULL, err);
    pp_sandbox_end_programs();
    if (rc < 0 && err->kind == PP_ERR_SYSTEM && err->sys == ENOENT) {
        pp_err_clear(err);
        return 0;
    }
    if (rc >= 0)
        rc = pp_hook_hear(&check.hook, &query, err);
    if (rc >= 0)
        rc = pp_buffer_printf(&check.configure, err, PP_OWN_NAME " dpkg configure");
    if (rc >= 0)
        rc = pp_session_words(session, &check.configure, err);
    if (rc >= 0)
        rc = reconcile(&check, err);
    if (rc >= 0)
        rc = check_interest(&check, err);
    if (rc >= 0)
        rc = check_tables(&check, err);
    /* Without values everything is as shipped, and as it should be. */
    if (rc < 0 || (pp_values_are_default(&session->values) && session->recorded.count == 0))
        return rc;
    rc = check_values(&check, err);
    if (rc >= 0)
        rc = pp_hook_collect(&check.hook, true, err);
    if (rc >= 0)
        rc = check_packages(&check, err);
    return rc < 0 ? rc : check_files(&check, err);
}
