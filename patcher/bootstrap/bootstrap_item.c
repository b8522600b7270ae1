#include "bootstrap/bootstrap_item.h"

#include "base/blob.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/sink.h"
#include "base/source.h"
#include "ledger/pristine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Files from so many bytes on begin to go to the disk as they are made: a quarter of the files of a
 * bootstrap, nine tenths of its bytes. */
#define START_LEN ((uint64_t)16 << 10)

struct pp_bootstrap_item *pp_bootstrap_item_new(const struct pp_bootstrap_entry *entry) {
    struct pp_bootstrap_item *item = malloc(sizeof(*item));

    if (item == NULL)
        return NULL;
    *item = (struct pp_bootstrap_item){.kind = entry->kind,
                                       .path = strdup(entry->path),
                                       .mode = entry->mode,
                                       .mtime = entry->mtime,
                                       .is_packed = entry->is_packed,
                                       .packed = entry->packed,
                                       .findings = PP_FINDINGS_INIT,
                                       .outcome = PP_OUTCOME_FOUND,
                                       .err = PP_ERR_INIT,
                                       .failure = PP_ERR_INIT};
    pp_spool_init(&item->spool);
    if (entry->target != NULL)
        item->target = strdup(entry->target);
    if (item->path == NULL || (entry->target != NULL && item->target == NULL)) {
        pp_bootstrap_item_free(item);
        return NULL;
    }
    return item;
}

void pp_bootstrap_item_free(struct pp_bootstrap_item *item) {
    if (item == NULL)
        return;
    pp_spool_done(&item->spool);
    pp_findings_done(&item->findings);
    free(item->path);
    free(item->target);
    free(item);
}

static int digest_blob(const struct pp_blob *blob, struct pp_digest *digest, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(blob, err);

    return source == NULL ? -(int)err->kind : pp_digest_source(source, true, digest, err);
}

/* ---- symlinks ---- */

static int write_symlink(const struct pp_bootstrap_writer *writer, unsigned worker,
                         struct pp_bootstrap_item *item, struct pp_err *err) {
    PP_AUTO_FREE char *patched = NULL;
    const char *target = item->target;
    struct pp_blob blob = pp_blob_memory(target, strlen(target));
    int rc = 0;

    if (!item->as_shipped)
        rc = pp_content_scan_text(writer->policy, target, strlen(target), &item->findings, &patched,
                                  err);
    if (rc >= 0 && patched != NULL) {
        item->outcome = PP_OUTCOME_PATCHED;
        target = patched;
        rc = digest_blob(&blob, &item->shipped, err);
        blob = pp_blob_memory(target, strlen(target));
        if (rc >= 0)
            rc = digest_blob(&blob, &item->current, err);
    }
    item->size = blob.len;
    if (rc < 0 || writer->stage == NULL)
        return rc;
    return pp_bootstrap_stage_symlink(writer->stage, &writer->places[worker], item->path, target,
                                      &item->mtime, err);
}

/* ---- files ---- */

/* Damage and limits are the content's own; anything else ends the run. */
static bool is_of_content(const struct pp_err *err) {
    return err->kind == PP_ERR_DAMAGED || err->kind == PP_ERR_UNSUPPORTED ||
           err->kind == PP_ERR_LIMIT;
}

static int write_patched(const struct pp_bootstrap_writer *writer, struct pp_bootstrap_item *item,
                         const struct pp_blob *shipped, int fd, struct pp_err *err) {
    struct pp_sink_fd sink;

    pp_sink_fd_init(&sink, fd);
    if (!item->rewritten)
        return pp_content_write(writer->policy, shipped, item->mode, &item->findings, &sink.sink,
                                err);
    return pp_content_rewrite(writer->policy, shipped, item->mode, &item->findings, &sink.sink,
                              err);
}

static int write_shipped(const struct pp_blob *shipped, int fd, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = NULL;
    struct pp_sink_fd sink;

    if (shipped->memory != NULL)
        return pp_io_write(fd, shipped->memory, shipped->len, err);
    source = pp_source_from_blob(shipped, err);
    if (source == NULL)
        return -(int)err->kind;
    pp_sink_fd_init(&sink, fd);
    return pp_sink_copy(&sink.sink, source, err);
}

/* What the ledger has to know of a file that was patched. */
static int take_down(const struct pp_bootstrap_writer *writer, struct pp_bootstrap_item *item,
                     const struct pp_blob *shipped, int fd, struct pp_err *err) {
    struct pp_blob written;
    struct stat st;
    int rc;

    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at it");
    item->size = (uint64_t)st.st_size;
    written = pp_blob_file(fd, 0, item->size);
    rc = digest_blob(&written, &item->current, err);
    if (rc >= 0 && item->rewritten) {
        char temporary[32];

        snprintf(temporary, sizeof(temporary), "new.%" PRIu64, item->number);
        return pp_pristine_keep(writer->state, shipped, temporary, writer->stage->durable->each,
                                true, &item->shipped, err);
    }
    return rc < 0 ? rc : digest_blob(shipped, &item->shipped, err);
}

static int write_content(const struct pp_bootstrap_writer *writer, struct pp_bootstrap_item *item,
                         const struct pp_blob *shipped, int fd, struct pp_err *err) {
    struct pp_err problem = PP_ERR_INIT;
    int rc;

    if (pp_findings_count(&item->findings) == 0)
        return write_shipped(shipped, fd, err);
    item->rewritten = !pp_findings_in_place(&item->findings);
    rc = write_patched(writer, item, shipped, fd, &problem);
    if (rc >= 0) {
        item->outcome = PP_OUTCOME_PATCHED;
        return take_down(writer, item, shipped, fd, err);
    }
    if (!is_of_content(&problem)) {
        *err = problem;
        return rc;
    }
    item->outcome = PP_OUTCOME_LEFT;
    item->err = problem;
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return pp_err_sys(err, "cannot write it anew");
    return write_shipped(shipped, fd, err);
}

static int write_file(const struct pp_bootstrap_writer *writer, unsigned worker,
                      struct pp_bootstrap_item *item, struct pp_err *err) {
    struct pp_bootstrap_entry entry = {.is_packed = true, .packed = item->packed};
    PP_AUTO_CLOSE int fd = -1;
    struct pp_blob shipped;
    int rc = 0;

    if (item->is_packed)
        rc = pp_bootstrap_archive_read(writer->archive, &entry, &item->spool, err);
    shipped = pp_spool_blob(&item->spool);
    if (rc >= 0 && !item->as_shipped)
        rc = pp_content_scan(writer->policy, &shipped, item->mode, &item->findings, err);
    if (rc < 0)
        return pp_err_context(err, "%s", item->path);
    if (writer->stage == NULL) {
        if (pp_findings_count(&item->findings) > 0)
            item->outcome = PP_OUTCOME_PATCHED;
        return 0;
    }
    fd = pp_bootstrap_stage_create(writer->stage, &writer->places[worker], item->path, item->mode,
                                   err);
    if (fd < 0)
        return fd;
    rc = write_content(writer, item, &shipped, fd, err);
    if (rc >= 0 && shipped.len >= START_LEN)
        pp_durable_start(writer->stage->durable, fd);
    if (rc >= 0)
        rc = pp_bootstrap_stage_dress(writer->stage, fd, item->mode, &item->mtime, err);
    return rc < 0 ? pp_err_context(err, "%s", item->path) : 0;
}

void pp_bootstrap_item_run(const struct pp_bootstrap_writer *writer, unsigned worker,
                           struct pp_bootstrap_item *item) {
    if (item->kind == PP_BOOTSTRAP_FILE)
        write_file(writer, worker, item, &item->failure);
    else if (item->kind == PP_BOOTSTRAP_SYMLINK)
        write_symlink(writer, worker, item, &item->failure);
    /* Neither memory nor a descriptor is held until its turn to be reported. */
    pp_budget_give(writer->queue, item->queue_len);
    pp_spool_done(&item->spool);
}
