#include "deb/deb_sums.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* "HASH  PATH": two spaces. */
#define HASH_LEN ((size_t)2 * PP_MD5_LEN)
#define PATH_AT (HASH_LEN + 2)

void pp_deb_sums_done(struct pp_deb_sums *sums) {
    for (size_t i = 0; i < sums->count; i++) {
        free(sums->items[i].path);
        free(sums->items[i].moved);
    }
    free(sums->items);
    *sums = (struct pp_deb_sums)PP_DEB_SUMS_INIT;
}

static int make_room(struct pp_deb_sums *sums, struct pp_err *err) {
    size_t cap = sums->cap == 0 ? 64 : 2 * sums->cap;
    struct pp_deb_sum *items;

    if (sums->count < sums->cap)
        return 0;
    items = reallocarray(sums->items, cap, sizeof(*items));
    if (items == NULL)
        return pp_err_nomem(err);
    sums->items = items;
    sums->cap = cap;
    return 0;
}

static const struct pp_deb_sum *find_added(const struct pp_deb_sums *sums, const char *path) {
    for (size_t i = sums->count; i-- > 0;)
        if (strcmp(sums->items[i].path, path) == 0)
            return &sums->items[i];
    return NULL;
}

static int digest_content(const struct pp_deb_change *change, struct pp_deb_sum *sum,
                          struct pp_err *err) {
    struct pp_blob content = pp_spool_blob(&change->content);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&content, err);
    struct pp_digest digest;

    if (source == NULL || pp_digest_source(source, &digest, err) < 0)
        return -(int)err->kind;
    memcpy(sum->md5, digest.md5, sizeof(sum->md5));
    sum->rewritten = true;
    return 0;
}

int pp_deb_sums_add(struct pp_deb_sums *sums, const struct pp_deb_member *member,
                    const struct pp_deb_change *change, struct pp_err *err) {
    const struct pp_deb_sum *linked =
        member->kind == PP_DEB_HARDLINK ? find_added(sums, member->target) : NULL;
    struct pp_deb_sum sum = {.path = NULL};

    if (linked != NULL) {
        sum.rewritten = linked->rewritten;
        memcpy(sum.md5, linked->md5, sizeof(sum.md5));
    }
    if (!change->rewritten && !change->moved && !sum.rewritten)
        return 0;
    if (make_room(sums, err) < 0 || (change->rewritten && digest_content(change, &sum, err) < 0))
        return -(int)err->kind;
    sum.path = strdup(member->path);
    sum.moved = change->moved ? strdup((const char *)change->path.data) : NULL;
    if (sum.path == NULL || (change->moved && sum.moved == NULL)) {
        free(sum.path);
        return pp_err_nomem(err);
    }
    sums->items[sums->count++] = sum;
    return 0;
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

int pp_deb_sums_mend(struct pp_deb_sums *sums, const struct pp_buffer *text,
                     struct pp_buffer *mended, struct pp_err *err) {
    PP_AUTO_FREE char *copy = strndup(text->len > 0 ? (const char *)text->data : "", text->len);
    char *rest = copy;
    char *line;
    int changed = 0;
    int rc = copy == NULL ? pp_err_nomem(err) : 0;

    if (sums->count > 0)
        qsort(sums->items, sums->count, sizeof(*sums->items), compare);
    while (rc >= 0 && (line = strsep(&rest, "\n")) != NULL) {
        const struct pp_deb_sum *sum = strlen(line) > PATH_AT ? find(sums, line + PATH_AT) : NULL;
        char md5[HASH_LEN + 1];

        if (sum == NULL) {
            rc = pp_buffer_printf(mended, err, "%s%s", line, rest != NULL ? "\n" : "");
            continue;
        }
        changed = 1;
        memcpy(md5, line, HASH_LEN);
        md5[HASH_LEN] = '\0';
        if (sum->rewritten)
            pp_hex(sum->md5, PP_MD5_LEN, md5);
        rc = pp_buffer_printf(mended, err, "%s  %s%s", md5,
                              sum->moved != NULL ? sum->moved : line + PATH_AT,
                              rest != NULL ? "\n" : "");
    }
    return rc < 0 ? rc : changed;
}
