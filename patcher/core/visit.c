#include "core/visit.h"

#include "base/blob.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pp_visited_free(struct pp_visited *visited) {
    if (visited == NULL)
        return;
    pp_findings_done(&visited->findings);
    free(visited->path);
    free(visited->target);
    free(visited);
}

static void note_stat(struct pp_visited *visited, const struct stat *st) {
    visited->mode = st->st_mode & 07777;
    visited->link_count = (uint32_t)st->st_nlink;
    visited->identity = pp_identity_of(st);
}

static int look_at_symlink(const struct pp_policy *policy, const struct pp_walker_entry *entry,
                           struct pp_visited *visited, struct pp_err *err) {
    char target[PATH_MAX + 1];
    ssize_t len = readlinkat(entry->dir, entry->name, target, sizeof(target));
    struct stat st;
    int rc;

    if (len < 0)
        return pp_err_sys(err, "cannot read the symlink");
    rc = pp_content_scan_text(policy, target, (size_t)len, &visited->findings, &visited->target,
                              err);
    if (rc < 0 || (visited->findings.count == 0 && visited->findings.problem_count == 0))
        return rc;
    if (fstatat(entry->dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "cannot look at the symlink");
    note_stat(visited, &st);
    return 0;
}

enum glance {
    GLANCE_NOTHING,
    GLANCE_FOUND,
    GLANCE_LARGE, /* more than the buffer takes: not looked at */
};

/* Most files are small: they are read at once, and looked at as if they were no executables. `len`
 * is how much was read. Returns an enum glance. */
static int glance_at_file(const struct pp_policy *policy, int fd, uint8_t *buffer, size_t *len,
                          struct pp_findings *findings, struct pp_err *err) {
    ssize_t count = pp_io_read(fd, buffer, PP_VISIT_BUFFER_LEN, err);
    struct pp_blob blob;
    int rc;

    *len = count < 0 ? 0 : (size_t)count;
    if (count < 0 || *len == PP_VISIT_BUFFER_LEN) {
        pp_err_clear(err);
        return GLANCE_LARGE;
    }
    blob = pp_blob_memory(buffer, *len);
    rc = pp_content_scan(policy, &blob, 0, findings, err);
    if (rc < 0)
        return rc;
    return findings->count > 0 || findings->problem_count > 0 ? GLANCE_FOUND : GLANCE_NOTHING;
}

static int look_at_file(const struct pp_policy *policy, const struct pp_walker_entry *entry,
                        uint8_t *buffer, struct pp_visited *visited, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(entry->dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_blob blob;
    struct stat st;
    size_t len;
    int seen;

    if (fd < 0)
        return pp_err_sys(err, "cannot open");
    seen = glance_at_file(policy, fd, buffer, &len, &visited->findings, err);
    if (seen < 0 || seen == GLANCE_NOTHING)
        return seen;
    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at it");
    if (!S_ISREG(st.st_mode))
        return pp_err_set(err, PP_ERR_CHANGED, "is no regular file any more");
    note_stat(visited, &st);
    if (seen == GLANCE_FOUND && (visited->mode & 0111) == 0 && (uint64_t)st.st_size == len)
        return 0;
    pp_findings_done(&visited->findings);
    blob = pp_blob_begun(fd, (uint64_t)st.st_size, buffer, len);
    return pp_content_scan(policy, &blob, visited->mode, &visited->findings, err);
}

int pp_visit(const struct pp_policy *policy, const struct pp_walker_entry *entry, uint8_t *buffer,
             struct pp_visited **visited, struct pp_err *err) {
    struct pp_visited found = {.is_symlink = entry->is_symlink,
                               .tag = entry->tag,
                               .findings = PP_FINDINGS_INIT,
                               .err = PP_ERR_INIT};
    int rc = entry->is_symlink ? look_at_symlink(policy, entry, &found, &found.err)
                               : look_at_file(policy, entry, buffer, &found, &found.err);

    /* There is nothing to tell, or somebody removed it since its folder was read. */
    if (rc >= 0 && found.findings.count == 0 && found.findings.problem_count == 0)
        return found.findings.closed ? 1 : 0;
    if (rc < 0 && found.err.kind == PP_ERR_SYSTEM && found.err.sys == ENOENT)
        return 0;
    if (found.err.kind != PP_ERR_NOMEM) {
        found.outcome = rc < 0 ? PP_OUTCOME_UNREADABLE : PP_OUTCOME_FOUND;
        found.path = strdup(entry->path);
        *visited = malloc(sizeof(found));
        if (found.path != NULL && *visited != NULL) {
            **visited = found;
            return found.findings.closed ? 1 : 0;
        }
        free(*visited);
        *visited = NULL;
    }
    pp_findings_done(&found.findings);
    free(found.path);
    free(found.target);
    return pp_err_nomem(err);
}

static int drop_bytes(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    (void)sink;
    (void)data;
    (void)len;
    (void)err;
    return 0;
}

static const struct pp_sink_ops drop_ops = {.write = drop_bytes};

static int rehearse(const struct pp_policy *policy, const struct pp_walker_entry *entry,
                    struct pp_visited *visited, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(entry->dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_blob blob = pp_blob_file(fd, 0, visited->identity.size);
    struct pp_sink nowhere = {&drop_ops};

    if (fd < 0)
        return pp_err_sys(err, "cannot open");
    return pp_content_rewrite(policy, &blob, visited->mode, &visited->findings, &nowhere, err);
}

int pp_visit_rehearse(const struct pp_policy *policy, const struct pp_walker_entry *entry,
                      struct pp_visited *visited, struct pp_err *err) {
    if (visited->is_symlink || visited->outcome != PP_OUTCOME_FOUND ||
        pp_findings_in_place(&visited->findings) ||
        rehearse(policy, entry, visited, &visited->err) >= 0)
        return 0;
    if (visited->err.kind == PP_ERR_NOMEM)
        return pp_err_nomem(err);
    visited->outcome = PP_OUTCOME_LEFT;
    return 0;
}
