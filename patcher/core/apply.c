#include "core/apply.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "core/edited.h"
#include "core/record.h"
#include "core/record_hits.h"
#include "core/revalue.h"
#include "core/session_folders.h"
#include "core/visit.h"
#include "journal/journal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Files that wait for their batch: what a batch of the journal holds. */
#define PENDING_MAX 4096

struct apply {
    struct pp_session *session;
    const struct pp_apply_options *options;
    const struct pp_reporter *reporter;
    struct pp_tally *tally;
    struct pp_record *record; /* NULL: only scanning */
    struct pp_policy policy;
    atomic_uint_fast64_t files;
    atomic_uint_fast64_t closed;
    uint8_t *buffers; /* PP_VISIT_BUFFER_LEN bytes a worker */
    struct pending {
        const struct pp_policy *policy;
        struct pp_visited *visited;
        enum pp_outcome outcome;
        bool stale; /* to be looked at again: nothing is told yet */
        struct pp_err err;
    } * pending; /* in the order of paths */
    size_t pending_count;
    size_t answered; /* pending items before this one have their result */
    struct linked {
        struct pp_visited *visited;
        const char *leader; /* the first path of its inode */
    } * linked;             /* files that may come up again under another name, kept to the end */
    size_t linked_count;
    bool blind; /* something could not be read: names may lie there */
    struct pp_edited edited;
};

/* What is found is what would be done. */
static int prepare(const struct apply *apply, const struct pp_walker_entry *entry,
                   struct pp_visited *found, struct pp_err *err) {
    pp_findings_drop_defaults(&found->findings, &apply->session->values);
    if (!apply->record->options.dry_run)
        return 0;
    return pp_visit_rehearse(&apply->policy, entry, found, err);
}

static int visit(void *context, unsigned worker, const struct pp_walker_entry *entry,
                 void **visited, struct pp_err *err) {
    struct apply *apply = context;
    struct pp_visited *found = NULL;
    int rc;

    atomic_fetch_add(&apply->files, 1);
    rc =
        pp_visit(&apply->policy, entry, apply->buffers + worker * PP_VISIT_BUFFER_LEN, &found, err);
    if (rc > 0)
        atomic_fetch_add(&apply->closed, 1);
    if (found != NULL && apply->record != NULL)
        rc = prepare(apply, entry, found, err);
    if (found != NULL && found->outcome == PP_OUTCOME_FOUND && found->findings.count == 0 &&
        found->findings.problem_count == 0) {
        pp_visited_free(found);
        found = NULL;
    }
    *visited = found;
    return rc;
}

/* ---- reports ---- */

static void report(struct apply *apply, const struct pending *item) {
    struct pp_report report = {.path = item->visited->path,
                               .outcome = item->outcome,
                               .findings = &item->visited->findings,
                               .err = item->err.kind != PP_ERR_NONE ? &item->err : NULL};

    if (apply->record != NULL && item->outcome == PP_OUTCOME_LEFT &&
        item->err.kind == PP_ERR_REFUSED &&
        pp_record_has_refused(apply->record, item->visited->path))
        return;

    pp_report_tell(&report, apply->reporter, apply->tally);
}

static int flush(struct apply *apply, struct pp_err *err) {
    int rc = apply->record != NULL ? pp_journal_flush(apply->record->journal, err) : 0;

    for (size_t i = 0; i < apply->pending_count; i++) {
        if (rc >= 0 && !apply->pending[i].stale)
            report(apply, &apply->pending[i]);
        pp_visited_free(apply->pending[i].visited);
    }
    apply->pending_count = 0;
    apply->answered = 0;
    return rc;
}

/* Keeps a file until its batch is written, then reports it. */
static struct pending *keep(struct apply *apply, struct pp_visited *visited,
                            enum pp_outcome outcome) {
    struct pending *item = &apply->pending[apply->pending_count++];

    *item = (struct pending){
        .policy = &apply->policy, .visited = visited, .outcome = outcome, .err = visited->err};
    return item;
}

/* Results come in the order in which changes were added: the search starts behind the last one. */
static bool take_result(void *context, const struct pp_journal_result *result) {
    struct apply *apply = context;

    for (size_t n = 0; n < apply->pending_count; n++) {
        size_t i = (apply->answered + n) % apply->pending_count;
        struct pending *item = &apply->pending[i];

        if (strcmp(item->visited->path, result->path) != 0)
            continue;
        item->outcome = result->outcome == PP_JOURNAL_LEFT ? PP_OUTCOME_LEFT : PP_OUTCOME_PATCHED;
        item->stale = result->outcome == PP_JOURNAL_STALE;
        if (item->stale)
            pp_edited_add(&apply->edited, result->path,
                          ((const struct pp_apply_path *)item->visited->tag)->package);
        if (result->err != NULL)
            item->err = *result->err;
        apply->answered = i + 1;
        return true;
    }
    return false;
}

/* ---- changes ---- */

static bool has_older(const struct pp_findings *findings) {
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].was != 0 && pp_finding_counts(findings, &findings->items[i]))
            return true;
    return false;
}

/* What was shipped, from a file in which older values stand. */
static int unpatch(void *context, const char *path, int fd, uint64_t len, struct pp_sink *out,
                   struct pp_err *err) {
    struct pending *item = context;
    struct pp_blob blob = pp_blob_file(fd, 0, len);
    struct pp_policy policy = *item->policy;

    (void)path;
    policy.matcher = policy.older->back;
    policy.older = NULL;
    return pp_content_patch(&policy, &blob, item->visited->mode, out, err);
}

static int rewrite(void *context, const char *path, int fd, uint64_t len, struct pp_sink *out,
                   struct pp_err *err) {
    struct pending *item = context;
    struct pp_blob shipped = pp_blob_file(fd, 0, len);
    struct stat st;

    (void)path;
    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at it");
    /* Shipped bytes that were kept: what was found was found in others. */
    if ((uint64_t)st.st_ino != item->visited->identity.ino ||
        (uint64_t)st.st_dev != item->visited->identity.dev)
        return pp_content_patch(item->policy, &shipped, item->visited->mode, out, err);
    return pp_content_rewrite(item->policy, &shipped, item->visited->mode, &item->visited->findings,
                              out, err);
}

/* Gives a change to the journal; `links` are other names of the same file. */
static int change(struct apply *apply, struct pending *item, const char *const *links,
                  size_t link_count, struct pp_err *err) {
    const struct pp_visited *visited = item->visited;
    const struct pp_apply_path *listed = visited->tag;
    PP_AUTO_RECORD_HITS struct pp_record_hits hits = PP_RECORD_HITS_INIT;
    struct pp_change change = {
        .path = visited->path,
        .package = listed->package,
        .kind = visited->is_symlink                        ? PP_LEDGER_SYMLINK
                : pp_findings_in_place(&visited->findings) ? PP_LEDGER_PLAIN
                                                           : PP_LEDGER_REWRITTEN,
        .identity = visited->identity,
        .links = links,
        .link_count = link_count,
        .rewrite = rewrite,
        .unpatch = has_older(&visited->findings) ? unpatch : NULL,
        .context = item,
        .alone = apply->options->edited,
    };

    if (pp_record_hits_take(&hits, &visited->findings, err) < 0)
        return -(int)err->kind;
    change.hits = hits.items;
    change.hit_count = hits.count;
    change.members = hits.members;
    change.member_count = hits.member_count;
    return pp_journal_add(apply->record->journal, &change, err);
}

/* ---- the walk ---- */

static int keep_linked(struct apply *apply, struct pp_visited *visited, struct pp_err *err) {
    struct linked *grown = pp_array_resize(apply->linked, apply->linked_count + 1, sizeof(*grown));

    if (grown == NULL) {
        pp_visited_free(visited);
        return pp_err_nomem(err);
    }
    apply->linked = grown;
    grown[apply->linked_count++] = (struct linked){.visited = visited};
    return 0;
}

static int deliver(void *context, void *task, struct pp_err *err) {
    struct apply *apply = context;
    struct pp_visited *visited = task;
    size_t count = pp_findings_count(&visited->findings);
    struct pending *item;

    if (apply->pending_count == PENDING_MAX && flush(apply, err) < 0) {
        pp_visited_free(visited);
        return -(int)err->kind;
    }
    if (visited->outcome != PP_OUTCOME_FOUND) {
        apply->blind = true;
        keep(apply, visited, visited->outcome);
        return 0;
    }
    if (apply->record == NULL || count == 0) {
        keep(apply, visited, PP_OUTCOME_FOUND);
        return 0;
    }
    /* Packages may list one file twice: it is shared, or has two names by a symlink on the way. */
    if (visited->link_count > 1 || apply->options->mode == PP_WALKER_LIST)
        return keep_linked(apply, visited, err);
    item = keep(apply, visited, PP_OUTCOME_PATCHED);
    return change(apply, item, NULL, 0, err);
}

static int on_problem(void *context, const char *path, const struct pp_err *problem,
                      struct pp_err *err) {
    struct pp_visited *visited = calloc(1, sizeof(*visited));

    if (visited == NULL)
        return pp_err_nomem(err);
    visited->path = strdup(path[0] != '\0' ? path : "."); /* the root itself */
    visited->outcome = PP_OUTCOME_UNREADABLE;
    visited->err = *problem;
    if (visited->path == NULL) {
        pp_visited_free(visited);
        return pp_err_nomem(err);
    }
    return deliver(context, visited, err);
}

static void on_progress(void *context) {
    struct apply *apply = context;

    if (apply->reporter->progress != NULL)
        apply->reporter->progress(apply->reporter->context, atomic_load(&apply->files), 0);
}

static int compare_inodes(const void *left, const void *right) {
    const struct pp_visited *a = ((const struct linked *)left)->visited;
    const struct pp_visited *b = ((const struct linked *)right)->visited;

    if (a->identity.dev != b->identity.dev)
        return a->identity.dev < b->identity.dev ? -1 : 1;
    if (a->identity.ino != b->identity.ino)
        return a->identity.ino < b->identity.ino ? -1 : 1;
    return strcmp(a->path, b->path);
}

static int compare_leaders(const void *left, const void *right) {
    const struct linked *a = left;
    const struct linked *b = right;
    int order = strcmp(a->leader, b->leader);

    return order != 0 ? order : strcmp(a->visited->path, b->visited->path);
}

static bool same_inode(const struct pp_visited *a, const struct pp_visited *b) {
    return a->identity.dev == b->identity.dev && a->identity.ino == b->identity.ino;
}

/* Brings the names of an inode together, inodes in the order of their first names. One name that
 * came up twice is dropped. */
static void group_linked(struct apply *apply) {
    size_t kept = 0;

    qsort(apply->linked, apply->linked_count, sizeof(*apply->linked), compare_inodes);
    for (size_t i = 0; i < apply->linked_count; i++) {
        struct linked item = apply->linked[i];
        const struct linked *before = kept > 0 ? &apply->linked[kept - 1] : NULL;

        item.leader = item.visited->path;
        if (before != NULL && same_inode(before->visited, item.visited)) {
            if (strcmp(before->visited->path, item.visited->path) == 0) {
                pp_visited_free(item.visited);
                continue;
            }
            item.leader = before->leader;
        }
        apply->linked[kept++] = item;
    }
    apply->linked_count = kept;
    qsort(apply->linked, apply->linked_count, sizeof(*apply->linked), compare_leaders);
}

/* All names of one inode are one change. To replace those that are known would part them from one
 * that was not seen. */
static int change_linked(struct apply *apply, size_t first, size_t count, struct pp_err *err) {
    PP_AUTO_FREE const char **links = calloc(count, sizeof(*links));
    size_t at;
    bool left;

    if (links == NULL)
        return pp_err_nomem(err);
    if (apply->pending_count + count > PENDING_MAX && flush(apply, err) < 0)
        return -(int)err->kind;
    at = apply->pending_count;
    left = apply->blind && apply->linked[first].visited->link_count > count;
    for (size_t i = 0; i < count; i++) {
        struct pp_visited *visited = apply->linked[first + i].visited;
        struct pending *item = keep(apply, visited, left ? PP_OUTCOME_LEFT : PP_OUTCOME_PATCHED);

        links[i] = visited->path;
        apply->linked[first + i].visited = NULL;
        if (left)
            pp_err_set(&item->err, PP_ERR_UNSUPPORTED,
                       "left: %u more names of it may be where something could not be read; mend "
                       "that and run again",
                       visited->link_count - (unsigned)count);
    }
    return left ? 0 : change(apply, &apply->pending[at], links + 1, count - 1, err);
}

static int add_linked(struct apply *apply, struct pp_err *err) {
    int rc = 0;

    if (apply->linked_count == 0)
        return 0;
    group_linked(apply);
    for (size_t i = 0; rc >= 0 && i < apply->linked_count;) {
        size_t count = 1;

        while (i + count < apply->linked_count && count < PENDING_MAX &&
               same_inode(apply->linked[i].visited, apply->linked[i + count].visited))
            count++;
        rc = change_linked(apply, i, count, err);
        i += count;
    }
    return rc;
}

/* Folders that hold our own state and dpkg's database are not content. */
static int skipped_folders(struct pp_session *session, char *skip[3], struct pp_err *err) {
    const char *const folders[] = {session->state, session->admindir};
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    size_t count = 0;

    for (size_t i = 0; i < 2; i++) {
        struct pp_err outside = PP_ERR_INIT;

        if (pp_session_path(session, folders[i], &place, &skip[count], &outside) >= 0)
            count++;
        else if (outside.kind == PP_ERR_NOMEM)
            return pp_err_nomem(err);
    }
    return 0;
}

static int walk_paths(struct apply *apply, const char *const *skip, struct pp_err *err) {
    const struct pp_apply_options *options = apply->options;
    struct pp_walker_options walker_options = {.jobs = apply->session->options.jobs,
                                               .skip = skip,
                                               .visit = visit,
                                               .deliver = deliver,
                                               .problem = on_problem,
                                               .progress = on_progress,
                                               .context = apply};
    struct pp_walker *walker = pp_walker_new(apply->session->root, &walker_options, err);
    struct pp_err failure = PP_ERR_INIT;
    int rc = 0;

    if (walker == NULL)
        return -(int)err->kind;
    for (size_t i = 0; rc >= 0 && i < options->path_count; i++)
        rc = pp_walker_add(walker, options->paths[i].path, options->mode, &options->paths[i], err);
    if (pp_walker_finish(walker, &failure) < 0 && rc >= 0) {
        *err = failure;
        rc = -(int)err->kind;
    }
    return rc;
}

static int walk(struct apply *apply, struct pp_err *err) {
    char *skip[3] = {NULL, NULL, NULL};
    int rc = skipped_folders(apply->session, skip, err);

    if (rc >= 0)
        rc = walk_paths(apply, (const char *const *)skip, err);
    free(skip[0]);
    free(skip[1]);
    if (rc >= 0)
        rc = add_linked(apply, err);
    if (rc >= 0)
        rc = flush(apply, err);
    if (!apply->options->edited) {
        apply->tally->files += atomic_load(&apply->files);
        apply->tally->closed += atomic_load(&apply->closed);
    }
    return rc;
}

static int run(struct apply *apply, struct pp_err *err) {
    int rc;

    apply->policy = apply->session->policy;
    if (apply->options->older != NULL) {
        apply->policy.older = apply->options->older;
        apply->policy.matcher = apply->options->older->forward;
    }
    apply->policy.helpers = &apply->session->helpers;
    atomic_init(&apply->files, 0);
    atomic_init(&apply->closed, 0);
    apply->pending = calloc(PENDING_MAX, sizeof(*apply->pending));
    apply->buffers = calloc(apply->session->options.jobs, PP_VISIT_BUFFER_LEN);
    rc = apply->pending != NULL && apply->buffers != NULL ? walk(apply, err) : pp_err_nomem(err);
    for (size_t i = 0; i < apply->pending_count; i++)
        pp_visited_free(apply->pending[i].visited);
    for (size_t i = 0; i < apply->linked_count; i++)
        pp_visited_free(apply->linked[i].visited);
    free(apply->buffers);
    free(apply->pending);
    free(apply->linked);
    if (rc >= 0 && apply->record != NULL)
        rc = pp_edited_patch(&apply->edited, apply->record, apply->tally, err);
    pp_edited_done(&apply->edited);
    return rc;
}

int pp_scan(struct pp_session *session, const struct pp_apply_options *options,
            const struct pp_reporter *reporter, struct pp_tally *tally, struct pp_err *err) {
    struct apply apply = {
        .session = session, .options = options, .reporter = reporter, .tally = tally};

    return run(&apply, err);
}

static int apply_to(struct pp_record *record, const struct pp_apply_options *options,
                    struct pp_tally *tally, struct pp_err *err) {
    struct apply apply = {.session = record->session,
                          .options = options,
                          .reporter = record->options.reporter,
                          .tally = tally,
                          .record = record};
    int rc;

    record->take = take_result;
    record->take_context = &apply;
    rc = run(&apply, err);
    record->take = NULL;
    pp_record_take_tally(record, tally);
    return rc;
}

int pp_apply(struct pp_record *record, const struct pp_apply_options *options,
             struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO_OLDER struct pp_older older = PP_OLDER_INIT(&record->session->values);
    struct pp_apply_options with_was = *options;
    int rc;

    if (options->older != NULL || record->session->options.was == NULL)
        return apply_to(record, options, tally, err);
    with_was.older = &older;
    rc = pp_revalue_add_was(record, &older, err);
    if (rc >= 0)
        rc = pp_older_finish(&older, err);
    return rc < 0 ? rc : apply_to(record, &with_was, tally, err);
}
