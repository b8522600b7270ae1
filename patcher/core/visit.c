#include "core/visit.h"

#include "base/blob.h"
#include "base/cleanup.h"

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

    if (len < 0)
        return pp_err_sys(err, "cannot read the symlink");
    if (fstatat(entry->dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "cannot look at the symlink");
    note_stat(visited, &st);
    return pp_content_scan_text(policy, target, (size_t)len, &visited->findings, &visited->target,
                                err);
}

static int look_at_file(const struct pp_policy *policy, const struct pp_walker_entry *entry,
                        struct pp_visited *visited, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(entry->dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_blob blob;
    struct stat st;

    if (fd < 0)
        return pp_err_sys(err, "cannot open");
    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at it");
    if (!S_ISREG(st.st_mode))
        return pp_err_set(err, PP_ERR_CHANGED, "is no regular file any more");
    note_stat(visited, &st);
    blob = pp_blob_file(fd, 0, (uint64_t)st.st_size);
    return pp_content_scan(policy, &blob, visited->mode, &visited->findings, err);
}

int pp_visit(const struct pp_policy *policy, const struct pp_walker_entry *entry,
             struct pp_visited **visited, struct pp_err *err) {
    struct pp_visited *found = malloc(sizeof(*found));
    int rc;

    if (found == NULL)
        return pp_err_nomem(err);
    *found = (struct pp_visited){.path = strdup(entry->path),
                                 .is_symlink = entry->is_symlink,
                                 .tag = entry->tag,
                                 .findings = PP_FINDINGS_INIT,
                                 .err = PP_ERR_INIT};
    rc = found->path == NULL ? pp_err_nomem(&found->err)
         : entry->is_symlink ? look_at_symlink(policy, entry, found, &found->err)
                             : look_at_file(policy, entry, found, &found->err);
    if (rc < 0 && found->err.kind == PP_ERR_NOMEM) {
        pp_visited_free(found);
        return pp_err_nomem(err);
    }
    /* Somebody removed it since its folder was read, or there is nothing to tell. */
    if ((rc < 0 && found->err.kind == PP_ERR_SYSTEM && found->err.sys == ENOENT) ||
        (rc >= 0 && found->findings.count == 0 && found->findings.problem_count == 0))
        pp_visited_free(found);
    else
        *visited = found;
    return 0;
}
