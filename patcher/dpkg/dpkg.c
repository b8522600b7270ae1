#include "dpkg/dpkg.h"

#include "base/cleanup.h"
#include "core/apply.h"
#include "dpkg/dpkg_info.h"
#include "dpkg/dpkg_query.h"
#include "dpkg/dpkg_rows.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Part of every stamp: with another number all packages are looked at again. */
#define FORMAT_VERSION "1"

/* The field's word for the default table. */
#define DEFAULT_TABLE "yes"

struct hook {
    struct pp_record *record;
    struct pp_dpkg dpkg;
    struct pp_dpkg_info info;
    uint8_t config[PP_SHA256_LEN];
    struct changed {
        const struct pp_dpkg_package *package;
        struct pp_ledger_stamp stamp;
        bool again; /* something in it has to wait: no stamp yet */
    } * changed;
    size_t changed_count;
    struct pp_apply_path *paths; /* their `path` is ours to free */
    size_t path_count;
};

static void hook_done(struct hook *hook) {
    for (size_t i = 0; i < hook->path_count; i++)
        free((char *)hook->paths[i].path);
    free(hook->paths);
    free(hook->changed);
    pp_dpkg_info_done(&hook->info);
    pp_dpkg_done(&hook->dpkg);
}

static void digest_text(struct pp_digester *digester, const char *text) {
    pp_digester_update(digester, text, strlen(text) + 1);
}

/* What a package's look depends on besides the package itself. */
static void make_config(struct hook *hook) {
    const struct pp_session *session = hook->record->session;
    char executables = (char)('0' + session->policy.executables);
    struct pp_digester digester;
    struct pp_digest digest;

    pp_digester_init(&digester);
    digest_text(&digester, FORMAT_VERSION);
    digest_text(&digester, session->table.name);
    pp_digester_update(&digester, &executables, 1);
    for (size_t i = 0; i < session->table.count; i++) {
        digest_text(&digester, session->table.placeholders[i].name);
        digest_text(&digester, session->table.placeholders[i].text);
        digest_text(&digester, session->values.values[i].path);
    }
    pp_digester_final(&digester, &digest);
    memcpy(hook->config, digest.sha256, sizeof(hook->config));
}

static bool takes_part(const struct hook *hook, const struct pp_dpkg_package *package) {
    const struct pp_session *session = hook->record->session;

    if (package->variables[0] == '\0' || !pp_dpkg_has_files(package))
        return false;
    if (strcmp(package->variables, DEFAULT_TABLE) == 0)
        return session->options.table == NULL;
    return strcmp(package->variables, session->table.name) == 0;
}

static int add_path(struct hook *hook, const char *path, const struct pp_dpkg_package *package,
                    struct pp_err *err) {
    if ((hook->path_count & (hook->path_count + 1)) == 0) {
        struct pp_apply_path *paths =
            reallocarray(hook->paths, 2 * (hook->path_count + 1), sizeof(*paths));

        if (paths == NULL)
            return pp_err_nomem(err);
        hook->paths = paths;
    }
    hook->paths[hook->path_count] =
        (struct pp_apply_path){.path = strdup(path), .package = package->key};
    if (hook->paths[hook->path_count].path == NULL)
        return pp_err_nomem(err);
    hook->path_count++;
    return 0;
}

/* A path of the package as it lies below the root: CONF.dpkg-new in the place of a conffile that
 * is not configured yet. */
static int add_listed(struct hook *hook, struct changed *changed, const char *path,
                      struct pp_err *err) {
    const struct pp_session *session = hook->record->session;
    const struct pp_dpkg_package *package = changed->package;
    PP_AUTO_FREE char *located =
        pp_session_locate(session, pp_dpkg_info_divert(&hook->info, package, path));
    PP_AUTO_BUFFER struct pp_buffer fresh = PP_BUFFER_INIT;
    struct stat st;

    if (located == NULL)
        return pp_err_nomem(err);
    if (strcmp(package->status, "installed") == 0)
        return add_path(hook, located, package, err);
    if (pp_buffer_printf(&fresh, err, "%s" PP_DPKG_NEW, located) < 0)
        return -(int)err->kind;
    if (fstatat(session->root, (const char *)fresh.data, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return add_path(hook, located, package, err);
    if (package->multi_arch_same) {
        /* The other architecture's conffile is compared with this one: after configure. */
        changed->again = true;
        return 0;
    }
    return add_path(hook, (const char *)fresh.data, package, err);
}

static int add_package(struct hook *hook, struct changed *changed, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer list = PP_BUFFER_INIT;
    struct stat st;
    char *rest;
    char *line;
    int rc = pp_dpkg_info_read(&hook->info, changed->package, "list", &list, &st, err);

    if (rc <= 0)
        return rc;
    rest = (char *)list.data;
    while (rc >= 0 && (line = strsep(&rest, "\n")) != NULL)
        if (line[0] == '/' && strcmp(line, "/.") != 0)
            rc = add_listed(hook, changed, line, err);
    return rc;
}

/* Packages whose stamp is not what it was. */
static int find_changed(struct hook *hook, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(hook->record->journal);
    int rc = 0;

    hook->changed = calloc(hook->dpkg.count + 1, sizeof(*hook->changed));
    if (hook->changed == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; rc >= 0 && i < hook->dpkg.count; i++) {
        const struct pp_dpkg_package *package = &hook->dpkg.packages[i];
        struct changed *changed = &hook->changed[hook->changed_count];
        struct stat st;

        if (!takes_part(hook, package))
            continue;
        rc = pp_dpkg_info_stat(&hook->info, package, "list", &st, err);
        if (rc <= 0)
            continue;
        *changed = (struct changed){.package = package,
                                    .stamp = {.version = package->version,
                                              .list_mtime = st.st_mtim,
                                              .list_ino = st.st_ino,
                                              .list_size = (uint64_t)st.st_size}};
        memcpy(changed->stamp.config, hook->config, sizeof(hook->config));
        rc = pp_ledger_has_stamp(ledger, package->key, &changed->stamp, err);
        if (rc == 0)
            rc = add_package(hook, &hook->changed[hook->changed_count++], err);
    }
    return rc < 0 ? rc : 0;
}

/* Files that a bootstrap patched belong to no package until dpkg tells whose they are. */
static int adopt_rows(struct hook *hook, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(hook->record->journal);
    PP_AUTO_ROWS struct pp_rows rows = PP_ROWS_INIT;
    int rc = pp_rows_load(&rows, ledger, "", err);

    for (size_t i = 0; rc >= 0 && rows.count > 0 && i < hook->path_count; i++)
        if (pp_rows_find(&rows, hook->paths[i].path) != NULL)
            rc = pp_ledger_assign(ledger, hook->paths[i].path, hook->paths[i].package, err);
    return rc < 0 ? rc : 0;
}

static int finish_package(struct hook *hook, const struct changed *changed,
                          const struct pp_rows *rows, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(hook->record->journal);
    int rc = pp_dpkg_rows_sums(hook->record, &hook->info, changed->package, rows, err);

    if (rc >= 0 && !changed->again)
        rc = pp_ledger_put_stamp(ledger, changed->package->key, &changed->stamp, err);
    return rc < 0 ? pp_err_context(err, "%s", changed->package->key) : 0;
}

static int finish_rows(struct hook *hook, struct pp_err *err) {
    PP_AUTO_ROWS struct pp_rows rows = PP_ROWS_INIT;
    int rc = pp_dpkg_rows_follow(hook->record, &hook->dpkg, err);

    if (rc >= 0)
        rc = adopt_rows(hook, err);
    for (size_t i = 0; rc >= 0 && i < hook->changed_count; i++)
        rc = pp_dpkg_rows_expire(hook->record, hook->changed[i].package, err);
    if (rc >= 0 && hook->changed_count > 0)
        rc = pp_rows_load(&rows, pp_journal_ledger(hook->record->journal), NULL, err);
    for (size_t i = 0; rc >= 0 && i < hook->changed_count; i++)
        rc = finish_package(hook, &hook->changed[i], &rows, err);
    return rc;
}

static int finish(struct hook *hook, struct pp_err *err) {
    struct pp_ledger *ledger = pp_journal_ledger(hook->record->journal);
    int rc = pp_ledger_begin(ledger, err);

    if (rc < 0)
        return rc;
    rc = finish_rows(hook, err);
    if (rc >= 0)
        return pp_ledger_commit(ledger, err);
    pp_ledger_rollback(ledger);
    return rc;
}

int pp_dpkg_trigger(struct pp_record *record, struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO(hook_done)
    struct hook hook = {.record = record, .dpkg = PP_DPKG_INIT, .info = PP_DPKG_INFO_INIT};
    struct pp_apply_options options = {.mode = PP_WALKER_LIST};
    int rc = pp_dpkg_query(&hook.dpkg, record->session->admindir, NULL, err);

    if (rc >= 0)
        rc = pp_dpkg_info_open(&hook.info, record->session->admindir, err);
    if (rc < 0)
        return rc;
    make_config(&hook);
    rc = find_changed(&hook, err);
    if (rc >= 0 && hook.path_count > 0) {
        options.paths = hook.paths;
        options.path_count = hook.path_count;
        rc = pp_apply(record, &options, tally, err);
    }
    return rc < 0 ? rc : finish(&hook, err);
}
