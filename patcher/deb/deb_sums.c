#include "deb/deb_sums.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* "HASH  PATH": two spaces. */
#define HASH_LEN (2 * PP_MD5_LEN)
#define PATH_AT (HASH_LEN + 2)
/* Of hard links that name other hard links; tar's name the file. */
#define LINK_DEPTH_MAX 8

void pp_deb_sums_done(struct pp_deb_sums *sums) {
    for (size_t i = 0; i < sums->count; i++) {
        free(sums->items[i].path);
        free(sums->items[i].moved);
        free(sums->items[i].linked);
    }
    free(sums->items);
    *sums = (struct pp_deb_sums)PP_DEB_SUMS_INIT;
}

static int make_room(struct pp_deb_sums *sums, struct pp_err *err) {
    size_t cap = sums->cap == 0 ? 64 : 2 * sums->cap;
    struct pp_deb_sum *items;

    if (sums->count < sums->cap)
        return 0;
    items = pp_array_resize(sums->items, cap, sizeof(*items));
    if (items == NULL)
        return pp_err_nomem(err);
    sums->items = items;
    sums->cap = cap;
    return 0;
}

static int digest_content(const struct pp_deb_change *change, struct pp_deb_sum *sum,
                          struct pp_err *err) {
    struct pp_blob content = pp_spool_blob(&change->content);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&content, err);
    struct pp_digest digest;

    if (source == NULL || pp_digest_source(source, true, &digest, err) < 0)
        return -(int)err->kind;
    memcpy(sum->md5, digest.md5, sizeof(sum->md5));
    sum->rewritten = true;
    return 0;
}

int pp_deb_sums_add(struct pp_deb_sums *sums, const struct pp_deb_member *member,
                    const struct pp_deb_change *change, struct pp_err *err) {
    bool linked = member->kind == PP_DEB_HARDLINK;
    struct pp_deb_sum *sum;

    if (!change->rewritten && !change->moved && !linked)
        return 0;
    if (make_room(sums, err) < 0)
        return -(int)err->kind;
    sum = &sums->items[sums->count++];
    *sum = (struct pp_deb_sum){
        .path = strdup(member->path),
        .moved = change->moved ? strdup((const char *)change->path.data) : NULL,
        .linked = linked ? strdup(member->target) : NULL,
    };
    if (sum->path == NULL || (change->moved && sum->moved == NULL) ||
        (linked && sum->linked == NULL))
        return pp_err_nomem(err);
    return change->rewritten ? digest_content(change, sum, err) : 0;
}

static int compare(const void *left, const void *right) {
    const struct pp_deb_sum *a = left;
    const struct pp_deb_sum *b = right;

    return strcmp(a->path, b->path);
}

/* Some tools write "./" before the path. */
static const struct pp_deb_sum *find(const struct pp_deb_sums *sums, const char *path) {
    struct pp_deb_sum key = {.path = (char *)(strncmp(path, "./", 2) == 0 ? path + 2 : path)};

    if (sums->count == 0)
        return NULL;
    return bsearch(&key, sums->items, sums->count, sizeof(key), compare);
}

/* The one that has the content: links lead to it, perhaps over others. */
static const struct pp_deb_sum *follow(const struct pp_deb_sums *sums,
                                       const struct pp_deb_sum *sum) {
    for (int i = 0; i < LINK_DEPTH_MAX && sum != NULL && sum->linked != NULL; i++)
        sum = find(sums, sum->linked);
    return sum;
}

/* Appends a line as it shall be. */
static int mend_line(const struct pp_deb_sums *sums, const char *line, struct pp_buffer *mended,
                     struct pp_err *err) {
    const struct pp_deb_sum *sum = strlen(line) > PATH_AT ? find(sums, line + PATH_AT) : NULL;
    const struct pp_deb_sum *content = follow(sums, sum);
    char md5[HASH_LEN + 1];

    if (sum == NULL)
        return pp_buffer_append(mended, line, strlen(line), err);
    memcpy(md5, line, HASH_LEN);
    md5[HASH_LEN] = '\0';
    if (content != NULL && content->rewritten)
        pp_hex(content->md5, PP_MD5_LEN, md5);
    return pp_buffer_printf(mended, err, "%s  %s", md5,
                            sum->moved != NULL ? sum->moved : line + PATH_AT);
}

int pp_deb_sums_mend(struct pp_deb_sums *sums, const struct pp_buffer *text,
                     struct pp_buffer *mended, struct pp_err *err) {
    const char *all = text->len > 0 ? (const char *)text->data : "";
    PP_AUTO_FREE char *copy = strndup(all, text->len);
    char *rest = copy;
    char *line;
    int rc = copy == NULL ? pp_err_nomem(err) : 0;

    /* With a NUL in it, it is no text. */
    if (rc >= 0 && strlen(copy) < text->len)
        return pp_buffer_append(mended, all, text->len, err);
    if (sums->count > 0)
        qsort(sums->items, sums->count, sizeof(*sums->items), compare);
    while (rc >= 0 && (line = strsep(&rest, "\n")) != NULL) {
        rc = mend_line(sums, line, mended, err);
        if (rc >= 0 && rest != NULL)
            rc = pp_buffer_append(mended, "\n", 1, err);
    }
    if (rc < 0)
        return rc;
    return mended->len != text->len || (text->len > 0 && memcmp(mended->data, all, text->len) != 0);
}
