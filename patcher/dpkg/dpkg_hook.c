#include "dpkg/dpkg_hook.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "core/interest.h"
#include "dpkg/dpkg_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Part of every stamp: with another number all packages are looked at again. */
#define FORMAT_VERSION "1"

void pp_hook_done(struct pp_hook *hook) {
    for (size_t i = 0; i < hook->path_count; i++)
        free((char *)hook->paths[i].path);
    free(hook->paths);
    free(hook->packages);
    for (size_t i = 0; i < hook->known_count; i++) {
        free(hook->known[i].key);
        free(hook->known[i].version);
    }
    free(hook->known);
    pp_dpkg_info_done(&hook->info);
    pp_dpkg_done(&hook->dpkg);
}

static void digest_text(struct pp_digester *digester, const char *text) {
    pp_digester_update(digester, text, strlen(text) + 1);
}

/* What a package's look depends on besides the package itself. */
static void make_config(struct pp_hook *hook) {
    const struct pp_session *session = hook->record->session;
    char executables = (char)('0' + session->policy.executables);
    struct pp_digester digester;
    struct pp_digest digest;

    pp_digester_init(&digester, false);
    digest_text(&digester, FORMAT_VERSION);
    digest_text(&digester, session->table.name);
    pp_digester_update(&digester, &executables, 1);
    /* A diversion moves a file of any package, and changes no list. */
    pp_digester_update(&digester, hook->info.diversions_sha256, PP_SHA256_LEN);
    for (size_t i = 0; i < session->table.count; i++) {
        digest_text(&digester, session->table.placeholders[i].name);
        digest_text(&digester, session->table.placeholders[i].text);
        digest_text(&digester, session->values.values[i].path);
    }
    pp_digester_final(&digester, &digest);
    memcpy(hook->config, digest.sha256, sizeof(hook->config));
}

static bool takes_part(const struct pp_hook *hook, const struct pp_dpkg_package *package) {
    return pp_dpkg_has_files(package) &&
           pp_session_serves(hook->record->session, package->variables);
}

static int add_path(struct pp_hook *hook, const char *path, const struct pp_dpkg_package *package,
                    struct pp_err *err) {
    if ((hook->path_count & (hook->path_count + 1)) == 0) {
        struct pp_apply_path *paths =
            pp_array_resize(hook->paths, 2 * (hook->path_count + 1), sizeof(*paths));

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
static int add_listed(struct pp_hook *hook, struct pp_hook_package *found, const char *path,
                      struct pp_err *err) {
    const struct pp_session *session = hook->record->session;
    const struct pp_dpkg_package *package = found->package;
    PP_AUTO_FREE char *located =
        pp_session_locate(session, pp_dpkg_info_divert(&hook->info, package, path));
    PP_AUTO_BUFFER struct pp_buffer fresh = PP_BUFFER_INIT;
    struct stat st;
    bool is_there;

    if (located == NULL)
        return pp_err_nomem(err);
    if (strcmp(package->status, "installed") == 0)
        return add_path(hook, located, package, err);
    if (pp_buffer_printf(&fresh, err, "%s" PP_DPKG_NEW, located) < 0)
        return -(int)err->kind;
    is_there = fstatat(session->root, (const char *)fresh.data, &st, AT_SYMLINK_NOFOLLOW) == 0;
    /* What else is wrong with it is told when it is to be read. */
    if (!is_there && (errno == ENOENT || errno == ENOTDIR))
        return add_path(hook, located, package, err);
    if (is_there && package->multi_arch_same) {
        /* The other architecture's conffile is compared with this one: after configure. */
        found->again = true;
        return 0;
    }
    return add_path(hook, (const char *)fresh.data, package, err);
}

static int add_package(struct pp_hook *hook, struct pp_hook_package *found, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer list = PP_BUFFER_INIT;
    struct stat st;
    char *rest;
    char *line;
    int rc = pp_dpkg_info_read(&hook->info, found->package, "list", &list, &st, err);

    if (rc <= 0)
        return rc;
    rest = (char *)list.data;
    while (rc >= 0 && (line = strsep(&rest, "\n")) != NULL)
        if (line[0] == '/' && strcmp(line, "/.") != 0)
            rc = add_listed(hook, found, line, err);
    return rc;
}

static void note_list(struct pp_ledger_stamp *stamp, const struct stat *list) {
    stamp->list_mtime = list->st_mtim;
    stamp->list_ino = list->st_ino;
    stamp->list_size = (uint64_t)list->st_size;
}

/* The list of a package tells more of it than dpkg does, and before dpkg answers. */
static int note_known(void *context, const char *package, const struct pp_ledger_stamp *stamp,
                      struct pp_err *err) {
    struct pp_hook *hook = context;
    struct pp_ledger_stamp now = *stamp;
    struct pp_hook_known *known;
    struct stat list;
    bool listed;
    int rc = pp_dpkg_info_stat_key(&hook->info, package, "list", &list, err);

    if (rc < 0)
        return rc;
    if ((hook->known_count & (hook->known_count + 1)) == 0) {
        known = pp_array_resize(hook->known, 2 * (hook->known_count + 1), sizeof(*known));
        if (known == NULL)
            return pp_err_nomem(err);
        hook->known = known;
    }
    if (rc > 0)
        note_list(&now, &list);
    listed = rc > 0 && pp_ledger_same_stamp(&now, stamp);
    known = &hook->known[hook->known_count++];
    *known = (struct pp_hook_known){
        .key = strdup(package),
        .version = strdup(stamp->version),
        .listed = listed,
        .same = listed && memcmp(stamp->config, hook->config, sizeof(hook->config)) == 0};
    return known->key == NULL || known->version == NULL ? pp_err_nomem(err) : 0;
}

static int compare_known(const void *key, const void *known) {
    return strcmp(key, ((const struct pp_hook_known *)known)->key);
}

/* Takes a package that takes part, with the stamp that it would get now: one that changed, or all.
 * When it is all, the tree may have been moved, and lists tell nothing. */
static int take_package(struct pp_hook *hook, const struct pp_dpkg_package *package, bool all,
                        struct pp_err *err) {
    struct pp_hook_package *found = &hook->packages[hook->package_count];
    const struct pp_hook_known *known = NULL;
    bool is_old;
    struct stat list;
    int rc;

    if (hook->known_count > 0)
        known =
            bsearch(package->key, hook->known, hook->known_count, sizeof(*known), compare_known);
    is_old = known != NULL && known->listed && strcmp(known->version, package->version) == 0;
    if (is_old && known->same && !all)
        return 0;
    rc = pp_dpkg_info_stat(&hook->info, package, "list", &list, err);
    if (rc <= 0)
        return rc;
    *found = (struct pp_hook_package){.package = package,
                                      .stamp = {.version = package->version},
                                      .stamped = is_old && known->same,
                                      .unpacked = known != NULL && !is_old && !all};
    note_list(&found->stamp, &list);
    memcpy(found->stamp.config, hook->config, sizeof(hook->config));
    hook->package_count++;
    return add_package(hook, found, err);
}

int pp_hook_collect(struct pp_hook *hook, bool all, struct pp_err *err) {
    int rc = 0;

    hook->packages = calloc(hook->dpkg.count + 1, sizeof(*hook->packages));
    if (hook->packages == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; rc >= 0 && i < hook->dpkg.count; i++)
        if (takes_part(hook, &hook->dpkg.packages[i]))
            rc = take_package(hook, &hook->dpkg.packages[i], all, err);
    return rc < 0 ? rc : 0;
}

int pp_hook_open(struct pp_hook *hook, struct pp_record *record, struct pp_err *err) {
    int rc;

    *hook = (struct pp_hook){.record = record, .dpkg = PP_DPKG_INIT, .info = PP_DPKG_INFO_INIT};
    rc = pp_dpkg_info_open(&hook->info, record->session->admindir, err);
    if (rc < 0)
        return rc;
    make_config(hook);
    return pp_ledger_stamps(pp_journal_ledger(record->journal), note_known, hook, err);
}

int pp_hook_hear(struct pp_hook *hook, struct pp_dpkg_query *query, struct pp_err *err) {
    return pp_dpkg_query_finish(query, &hook->dpkg, err);
}

bool pp_hook_has_own(const struct pp_hook *hook) {
    for (size_t i = 0; i < hook->dpkg.count; i++)
        if (strcmp(hook->dpkg.packages[i].name, PP_OWN_NAME) == 0 &&
            pp_dpkg_has_files(&hook->dpkg.packages[i]))
            return true;
    return false;
}
