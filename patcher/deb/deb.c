#include "deb/deb.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "deb/deb_part.h"
#include "deb/deb_sums.h"

#include <stdlib.h>
#include <string.h>

#define MD5SUMS "md5sums"
/* Far more than dpkg knows. */
#define FILE_COUNT_MAX 1024

struct control_file {
    char *path;
    struct pp_buffer text;
    enum pp_deb_control state;
};

struct package {
    struct pp_deb_visitor *visitor;
    enum pp_deb_compression compression;
    struct pp_budget *budget;
    struct control_file *files; /* of control.tar */
    size_t file_count;
    struct pp_deb_sums sums;
};

static void package_done(struct package *package) {
    for (size_t i = 0; i < package->file_count; i++) {
        free(package->files[i].path);
        pp_buffer_done(&package->files[i].text);
    }
    free(package->files);
    pp_deb_sums_done(&package->sums);
}

static int read_text(const struct pp_blob *content, struct pp_buffer *text, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(content, err);
    struct pp_sink_buffer sink;

    if (source == NULL)
        return -(int)err->kind;
    pp_sink_buffer_init(&sink, text);
    if (pp_sink_copy(&sink.sink, source, err) < 0)
        return -(int)err->kind;
    /* Also without a byte in it there is a text. */
    return pp_buffer_append(text, "", 0, err);
}

/* ---- control.tar ---- */

static int read_control(void *context, const struct pp_deb_member *member,
                        struct pp_deb_change *change, struct pp_err *err) {
    struct package *package = context;
    struct control_file *files;
    struct control_file *file;

    (void)change;
    if (member->kind != PP_DEB_FILE)
        return 0;
    if (package->file_count == FILE_COUNT_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "more than %d control files", FILE_COUNT_MAX);
    files = pp_array_resize(package->files, package->file_count + 1, sizeof(*files));
    if (files == NULL)
        return pp_err_nomem(err);
    package->files = files;
    file = &files[package->file_count++];
    *file = (struct control_file){.path = strdup(member->path), .text = PP_BUFFER_INIT};
    if (file->path == NULL)
        return pp_err_nomem(err);
    return read_text(&member->content, &file->text, err);
}

static struct control_file *find_file(const struct package *package, const char *path) {
    for (size_t i = 0; i < package->file_count; i++)
        if (strcmp(package->files[i].path, path) == 0)
            return &package->files[i];
    return NULL;
}

static int visit_file(struct package *package, struct control_file *file, struct pp_err *err) {
    int rc = package->visitor->control(package->visitor, file->path, &file->text, err);

    if (rc < 0)
        return pp_err_context(err, "%s", file->path);
    file->state = (enum pp_deb_control)rc;
    return 0;
}

/* The file `control` first: it says what the others are about. */
static int visit_control(struct package *package, struct pp_err *err) {
    struct control_file *first = find_file(package, "control");
    int rc;

    if (first == NULL)
        return pp_err_set(err, PP_ERR_DAMAGED, "no file 'control' in control.tar");
    rc = visit_file(package, first, err);
    for (size_t i = 0; rc >= 0 && i < package->file_count; i++)
        if (&package->files[i] != first && strcmp(package->files[i].path, MD5SUMS) != 0)
            rc = visit_file(package, &package->files[i], err);
    return rc;
}

static int write_control(void *context, const struct pp_deb_member *member,
                         struct pp_deb_change *change, struct pp_err *err) {
    const struct control_file *file = find_file(context, member->path);

    if (file == NULL || member->kind != PP_DEB_FILE)
        return 0;
    change->dropped = file->state == PP_DEB_CONTROL_DROPPED;
    change->rewritten = file->state == PP_DEB_CONTROL_CHANGED;
    return change->rewritten
               ? pp_sink_write(&change->content.sink, file->text.data, file->text.len, err)
               : 0;
}

static int mend_sums(struct package *package, struct pp_err *err) {
    struct control_file *file = find_file(package, MD5SUMS);
    struct pp_buffer mended = PP_BUFFER_INIT;
    int rc;

    if (file == NULL)
        return 0;
    rc = pp_deb_sums_mend(&package->sums, &file->text, &mended, err);
    if (rc <= 0) {
        pp_buffer_done(&mended);
        return rc;
    }
    pp_buffer_done(&file->text);
    file->text = mended;
    file->state = PP_DEB_CONTROL_CHANGED;
    return 0;
}

/* ---- data.tar ---- */

static int visit_data(void *context, const struct pp_deb_member *member,
                      struct pp_deb_change *change, struct pp_err *err) {
    struct package *package = context;
    int rc = package->visitor->member(package->visitor, member, change, err);

    if (rc < 0 || change->dropped ||
        (member->kind != PP_DEB_FILE && member->kind != PP_DEB_HARDLINK))
        return rc;
    return pp_deb_sums_add(&package->sums, member, change, err);
}

static int read_part(struct pp_deb_part *part, pp_deb_member_fn *visit, struct package *package,
                     struct pp_err *err) {
    struct pp_blob tar = pp_deb_part_tar(part);
    int rc = pp_deb_tar_walk(&tar, NULL, visit, package, err);

    return rc < 0 ? pp_err_context(err, "%s", part->name) : rc;
}

/* Walks the tar of a part, and encodes it when something is to be different. Returns 1 then. */
static int write_part(struct pp_deb_part *part, pp_deb_member_fn *visit, struct package *package,
                      struct pp_err *err) {
    PP_AUTO_SPOOL struct pp_spool written;
    struct pp_blob tar = pp_deb_part_tar(part);
    bool recompress = !pp_deb_part_is(part, package->compression);
    int rc;

    pp_spool_init(&written);
    rc = pp_deb_tar_walk(&tar, &written.sink, visit, package, err);
    if (rc < 0)
        return pp_err_context(err, "%s", part->name);
    if (rc == 0 && !recompress)
        return 0;
    if (rc > 0)
        tar = pp_spool_blob(&written);
    rc = recompress ? pp_deb_part_compress(part, &tar, package->compression, package->budget, err)
                    : pp_deb_part_encode(part, &tar, package->budget, err);
    return rc < 0 ? rc : 1;
}

static int walk_package(struct package *package, struct pp_deb_parts *parts,
                        const struct pp_blob *in, struct pp_sink *out, struct pp_err *err) {
    int changed;
    int rc = read_part(&parts->control, read_control, package, err);

    if (rc >= 0)
        rc = visit_control(package, err);
    if (rc < 0)
        return rc;
    if (out == NULL)
        return read_part(&parts->data, visit_data, package, err);
    changed = rc = write_part(&parts->data, visit_data, package, err);
    if (rc >= 0)
        rc = mend_sums(package, err);
    if (rc >= 0)
        rc = write_part(&parts->control, write_control, package, err);
    if (rc < 0)
        return rc;
    changed |= rc;
    rc = pp_deb_parts_write(parts, in, out, err);
    return rc < 0 ? rc : changed;
}

int pp_deb_walk(const struct pp_blob *in, enum pp_deb_compression compression,
                struct pp_budget *budget, struct pp_sink *out, struct pp_deb_visitor *visitor,
                struct pp_err *err) {
    PP_AUTO_DEB_PARTS struct pp_deb_parts parts;
    PP_AUTO(package_done)
    struct package package = {
        .visitor = visitor, .compression = compression, .budget = budget, .sums = PP_DEB_SUMS_INIT};
    int rc;

    pp_deb_parts_init(&parts);
    rc = pp_deb_parts_read(&parts, in, budget, err);
    return rc < 0 ? rc : walk_package(&package, &parts, in, out, err);
}
