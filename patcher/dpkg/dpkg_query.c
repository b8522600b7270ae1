#include "dpkg/dpkg_query.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_LEN_MAX ((size_t)64 << 20)
#define FIELD_COUNT 6
/* The exit status for a package that it does not know. */
#define UNKNOWN_STATUS 1
#define NOT_RUN 127 /* what a shell says of a program that it cannot run */

/* One line a package; its conffiles follow, each on a line that starts with a space. */
static const char format[] =
    "${Package}\\t${Architecture}\\t${Version}\\t${db:Status-Status}\\t${Multi-Arch}"
    "\\t${Dynamic-Variables}\\n${Conffiles}\\n";

void pp_dpkg_done(struct pp_dpkg *dpkg) {
    for (size_t i = 0; i < dpkg->count; i++)
        free(dpkg->packages[i].key);
    free(dpkg->packages);
    pp_buffer_done(&dpkg->text);
    *dpkg = (struct pp_dpkg)PP_DPKG_INIT;
}

/* In the child, which becomes dpkg-query or ends. */
static void become_query(const char *const *argv, int output, bool quiet) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (dup2(output, STDOUT_FILENO) >= 0 && (!quiet || dup2(null, STDERR_FILENO) >= 0))
        execvp(argv[0], (char *const *)argv);
    _exit(NOT_RUN);
}

/* bionic has no posix_spawn(3) before API 28. */
static int start_query(struct pp_dpkg_query *query, int output, struct pp_err *err) {
    PP_AUTO_FREE char *option = NULL;
    const char *argv[] = {"dpkg-query", NULL, "-W", "-f", format, query->name, NULL};

    if (asprintf(&option, "--admindir=%s", query->admindir) < 0) {
        option = NULL;
        return pp_err_nomem(err);
    }
    argv[1] = option;
    query->pid = fork();
    /* For a package that it does not know it complains; the answer is empty. */
    if (query->pid == 0)
        become_query(argv, output, query->name != NULL);
    return query->pid < 0 ? pp_err_sys(err, "cannot start dpkg-query") : 0;
}

/* dpkg-query ends, whether anybody wants to hear it or not. */
static void end_query(struct pp_dpkg_query *query, int *status) {
    pp_cleanup_close(&query->output);
    while (query->pid > 0 && waitpid(query->pid, status, 0) < 0 && errno == EINTR)
        ;
    query->pid = 0;
}

void pp_dpkg_query_done(struct pp_dpkg_query *query) {
    PP_AUTO_BUFFER struct pp_buffer ignored = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    int status;

    /* It would complain of an output that is closed. */
    if (query->output >= 0)
        pp_io_read_all(query->output, OUTPUT_LEN_MAX, &ignored, &err);
    end_query(query, &status);
}

int pp_dpkg_query_start(struct pp_dpkg_query *query, const char *admindir, const char *name,
                        struct pp_err *err) {
    int ends[2];
    int rc;

    pp_dpkg_query_done(query);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return pp_err_sys(err, "cannot make a pipe");
    *query = (struct pp_dpkg_query){.admindir = admindir, .name = name, .output = ends[0]};
    rc = start_query(query, ends[1], err);
    close(ends[1]);
    return rc;
}

static int read_answer(struct pp_dpkg_query *query, struct pp_buffer *text, struct pp_err *err) {
    int status = 0;
    int rc = pp_io_read_all(query->output, OUTPUT_LEN_MAX, text, err);

    end_query(query, &status);
    if (rc < 0)
        return pp_err_context(err, "dpkg-query");
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN)
        return pp_err_set(err, PP_ERR_SYSTEM, "cannot run dpkg-query: is it in PATH?");
    if (!WIFEXITED(status) || WEXITSTATUS(status) > (query->name != NULL ? UNKNOWN_STATUS : 0))
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "dpkg-query failed: is dpkg's database at %s sound?", query->admindir);
    return 0;
}

static int add_package(struct pp_dpkg *dpkg, char *line, struct pp_err *err) {
    char *fields[FIELD_COUNT];
    struct pp_dpkg_package *packages;
    struct pp_dpkg_package *package;

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        fields[i] = strsep(&line, "\t");
        if (fields[i] == NULL)
            return pp_err_set(err, PP_ERR_DAMAGED, "dpkg-query gave a line of %zu fields", i);
    }
    packages = pp_array_resize(dpkg->packages, dpkg->count + 1, sizeof(*packages));
    if (packages == NULL)
        return pp_err_nomem(err);
    dpkg->packages = packages;
    package = &packages[dpkg->count];
    *package = (struct pp_dpkg_package){.name = fields[0],
                                        .arch = fields[1],
                                        .version = fields[2],
                                        .status = fields[3],
                                        .multi_arch_same = strcmp(fields[4], "same") == 0,
                                        .variables = fields[5],
                                        .conffiles = ""};
    dpkg->count++;
    if (asprintf(&package->key, "%s:%s", package->name, package->arch) < 0)
        package->key = NULL;
    return package->key == NULL ? pp_err_nomem(err) : 0;
}

/* Cuts the lines of conffiles off, which start with a space. Returns them, or "". */
static const char *cut_conffiles(char **rest) {
    char *first = *rest;
    char *end = NULL;

    while (*rest != NULL && **rest == ' ') {
        end = strchr(*rest, '\n');
        *rest = end != NULL ? end + 1 : NULL;
    }
    if (end != NULL)
        *end = '\0';
    return first != *rest ? first : "";
}

static int compare_packages(const void *left, const void *right) {
    return strcmp(((const struct pp_dpkg_package *)left)->key,
                  ((const struct pp_dpkg_package *)right)->key);
}

static int parse(struct pp_dpkg *dpkg, struct pp_err *err) {
    char *rest = (char *)dpkg->text.data;
    int rc = 0;

    while (rc >= 0 && rest != NULL) {
        const char *conffiles = cut_conffiles(&rest);
        char *line = strsep(&rest, "\n");

        if (conffiles[0] != '\0' && dpkg->count > 0)
            dpkg->packages[dpkg->count - 1].conffiles = conffiles;
        if (line != NULL && line[0] != '\0')
            rc = add_package(dpkg, line, err);
    }
    if (rc >= 0 && dpkg->count > 0)
        qsort(dpkg->packages, dpkg->count, sizeof(*dpkg->packages), compare_packages);
    return rc;
}

int pp_dpkg_query_finish(struct pp_dpkg_query *query, struct pp_dpkg *dpkg, struct pp_err *err) {
    int rc;

    *dpkg = (struct pp_dpkg)PP_DPKG_INIT;
    rc = read_answer(query, &dpkg->text, err);
    if (rc >= 0)
        rc = parse(dpkg, err);
    if (rc < 0)
        pp_dpkg_done(dpkg);
    return rc;
}

int pp_dpkg_load(struct pp_dpkg *dpkg, const char *admindir, const char *name, struct pp_err *err) {
    PP_AUTO_DPKG_QUERY struct pp_dpkg_query query = PP_DPKG_QUERY_INIT;
    int rc = pp_dpkg_query_start(&query, admindir, name, err);

    *dpkg = (struct pp_dpkg)PP_DPKG_INIT;
    return rc < 0 ? rc : pp_dpkg_query_finish(&query, dpkg, err);
}

const struct pp_dpkg_package *pp_dpkg_find(const struct pp_dpkg *dpkg, const char *key) {
    struct pp_dpkg_package wanted = {.key = (char *)key};

    if (dpkg->count == 0)
        return NULL;
    return bsearch(&wanted, dpkg->packages, dpkg->count, sizeof(*dpkg->packages), compare_packages);
}

bool pp_dpkg_has_files(const struct pp_dpkg_package *package) {
    static const char *const states[] = {"unpacked", "half-configured", "triggers-awaited",
                                         "triggers-pending", "installed"};

    for (size_t i = 0; i < PP_ARRAY_LEN(states); i++)
        if (strcmp(package->status, states[i]) == 0)
            return true;
    return false;
}

/* What may follow the hash of a conffile. */
static bool is_flag(const char *word) {
    return strcmp(word, "obsolete") == 0 || strcmp(word, "remove-on-upgrade") == 0;
}

int pp_dpkg_conffiles(const struct pp_dpkg_package *package,
                      int (*each)(void *context, const char *path, const char *md5,
                                  struct pp_err *err),
                      void *context, struct pp_err *err) {
    PP_AUTO_FREE char *copy = strdup(package->conffiles);
    char *rest = copy;
    char *line;
    int rc = 0;

    if (copy == NULL)
        return pp_err_nomem(err);
    while (rc >= 0 && (line = strsep(&rest, "\n")) != NULL) {
        char *md5 = strrchr(line, ' ');

        for (; md5 != NULL && is_flag(md5 + 1); md5 = strrchr(line, ' '))
            *md5 = '\0';
        /* " /PATH MD5": the path may hold spaces, the rest does not. */
        if (line[0] != ' ' || line[1] != '/' || md5 == NULL || md5 == line)
            continue;
        *md5++ = '\0';
        rc = each(context, line + 2, md5, err);
    }
    return rc;
}
