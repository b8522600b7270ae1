#include "pad/pad.h"

#include "base/array.h"
#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/identity.h"
#include "base/source.h"
#include "base/spool.h"
#include "content/kind.h"
#include "deb/deb_build.h"
#include "pad/pad_package.h"
#include "tree/replace.h"
#include "tree/walker.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file with several names, under the one that was written. */
struct pp_pad_linked {
    uint64_t dev;
    uint64_t ino; /* that it had */
    char *path;
    uint64_t more; /* names that are still to come, here or elsewhere */
};

/* What a worker made of one file or symlink. */
struct padded {
    char *path;
    bool is_symlink;
    struct stat st;
    struct pp_findings findings;
    struct pp_spool
        content; /* what it shall be, where there are findings; of a symlink its target */
    enum pp_outcome outcome;
    struct pp_err err;
};

struct walk {
    struct pp_pad *pad;
    struct pp_tally *tally;
    atomic_uint_fast64_t files;
};

void pp_pad_init(struct pp_pad *pad, struct pp_session *session, bool dry_run,
                 const struct pp_reporter *reporter) {
    const struct pp_table *table = &session->table;

    *pad = (struct pp_pad){.session = session,
                           .retext = {.policy = &session->policy, .table = table},
                           .dry_run = dry_run,
                           .reporter = reporter};
    for (size_t i = 0; i < table->count; i++)
        pad->retext.put[i] = table->placeholders[i].text;
}

void pp_pad_done(struct pp_pad *pad) {
    for (size_t i = 0; i < pad->linked_count; i++)
        free(pad->linked[i].path);
    free(pad->linked);
    pad->linked = NULL;
    pad->linked_count = 0;
}

/* ---- what a file shall be; in any worker ---- */

static int pad_content(const struct pp_pad *pad, const struct pp_blob *blob, struct padded *padded,
                       struct pp_err *err) {
    uint8_t head[PP_KIND_HEAD_LEN];
    ssize_t len = pp_blob_read(blob, 0, head, sizeof(head), err);
    int count;

    if (len < 0)
        return (int)len;
    if (pp_kind_of(head, (size_t)len).is_deb)
        return pp_pad_package(&pad->retext, blob, &padded->content.sink, &padded->findings, err);
    count = pp_retext_content(&pad->retext, blob, padded->st.st_mode & 07777, &padded->content.sink,
                              &padded->findings, err);
    return count == PP_RETEXT_NO_TEXT ? 0 : count;
}

static int pad_file(const struct pp_pad *pad, const struct pp_walker_entry *entry,
                    struct padded *padded, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(entry->dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_blob blob;

    if (fd < 0)
        return pp_err_sys(err, "cannot open");
    if (fstat(fd, &padded->st) < 0)
        return pp_err_sys(err, "cannot look at it");
    blob = pp_blob_file(fd, 0, (uint64_t)padded->st.st_size);
    return pad_content(pad, &blob, padded, err);
}

static int pad_symlink(const struct pp_pad *pad, const struct pp_walker_entry *entry,
                       struct padded *padded, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    char target[PATH_MAX];
    ssize_t len = readlinkat(entry->dir, entry->name, target, sizeof(target));
    int count;

    if (len < 0 || fstatat(entry->dir, entry->name, &padded->st, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "cannot read the symlink");
    count = pp_retext_text(&pad->retext, (const uint8_t *)target, (size_t)len, &text,
                           &padded->findings, err);
    if (count <= 0)
        return count;
    if (text.len >= PATH_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "its target would be too long with padding");
    /* With its NUL. */
    return pp_sink_write(&padded->content.sink, text.data, text.len + 1, err) < 0 ? -(int)err->kind
                                                                                  : count;
}

static void padded_free(struct padded *padded) {
    pp_findings_done(&padded->findings);
    pp_spool_done(&padded->content);
    free(padded->path);
    free(padded);
}

static struct padded *padded_new(const char *path, struct pp_err *err) {
    struct padded *padded = calloc(1, sizeof(*padded));

    if (padded != NULL)
        padded->path = strdup(path);
    if (padded == NULL || padded->path == NULL) {
        free(padded);
        pp_err_nomem(err);
        return NULL;
    }
    pp_spool_init(&padded->content);
    return padded;
}

static int visit(void *context, unsigned worker, const struct pp_walker_entry *entry,
                 void **visited, struct pp_err *err) {
    struct walk *walk = context;
    struct padded *padded = padded_new(entry->path, err);
    int rc;

    (void)worker;
    if (padded == NULL)
        return -(int)err->kind;
    atomic_fetch_add(&walk->files, 1);
    padded->is_symlink = entry->is_symlink;
    padded->outcome = PP_OUTCOME_PATCHED;
    rc = entry->is_symlink ? pad_symlink(walk->pad, entry, padded, &padded->err)
                           : pad_file(walk->pad, entry, padded, &padded->err);
    if (rc < 0 && padded->err.kind == PP_ERR_NOMEM) {
        padded_free(padded);
        return pp_err_nomem(err);
    }
    if (rc == 0 && padded->findings.problem_count == 0) {
        padded_free(padded);
        return 0;
    }
    if (rc == 0)
        padded->outcome = PP_OUTCOME_FOUND;
    if (rc < 0) {
        pp_findings_done(&padded->findings);
        padded->outcome = pp_err_of_content(&padded->err) ? PP_OUTCOME_LEFT : PP_OUTCOME_UNREADABLE;
    }
    *visited = padded;
    return 0;
}

/* ---- writing it; in the calling thread ---- */

static int write_content(const struct padded *padded, int fd, struct pp_err *err) {
    struct pp_blob blob = pp_spool_blob(&padded->content);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&blob, err);
    struct pp_sink_fd sink;

    if (source == NULL)
        return -(int)err->kind;
    pp_sink_fd_init(&sink, fd);
    return pp_sink_copy(&sink.sink, source, err);
}

static int make_file(const struct padded *padded, const struct pp_place *place,
                     const char *temporary, struct pp_err *err) {
    PP_AUTO_CLOSE int from =
        openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    PP_AUTO_CLOSE int fd = -1;

    if (from < 0)
        return pp_err_sys(err, "cannot open");
    fd = pp_replace_create(place->dir, temporary, err);
    if (fd < 0 || write_content(padded, fd, err) < 0)
        return -(int)err->kind;
    return pp_replace_dress(fd, from, err);
}

static int make_symlink(const struct padded *padded, const struct pp_place *place,
                        const char *temporary, struct pp_err *err) {
    return pp_replace_symlink(place->dir, temporary, (const char *)padded->content.memory.data,
                              &padded->st, err);
}

static struct pp_pad_linked *find_linked(const struct pp_pad *pad, const struct stat *st) {
    for (size_t i = 0; i < pad->linked_count; i++)
        if (pad->linked[i].more > 0 && pad->linked[i].dev == (uint64_t)st->st_dev &&
            pad->linked[i].ino == (uint64_t)st->st_ino)
            return &pad->linked[i];
    return NULL;
}

/* Another name of it was written: it becomes one of that. Returns 1, or 0 where links are refused.
 */
static int make_link(const struct pp_pad *pad, const struct pp_pad_linked *linked,
                     const struct pp_place *place, const char *temporary, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place other = PP_PLACE_INIT;
    int rc = pp_beneath_find(pad->session->root, linked->path, PP_BENEATH_STRICT, &other, err);

    return rc < 0 ? rc : pp_replace_link(other.dir, other.name, place->dir, temporary, err);
}

static int note_linked(struct pp_pad *pad, const struct padded *padded, struct pp_err *err) {
    struct pp_pad_linked *grown =
        pp_array_resize(pad->linked, pad->linked_count + 1, sizeof(*grown));

    if (grown == NULL)
        return pp_err_nomem(err);
    pad->linked = grown;
    grown[pad->linked_count] = (struct pp_pad_linked){.dev = (uint64_t)padded->st.st_dev,
                                                      .ino = (uint64_t)padded->st.st_ino,
                                                      .path = strdup(padded->path),
                                                      .more = padded->st.st_nlink - 1};
    return grown[pad->linked_count++].path == NULL ? pp_err_nomem(err) : 0;
}

static int make(struct pp_pad *pad, const struct padded *padded, struct pp_pad_linked *linked,
                const struct pp_place *place, const char *temporary, struct pp_err *err) {
    int rc;

    if (padded->is_symlink)
        return make_symlink(padded, place, temporary, err);
    rc = linked != NULL ? make_link(pad, linked, place, temporary, err) : 0;
    if (rc == 0)
        rc = make_file(padded, place, temporary, err);
    if (linked != NULL)
        linked->more--;
    else if (rc >= 0 && padded->st.st_nlink > 1)
        rc = note_linked(pad, padded, err);
    return rc;
}

static int replace(struct pp_pad *pad, const struct padded *padded, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_identity seen = pp_identity_of(&padded->st);
    char temporary[PP_TEMPORARY_NAME_LEN + 1];
    /* A name less for each that was replaced before this one was looked at. */
    struct pp_pad_linked *linked = padded->is_symlink ? NULL : find_linked(pad, &padded->st);
    struct stat folder;
    int rc = pp_beneath_find(pad->session->root, padded->path, PP_BENEATH_STRICT, &place, err);

    if (rc < 0)
        return rc;
    if (fstat(place.dir, &folder) < 0)
        return pp_err_sys(err, "cannot look at its folder");
    pp_temporary_name(seen.ino ^ (uint64_t)getpid() << 32, temporary);
    rc = make(pad, padded, linked, &place, temporary, err);
    if (rc >= 0)
        rc = pp_replace_commit(place.dir, temporary, place.name, &seen, linked != NULL, err);
    if (rc < 0)
        unlinkat(place.dir, temporary, 0);
    return rc < 0 ? rc : pp_replace_folder_time(place.dir, &folder.st_mtim, err);
}

static int deliver(void *context, void *visited, struct pp_err *err) {
    struct walk *walk = context;
    struct pp_pad *pad = walk->pad;
    struct padded *padded = visited;
    int rc = 0;

    if (padded->outcome == PP_OUTCOME_PATCHED && padded->findings.count > 0 && !pad->dry_run &&
        replace(pad, padded, &padded->err) < 0) {
        padded->outcome = PP_OUTCOME_LEFT;
        rc = padded->err.kind == PP_ERR_NOMEM ? pp_err_nomem(err) : 0;
    }
    pp_report_tell(
        &(struct pp_report){.path = padded->path,
                            .outcome = padded->outcome,
                            .findings = &padded->findings,
                            .err = padded->err.kind != PP_ERR_NONE ? &padded->err : NULL},
        pad->reporter, walk->tally);
    padded_free(padded);
    return rc;
}

static void on_progress(void *context) {
    const struct walk *walk = context;
    const struct pp_reporter *reporter = walk->pad->reporter;

    reporter->progress(reporter->context, walk->tally->files + atomic_load(&walk->files), 0);
}

static int on_problem(void *context, const char *path, const struct pp_err *problem,
                      struct pp_err *err) {
    struct padded *padded = padded_new(path, err);

    if (padded == NULL)
        return -(int)err->kind;
    padded->outcome = PP_OUTCOME_UNREADABLE;
    padded->err = *problem;
    return deliver(context, padded, err);
}

int pp_pad_path(struct pp_pad *pad, const char *path, struct pp_tally *tally, struct pp_err *err) {
    struct walk walk = {.pad = pad, .tally = tally, .files = 0};
    PP_AUTO_FREE char *control = pp_deb_control_folder(path);
    const char *const skip[] = {control, NULL};
    struct pp_walker_options options = {.jobs = pad->session->options.jobs,
                                        .skip = skip,
                                        .visit = visit,
                                        .deliver = deliver,
                                        .problem = on_problem,
                                        .progress = on_progress,
                                        .context = &walk};
    struct pp_err failure = PP_ERR_INIT;
    struct pp_walker *walker;
    int rc;

    if (control == NULL)
        return pp_err_nomem(err);
    walker = pp_walker_new(pad->session->root, &options, err);
    if (walker == NULL)
        return -(int)err->kind;
    rc = pp_walker_add(walker, path, PP_WALKER_TREE, NULL, err);
    if (pp_walker_finish(walker, &failure) < 0 && rc >= 0) {
        *err = failure;
        rc = -(int)err->kind;
    }
    tally->files += atomic_load(&walk.files);
    return rc;
}
