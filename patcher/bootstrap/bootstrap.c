#include "bootstrap/bootstrap.h"

#include "base/cleanup.h"
#include "bootstrap/bootstrap_dest.h"
#include "bootstrap/bootstrap_dpkg.h"
#include "bootstrap/bootstrap_item.h"
#include "bootstrap/bootstrap_links.h"
#include "bootstrap/bootstrap_record.h"
#include "core/owner.h"
#include "tree/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Content that is decoded and waits for its worker. */
#define QUEUE_LEN ((uint64_t)32 << 20)

/* What an item counts for until it is delivered: so 2,048 of them wait, each 2 KiB and its hits. */
#define ITEM_RESULTS (PP_POOL_HELD_MAX / 2048)

struct pp_bootstrap {
    struct pp_session *session;
    struct pp_bootstrap_options options;
    struct pp_bootstrap_dest dest;
    bool patching; /* false: every value is its default */
    struct pp_bootstrap_archive *archive;
    struct pp_durable durable;
    struct pp_bootstrap_stage stage;
    struct pp_bootstrap_record record;
    struct pp_budget queue;
    struct pp_bootstrap_writer writer;
    struct pp_place place; /* of the thread that reads */
    struct pp_pool *pool;
    struct pp_tally *tally;
    struct pp_buffer links; /* SYMLINKS.txt */
    uint64_t count;
    uint64_t total; /* of the files that will be reported; 0: not known */
};

/* ---- what became of the items ---- */

static int report(struct pp_bootstrap *bootstrap, const struct pp_bootstrap_item *item,
                  struct pp_err *err) {
    const struct pp_bootstrap_options *options = &bootstrap->options;
    PP_AUTO_FREE char *path = NULL;
    struct pp_report report = {.outcome = item->outcome,
                               .findings = &item->findings,
                               .err = item->err.kind != PP_ERR_NONE ? &item->err : NULL};

    if (asprintf(&path, "%s/%s", bootstrap->dest.relative, item->path) < 0) {
        path = NULL;
        return pp_err_nomem(err);
    }
    report.path = path;
    bootstrap->tally->files++;
    bootstrap->tally->closed += item->findings.closed;
    /* What holds nothing to be told goes without a word. */
    if (report.err != NULL || item->findings.count > 0 || item->findings.problem_count > 0)
        pp_report_tell(&report, options->reporter, bootstrap->tally);
    if (options->reporter->progress != NULL)
        options->reporter->progress(options->reporter->context, bootstrap->tally->files,
                                    bootstrap->total);
    return 0;
}

/* One more name of a file; in the thread that reads, in the order of the archive. */
static int link_item(struct pp_bootstrap *bootstrap, struct pp_bootstrap_item *item,
                     struct pp_err *err) {
    int rc;

    if (bootstrap->options.dry_run)
        return 0;
    rc = pp_bootstrap_stage_hardlink(&bootstrap->stage, &bootstrap->place, item->path, item->target,
                                     err);
    return rc < 0 ? rc : pp_bootstrap_record_link(&bootstrap->record, item, err);
}

static int settle(struct pp_bootstrap *bootstrap, struct pp_bootstrap_item *item,
                  struct pp_err *err) {
    int rc = 0;

    if (item->failure.kind != PP_ERR_NONE) {
        *err = item->failure;
        return -(int)err->kind;
    }
    if (item->kind == PP_BOOTSTRAP_HARDLINK)
        rc = link_item(bootstrap, item, err);
    else if (item->outcome == PP_OUTCOME_PATCHED && !bootstrap->options.dry_run)
        rc = pp_bootstrap_record_item(&bootstrap->record, &bootstrap->stage, item, err);
    return rc < 0 ? rc : report(bootstrap, item, err);
}

static int deliver(void *context, void *task, struct pp_err *err) {
    struct pp_bootstrap_item *item = task;
    int rc = settle(context, item, err);

    pp_bootstrap_item_free(item);
    return rc;
}

static unsigned run_item(void *context, unsigned worker, void *task) {
    const struct pp_bootstrap *bootstrap = context;

    pp_bootstrap_item_run(&bootstrap->writer, worker, task);
    return ITEM_RESULTS;
}

/* ---- entries ---- */

/* The mode of a file: it can be executed where the table says so. */
static uint32_t file_mode(const struct pp_bootstrap *bootstrap, const char *path, uint32_t mode) {
    const char *list = bootstrap->session->table.executables;
    PP_AUTO_FREE char *full = NULL;

    if (asprintf(&full, "%s/%s", bootstrap->dest.default_path, path) < 0) {
        full = NULL;
        return mode;
    }
    while (*list != '\0') {
        size_t len = strcspn(list, " ");

        if (strncmp(full, list, len) == 0 && (full[len] == '\0' || full[len] == '/'))
            return mode | 0100 | (mode & 0444) >> 2;
        list += len + strspn(list + len, " ");
    }
    return mode;
}

/* A temporary file is counted as memory, too: there shall not be hundreds of them. */
static uint64_t queue_len(const struct pp_bootstrap_item *item) {
    uint64_t len = item->is_packed ? item->packed.text_len : item->spool.len;

    return len < PP_SPOOL_MEMORY_MAX ? len : PP_SPOOL_MEMORY_MAX;
}

/* Takes the item. */
static int give(struct pp_bootstrap *bootstrap, struct pp_bootstrap_item *item,
                struct pp_err *err) {
    int rc;

    item->queue_len = queue_len(item);
    rc = pp_budget_take(&bootstrap->queue, item->queue_len, false, err);
    if (rc < 0) {
        pp_bootstrap_item_free(item);
        return rc;
    }
    item->number = bootstrap->count++;
    return pp_pool_give(bootstrap->pool, item, err);
}

static int fill(struct pp_bootstrap *bootstrap, const struct pp_bootstrap_entry *entry,
                struct pp_bootstrap_item *item, struct pp_err *err) {
    const struct pp_bootstrap_dest *dest = &bootstrap->dest;
    int rc = 0;

    if (item->kind == PP_BOOTSTRAP_OTHER) {
        item->outcome = PP_OUTCOME_LEFT;
        pp_err_set(&item->err, PP_ERR_UNSUPPORTED, "a device, pipe or socket is not unpacked");
        return 0;
    }
    item->as_shipped = !bootstrap->patching || (dest->admindir != NULL &&
                                                pp_path_below(item->path, dest->admindir) != NULL);
    if (item->kind == PP_BOOTSTRAP_FILE) {
        item->mode = file_mode(bootstrap, item->path, item->mode);
        if (!entry->is_packed)
            rc = pp_bootstrap_archive_read(bootstrap->archive, entry, &item->spool, err);
    }
    if (rc >= 0 && !bootstrap->options.dry_run)
        rc = pp_bootstrap_stage_parents(&bootstrap->stage, item->path, err);
    return rc < 0 ? pp_err_context(err, "%s", item->path) : 0;
}

static int add_item(struct pp_bootstrap *bootstrap, const struct pp_bootstrap_entry *entry,
                    struct pp_err *err) {
    struct pp_bootstrap_item *item = pp_bootstrap_item_new(entry);
    int rc;

    if (item == NULL)
        return pp_err_nomem(err);
    rc = fill(bootstrap, entry, item, err);
    if (rc < 0) {
        pp_bootstrap_item_free(item);
        return rc;
    }
    return give(bootstrap, item, err);
}

static int add_folder(struct pp_bootstrap *bootstrap, const struct pp_bootstrap_entry *entry,
                      struct pp_err *err) {
    int rc;

    if (bootstrap->options.dry_run)
        return 0;
    rc = pp_bootstrap_stage_folder(&bootstrap->stage, entry->path, err);
    if (rc >= 0 && strcmp(entry->path, bootstrap->dest.state) != 0)
        rc = pp_bootstrap_stage_tell(&bootstrap->stage, entry->path, entry->mode, &entry->mtime,
                                     err);
    return rc;
}

static int read_links(struct pp_bootstrap *bootstrap, const struct pp_bootstrap_entry *entry,
                      struct pp_err *err) {
    PP_AUTO_SPOOL struct pp_spool spool;
    struct pp_blob blob;
    ssize_t len;
    int rc;

    pp_spool_init(&spool);
    if (bootstrap->links.len > 0)
        return pp_err_set(err, PP_ERR_REFUSED,
                          PP_BOOTSTRAP_LINKS_NAME ": the archive holds it twice");
    rc = pp_bootstrap_archive_read(bootstrap->archive, entry, &spool, err);
    if (rc >= 0 && spool.len > PP_BOOTSTRAP_LINKS_LEN_MAX)
        rc = pp_err_set(err, PP_ERR_LIMIT, "larger than %zu bytes", PP_BOOTSTRAP_LINKS_LEN_MAX);
    if (rc >= 0)
        rc = pp_buffer_reserve(&bootstrap->links, spool.len, err);
    if (rc < 0)
        return pp_err_context(err, PP_BOOTSTRAP_LINKS_NAME);
    blob = pp_spool_blob(&spool);
    len = pp_blob_read(&blob, 0, bootstrap->links.data, spool.len, err);
    if (len < 0)
        return (int)len;
    bootstrap->links.len = (size_t)len;
    bootstrap->links.data[len] = '\0';
    for (ssize_t i = 0; bootstrap->total > 0 && i < len; i++)
        bootstrap->total += bootstrap->links.data[i] == '\n';
    return 0;
}

static int add_entry(struct pp_bootstrap *bootstrap, const struct pp_bootstrap_entry *entry,
                     struct pp_err *err) {
    const char *inside = pp_path_below(entry->path, bootstrap->dest.state);

    if (inside != NULL && (inside[0] != '\0' || entry->kind != PP_BOOTSTRAP_FOLDER))
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: the archive holds the state of a patched tree; build it without",
                          entry->path);
    if (entry->kind == PP_BOOTSTRAP_FOLDER)
        return add_folder(bootstrap, entry, err);
    if (entry->kind == PP_BOOTSTRAP_FILE && strcmp(entry->path, PP_BOOTSTRAP_LINKS_NAME) == 0)
        return read_links(bootstrap, entry, err);
    return add_item(bootstrap, entry, err);
}

static int add_link(void *context, const struct pp_bootstrap_entry *entry, struct pp_err *err) {
    return add_entry(context, entry, err);
}

static int add_all(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    struct pp_bootstrap_entry entry;
    int rc;

    while ((rc = pp_bootstrap_archive_next(bootstrap->archive, &entry, err)) > 0) {
        rc = add_entry(bootstrap, &entry, err);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : pp_bootstrap_links_each(&bootstrap->links, add_link, bootstrap, err);
}

/* All entries, through the workers. */
static int unpack(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    unsigned jobs = bootstrap->session->options.jobs;
    struct pp_pool_options options = {
        .jobs = jobs, .run = run_item, .deliver = deliver, .context = bootstrap};
    struct pp_place places[PP_POOL_JOBS_MAX];
    struct pp_err failure = PP_ERR_INIT;
    int rc;

    for (unsigned i = 0; i < jobs; i++)
        places[i] = (struct pp_place)PP_PLACE_INIT;
    bootstrap->writer = (struct pp_bootstrap_writer){
        .policy = &bootstrap->session->policy,
        .archive = bootstrap->archive,
        .stage = bootstrap->options.dry_run ? NULL : &bootstrap->stage,
        .state = &bootstrap->record.state,
        .places = places,
        .queue = &bootstrap->queue,
    };
    bootstrap->pool = pp_pool_new(&options, err);
    if (bootstrap->pool == NULL)
        return -(int)err->kind;
    rc = add_all(bootstrap, err);
    if (pp_pool_finish(bootstrap->pool, &failure) < 0 && rc >= 0) {
        *err = failure;
        rc = -(int)err->kind;
    }
    for (unsigned i = 0; i < jobs; i++)
        pp_place_done(&places[i]);
    return rc;
}

/* ---- the run ---- */

static int check_room(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    struct pp_bootstrap_size size;
    int rc = pp_bootstrap_archive_size(bootstrap->archive, 4096, &size, err);

    bootstrap->total = size.count;
    return rc < 0 ? rc : pp_bootstrap_dest_room(&bootstrap->dest, size.len, err);
}

/* Makes the tree with its root and its state folder, which so is no way out of it. */
static int prepare(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    struct pp_bootstrap_dest *dest = &bootstrap->dest;
    struct timespec omit = {.tv_nsec = UTIME_OMIT};
    int rc = pp_bootstrap_dest_stage(dest, err);

    if (rc >= 0)
        rc = pp_durable_add(&bootstrap->durable, dest->staging, err);
    if (rc < 0)
        return rc;
    pp_bootstrap_stage_init(&bootstrap->stage, dest->staging, &bootstrap->durable);
    rc = pp_bootstrap_stage_tell(&bootstrap->stage, "", PP_BOOTSTRAP_FOLDER_MODE, &omit, err);
    if (rc >= 0)
        rc = pp_bootstrap_stage_folder(&bootstrap->stage, dest->state, err);
    if (rc >= 0)
        rc = pp_bootstrap_stage_tell(&bootstrap->stage, dest->state, 0700, &omit, err);
    return rc < 0 ? rc
                  : pp_bootstrap_record_open(&bootstrap->record, bootstrap->session, dest,
                                             bootstrap->durable.each, err);
}

/* Keeps the last message before there is anything to tell of. */
static int keep_message(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    const struct pp_bootstrap_options *options = &bootstrap->options;
    PP_AUTO_OUTBOX struct pp_outbox outbox = PP_OUTBOX_INIT;
    struct pp_message message = {
        .type = options->more_follows ? PP_MESSAGE_FAILED : PP_MESSAGE_COMPLETE,
        .seq = INT32_MAX,
        .status = options->more_follows ? 3 : bootstrap->tally->left > 0,
        .files = (int64_t)bootstrap->tally->files,
        .patched = (int64_t)bootstrap->tally->patched,
    };
    int rc;

    if (options->outbox == NULL)
        return 0;
    snprintf(message.run, sizeof(message.run), "%s", options->run);
    rc = pp_outbox_open(&outbox, bootstrap->record.state.dir, err);
    return rc < 0 ? rc : pp_outbox_put(&outbox, &message, err);
}

/* Everything that has to be in the tree, onto the disk. */
static int finish(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    int rc = pp_bootstrap_dpkg(&bootstrap->record, err);

    if (rc >= 0)
        rc = keep_message(bootstrap, err);
    if (rc >= 0)
        rc = pp_bootstrap_record_finish(&bootstrap->record, bootstrap->options.hook_environment,
                                        err);
    if (rc >= 0)
        rc = pp_bootstrap_stage_finish(&bootstrap->stage, err);
    return rc < 0 ? rc : pp_durable_sync(&bootstrap->durable, err);
}

/* Messages move from beside the destination into its state folder. Where that fails they stay. */
static void move_outbox(struct pp_bootstrap *bootstrap) {
    const struct pp_bootstrap_dest *dest = &bootstrap->dest;
    struct pp_outbox *outbox = bootstrap->options.outbox;
    PP_AUTO_CLOSE int state =
        openat(dest->staging, dest->state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    PP_AUTO_FREE struct pp_outbox_entry *entries = NULL;
    struct pp_outbox moved = PP_OUTBOX_INIT;
    struct pp_err ignored = PP_ERR_INIT;
    size_t count = 0;

    if (state < 0 || pp_outbox_open(&moved, state, &ignored) < 0)
        return;
    pp_outbox_list(outbox, &entries, &count, &ignored);
    for (size_t i = 0; i < count; i++) {
        struct pp_message message;

        if (pp_outbox_get(outbox, entries[i].run, &message, &ignored) >= 0 &&
            pp_outbox_put(&moved, &message, &ignored) >= 0)
            pp_outbox_drop(outbox, entries[i].run, &ignored);
    }
    pp_outbox_done(outbox);
    *outbox = moved;
}

static int make_tree(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    const struct pp_bootstrap_options *options = &bootstrap->options;
    int rc = prepare(bootstrap, err);

    if (rc >= 0)
        rc = unpack(bootstrap, err);
    if (rc >= 0)
        rc = finish(bootstrap, err);
    /* Names in the tree are relative to it. */
    if (rc < 0)
        return err->kind == PP_ERR_SYSTEM ? pp_err_context(err, "%s", bootstrap->dest.path) : rc;
    rc = pp_bootstrap_dest_publish(&bootstrap->dest, options->replace_dest, options->durability,
                                   err);
    if (rc >= 0 && options->outbox != NULL)
        move_outbox(bootstrap);
    return rc;
}

int pp_bootstrap_run(struct pp_bootstrap *bootstrap, struct pp_tally *tally, struct pp_err *err) {
    const struct pp_bootstrap_options *options = &bootstrap->options;
    int rc;

    bootstrap->tally = tally;
    bootstrap->archive =
        pp_bootstrap_archive_open(options->archive, options->sha256, &bootstrap->session->budget,
                                  &bootstrap->session->helpers, err);
    if (bootstrap->archive == NULL)
        return -(int)err->kind;
    rc = check_room(bootstrap, err);
    if (rc < 0)
        return rc;
    return options->dry_run ? unpack(bootstrap, err) : make_tree(bootstrap, err);
}

/* The tree will be theirs whose folder it is made in. */
static int become_owner(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    const struct pp_bootstrap_dest *dest = &bootstrap->dest;
    PP_AUTO_FREE char *parent = strndup(dest->path, strlen(dest->path) - strlen(dest->name) - 1);
    int64_t became;

    if (parent == NULL)
        return pp_err_nomem(err);
    became = pp_owner_become(dest->parent, parent, err);
    if (became > 0)
        bootstrap->session->became = became;
    return became < 0 ? -(int)err->kind : 0;
}

static int find(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    int rc =
        pp_bootstrap_dest_find(&bootstrap->dest, bootstrap->session, bootstrap->options.dest, err);

    return rc < 0 ? rc : become_owner(bootstrap, err);
}

int pp_bootstrap_lock(struct pp_bootstrap *bootstrap, struct pp_err *err) {
    const struct pp_bootstrap_options *options = &bootstrap->options;
    int rc;

    if (options->dry_run)
        return 0;
    rc = pp_bootstrap_dest_lock(&bootstrap->dest, options->replace_dest, options->reporter, err);
    if (rc >= 0 && options->outbox != NULL)
        rc = pp_outbox_open(options->outbox, bootstrap->dest.work.dir, err);
    return rc;
}

struct pp_bootstrap *pp_bootstrap_new(struct pp_session *session,
                                      const struct pp_bootstrap_options *options,
                                      struct pp_err *err) {
    struct pp_bootstrap *bootstrap = calloc(1, sizeof(*bootstrap));

    if (bootstrap == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    bootstrap->session = session;
    bootstrap->options = *options;
    bootstrap->dest = (struct pp_bootstrap_dest)PP_BOOTSTRAP_DEST_INIT;
    bootstrap->patching = !pp_values_are_default(&session->values);
    bootstrap->place = (struct pp_place)PP_PLACE_INIT;
    bootstrap->record = (struct pp_bootstrap_record)PP_BOOTSTRAP_RECORD_INIT;
    pp_durable_init(&bootstrap->durable, options->durability);
    pp_budget_init(&bootstrap->queue, QUEUE_LEN);
    if (find(bootstrap, err) < 0) {
        pp_bootstrap_free(bootstrap);
        return NULL;
    }
    return bootstrap;
}

int pp_bootstrap_parent(const struct pp_bootstrap *bootstrap) {
    return bootstrap->dest.parent;
}

const char *pp_bootstrap_path(const struct pp_bootstrap *bootstrap) {
    return bootstrap->dest.path;
}

void pp_bootstrap_free(struct pp_bootstrap *bootstrap) {
    if (bootstrap == NULL)
        return;
    pp_bootstrap_archive_close(bootstrap->archive);
    pp_bootstrap_record_done(&bootstrap->record);
    pp_bootstrap_stage_done(&bootstrap->stage);
    pp_place_done(&bootstrap->place);
    pp_buffer_done(&bootstrap->links);
    pp_durable_done(&bootstrap->durable);
    pp_budget_done(&bootstrap->queue);
    if (bootstrap->options.outbox != NULL)
        pp_outbox_done(bootstrap->options.outbox);
    pp_bootstrap_dest_done(&bootstrap->dest);
    free(bootstrap);
}
