#include "deb/deb_tar.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "format/tar_chain.h"
#include "format/tar_header.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* GNU tar writes records of so many bytes. */
#define RECORD_LEN 10240

struct walk {
    const struct pp_blob *tar;
    struct pp_pass pass;
    struct pp_source *source; /* of the pass */
    struct pp_blob rest;      /* of the source */
    struct pp_tar_chain chain;
    struct pp_buffer name; /* as stored */
    struct pp_buffer link;
    struct pp_buffer path; /* the same, as paths */
    struct pp_buffer target;
    struct pp_deb_member member;

    struct pp_sink *out;
    uint64_t written_len;
    bool changed;
    void *folders; /* tree of the paths of those written */
    struct deferred {
        char *path;
        struct pp_buffer headers;
    } * deferred;
    size_t deferred_count;
    uint8_t parent[PP_TAR_BLOCK_LEN]; /* header of the last folder that did not move */
    bool has_parent;
};

static int write_bytes(struct walk *walk, const void *data, size_t len, struct pp_err *err) {
    walk->written_len += len;
    return walk->out == NULL ? 0 : pp_sink_write(walk->out, data, len, err);
}

static int write_padding(struct walk *walk, uint64_t len, size_t align, struct pp_err *err) {
    static const uint8_t zeros[RECORD_LEN];
    size_t over_len = (size_t)(len % align);

    return over_len == 0 ? 0 : write_bytes(walk, zeros, align - over_len, err);
}

/* A stored name as a path: without "./", doubled slashes and a slash at the end. */
static int make_path(const char *name, struct pp_buffer *path, struct pp_err *err) {
    path->len = 0;
    while (*name != '\0') {
        size_t len = strcspn(name, "/");
        int rc = 0;

        if (len == 2 && memcmp(name, "..", 2) == 0)
            return pp_err_set(err, PP_ERR_DAMAGED, "a member leads out of the package");
        if (len > 0 && !(len == 1 && name[0] == '.')) {
            rc = path->len > 0 ? pp_buffer_append(path, "/", 1, err) : 0;
            if (rc >= 0)
                rc = pp_buffer_append(path, name, len, err);
        }
        if (rc < 0)
            return rc;
        name += len + (name[len] == '/' ? 1 : 0);
    }
    return pp_buffer_append(path, "", 0, err);
}

static enum pp_deb_kind kind_of(uint8_t type, const char *name, size_t name_len) {
    switch (type) {
    case '\0':
    case '0':
    case '7':
        /* v7 has no type for folders. */
        return name_len > 0 && name[name_len - 1] == '/' ? PP_DEB_FOLDER : PP_DEB_FILE;
    case '1':
        return PP_DEB_HARDLINK;
    case '2':
        return PP_DEB_SYMLINK;
    case '5':
        return PP_DEB_FOLDER;
    default:
        return PP_DEB_OTHER;
    }
}

/* The member whose headers were just read. */
static int read_member(struct walk *walk, struct pp_err *err) {
    const uint8_t *block = walk->chain.data.data + walk->chain.main_at;
    struct pp_deb_member *member = &walk->member;
    uint64_t size = 0;
    uint64_t mode = 0;
    int rc;

    walk->name.len = walk->link.len = walk->target.len = 0;
    rc = pp_tar_chain_texts(&walk->chain, &walk->name, &walk->link, err);
    if (rc >= 0)
        rc = make_path((const char *)walk->name.data, &walk->path, err);
    if (rc < 0)
        return pp_err_context(err, "%s", (const char *)walk->name.data);
    if (walk->chain.sparse)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "%s: a sparse member, which dpkg does not read",
                          (const char *)walk->path.data);
    pp_tar_number(block + PP_TAR_MODE, PP_TAR_MODE_LEN, &mode);
    *member = (struct pp_deb_member){
        .path = (const char *)walk->path.data,
        .kind = kind_of(block[PP_TAR_TYPE], (const char *)walk->name.data, walk->name.len),
        .mode = (uint32_t)mode & 07777,
        .target = ""};
    if (member->kind == PP_DEB_SYMLINK)
        member->target = (const char *)walk->link.data;
    if (member->kind == PP_DEB_HARDLINK) {
        rc = make_path((const char *)walk->link.data, &walk->target, err);
        if (rc < 0)
            pp_err_context(err, "linked to %s", (const char *)walk->link.data);
        member->target = (const char *)walk->target.data;
    }
    if (rc >= 0 && member->kind == PP_DEB_FILE)
        rc = pp_tar_chain_size(&walk->chain, &size, err);
    if (rc >= 0 && size > walk->tar->len - walk->pass.offset)
        rc = pp_err_set(err, PP_ERR_DAMAGED, "truncated: %llu bytes are missing",
                        (unsigned long long)(size - (walk->tar->len - walk->pass.offset)));
    if (rc < 0)
        return pp_err_context(err, "%s", member->path);
    member->content = pp_blob_part(walk->tar, walk->pass.offset, size);
    return 0;
}

/* ---- folders ---- */

static int compare_paths(const void *left, const void *right) {
    return strcmp(left, right);
}

/* Notes a folder. Returns 1 when it was there already. */
static int add_folder(struct walk *walk, const char *path, size_t len, struct pp_err *err) {
    char *copy = strndup(path, len);
    char **node = copy != NULL ? tsearch(copy, &walk->folders, compare_paths) : NULL;

    if (node != NULL && *node == copy)
        return 0;
    free(copy);
    return node == NULL ? pp_err_nomem(err) : 1;
}

/* A stored name, in the style that the member's own name has. */
static int stored_name(const struct walk *walk, const char *path, size_t len, bool folder,
                       struct pp_buffer *name, struct pp_err *err) {
    const char *was = (const char *)walk->name.data;

    return pp_buffer_printf(name, err, "%s%.*s%s", strncmp(was, "./", 2) == 0 ? "./" : "", (int)len,
                            path, folder && len > 0 ? "/" : "");
}

/* One of the folders above a member that moved: like the folder that was above where it was. */
static int write_folder(struct walk *walk, const char *path, size_t len, struct pp_err *err) {
    PP_AUTO(pp_tar_chain_done) struct pp_tar_chain chain = PP_TAR_CHAIN_INIT;
    PP_AUTO_BUFFER struct pp_buffer name = PP_BUFFER_INIT;
    uint8_t block[PP_TAR_BLOCK_LEN];
    uint8_t was[PP_TAR_BLOCK_LEN];
    int rc = stored_name(walk, path, len, true, &name, err);

    memcpy(was, walk->has_parent ? walk->parent : walk->chain.data.data + walk->chain.main_at,
           sizeof(was));
    memcpy(block, was, sizeof(block));
    block[PP_TAR_TYPE] = '5';
    pp_tar_number_put(block + PP_TAR_SIZE, PP_TAR_SIZE_LEN, 0);
    if (!walk->has_parent)
        pp_tar_number_put(block + PP_TAR_MODE, PP_TAR_MODE_LEN, 0755);
    pp_tar_checksum_mend(block, was);
    if (rc >= 0)
        rc = pp_buffer_append(&chain.data, block, sizeof(block), err);
    if (rc >= 0)
        rc = pp_tar_chain_retext(&chain, (const char *)name.data, "", err);
    return rc < 0 ? rc : write_bytes(walk, chain.data.data, chain.data.len, err);
}

static const struct deferred *find_deferred(const struct walk *walk, const char *path, size_t len) {
    for (size_t i = 0; i < walk->deferred_count; i++)
        if (strncmp(walk->deferred[i].path, path, len) == 0 && walk->deferred[i].path[len] == '\0')
            return &walk->deferred[i];
    return NULL;
}

static int defer_folder(struct walk *walk, struct pp_err *err) {
    const char *path = walk->member.path;
    struct deferred *deferred;

    if (find_deferred(walk, path, strlen(path)) != NULL)
        return 0;
    deferred = pp_array_resize(walk->deferred, walk->deferred_count + 1, sizeof(*deferred));
    if (deferred == NULL)
        return pp_err_nomem(err);
    walk->deferred = deferred;
    deferred += walk->deferred_count;
    *deferred = (struct deferred){.path = strdup(path), .headers = PP_BUFFER_INIT};
    if (deferred->path == NULL)
        return pp_err_nomem(err);
    walk->deferred_count++;
    return pp_buffer_append(&deferred->headers, walk->chain.data.data, walk->chain.data.len, err);
}

/* The folders above a member that are due: deferred ones, and for one that moved all of them. */
static int write_parents(struct walk *walk, const char *path, bool moved, struct pp_err *err) {
    const char *slash = path;
    int rc = 0;

    for (; rc >= 0 && (slash = strchr(slash, '/')) != NULL; slash++) {
        size_t len = (size_t)(slash - path);
        const struct deferred *deferred = find_deferred(walk, path, len);

        if (deferred == NULL && !moved)
            continue;
        rc = add_folder(walk, path, len, err);
        if (rc == 0 && deferred != NULL)
            rc = write_bytes(walk, deferred->headers.data, deferred->headers.len, err);
        else if (rc == 0)
            rc = write_folder(walk, path, len, err);
    }
    return rc < 0 ? rc : 0;
}

/* ---- members ---- */

static int retext(struct walk *walk, const struct pp_deb_change *change, struct pp_err *err) {
    const struct pp_deb_member *member = &walk->member;
    PP_AUTO_BUFFER struct pp_buffer name = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer link = PP_BUFFER_INIT;
    const char *path = change->moved ? (const char *)change->path.data : member->path;
    const char *target = change->relinked ? (const char *)change->target.data : member->target;
    int rc = stored_name(walk, path, strlen(path), member->kind == PP_DEB_FOLDER, &name, err);

    if (rc >= 0 && change->relinked && member->kind == PP_DEB_HARDLINK)
        rc = stored_name(walk, target, strlen(target), false, &link, err);
    else if (rc >= 0)
        rc = pp_buffer_printf(&link, err, "%s",
                              change->relinked ? target : (const char *)walk->link.data);
    return rc < 0 ? rc
                  : pp_tar_chain_retext(&walk->chain,
                                        change->moved ? (const char *)name.data
                                                      : (const char *)walk->name.data,
                                        (const char *)link.data, err);
}

static int write_content(struct walk *walk, const struct pp_blob *content, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(content, err);
    int rc;

    if (source == NULL)
        return -(int)err->kind;
    walk->written_len += content->len;
    rc = walk->out == NULL ? 0 : pp_sink_copy(walk->out, source, err);
    return rc < 0 ? rc : write_padding(walk, content->len, PP_TAR_BLOCK_LEN, err);
}

static int write_member(struct walk *walk, struct pp_deb_change *change, struct pp_err *err) {
    const struct pp_deb_member *member = &walk->member;
    const char *path = change->moved ? (const char *)change->path.data : member->path;
    struct pp_blob content = member->content;
    int rc = 0;

    if (change->rewritten) {
        content = pp_spool_blob(&change->content);
        rc = pp_tar_chain_resize(&walk->chain, content.len, err);
    }
    if (rc >= 0)
        rc = write_parents(walk, path, change->moved, err);
    if (rc >= 0 && member->kind == PP_DEB_FOLDER) {
        /* Two that come to one place are one. */
        rc = add_folder(walk, path, strlen(path), err);
        if (rc > 0 && change->moved)
            return 0;
    }
    if (rc >= 0 && (change->moved || change->relinked))
        rc = retext(walk, change, err);
    if (rc >= 0)
        rc = write_bytes(walk, walk->chain.data.data, walk->chain.data.len, err);
    return rc < 0 ? rc : write_content(walk, &content, err);
}

static int visit_member(struct walk *walk, pp_deb_member_fn *visit, void *context,
                        struct pp_err *err) {
    const struct pp_deb_member *member = &walk->member;
    struct pp_deb_change change = {.path = PP_BUFFER_INIT, .target = PP_BUFFER_INIT};
    int rc;

    pp_spool_init(&change.content);
    rc = visit(context, member, &change, err);
    if (rc >= 0 && member->kind == PP_DEB_FOLDER && !change.moved) {
        memcpy(walk->parent, walk->chain.data.data + walk->chain.main_at, sizeof(walk->parent));
        walk->has_parent = true;
    }
    if (rc >= 0 &&
        (change.dropped || change.deferred || change.rewritten || change.moved || change.relinked))
        walk->changed = true;
    if (rc >= 0 && change.deferred)
        rc = defer_folder(walk, err);
    else if (rc >= 0 && !change.dropped)
        rc = write_member(walk, &change, err);
    pp_spool_done(&change.content);
    pp_buffer_done(&change.path);
    pp_buffer_done(&change.target);
    return rc < 0 ? pp_err_context(err, "%s", member->path) : 0;
}

/* Reads on from `offset`. */
static int go_to(struct walk *walk, uint64_t offset, struct pp_err *err) {
    if (offset > walk->tar->len)
        offset = walk->tar->len;
    pp_source_freep(&walk->source);
    walk->rest = pp_blob_part(walk->tar, offset, walk->tar->len - offset);
    walk->source = pp_source_from_blob(&walk->rest, err);
    walk->pass.in = walk->source;
    walk->pass.offset = offset;
    return walk->source == NULL ? -(int)err->kind : 0;
}

static int walk_members(struct walk *walk, pp_deb_member_fn *visit, void *context,
                        struct pp_err *err) {
    int rc = go_to(walk, 0, err);

    while (rc >= 0 && (rc = pp_tar_chain_read(&walk->chain, &walk->pass, err)) > 0) {
        uint64_t offset;

        if (rc == PP_TAR_CHAIN_ZERO)
            break;
        if (rc == PP_TAR_CHAIN_GLOBAL)
            return pp_err_set(err, PP_ERR_UNSUPPORTED,
                              "a global pax header, which dpkg does not read");
        rc = read_member(walk, err);
        if (rc < 0)
            return rc;
        offset = walk->pass.offset + walk->member.content.len;
        rc = visit_member(walk, visit, context, err);
        if (rc >= 0)
            rc = go_to(walk, (offset + PP_TAR_BLOCK_LEN - 1) & ~(uint64_t)(PP_TAR_BLOCK_LEN - 1),
                       err);
    }
    return rc < 0 ? rc : 0;
}

static int write_end(struct walk *walk, struct pp_err *err) {
    static const uint8_t end[2 * PP_TAR_BLOCK_LEN];
    int rc = write_bytes(walk, end, sizeof(end), err);

    if (rc < 0 || walk->tar->len % RECORD_LEN != 0)
        return rc;
    return write_padding(walk, walk->written_len, RECORD_LEN, err);
}

int pp_deb_tar_walk(const struct pp_blob *tar, struct pp_sink *out, pp_deb_member_fn *visit,
                    void *context, struct pp_err *err) {
    struct walk walk = {.tar = tar, .chain = PP_TAR_CHAIN_INIT, .out = out};
    int rc = walk_members(&walk, visit, context, err);

    if (rc >= 0)
        rc = write_end(&walk, err);
    tdestroy(walk.folders, free);
    for (size_t i = 0; i < walk.deferred_count; i++) {
        free(walk.deferred[i].path);
        pp_buffer_done(&walk.deferred[i].headers);
    }
    free(walk.deferred);
    pp_source_freep(&walk.source);
    pp_tar_chain_done(&walk.chain);
    pp_buffer_done(&walk.name);
    pp_buffer_done(&walk.link);
    pp_buffer_done(&walk.path);
    pp_buffer_done(&walk.target);
    return rc < 0 ? rc : walk.changed;
}
