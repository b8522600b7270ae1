#include "journal/merge.h"

#include "base/array.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

int pp_merge_turn(struct pp_hit *hits, size_t hit_count, const struct pp_text_set *was,
                  const struct pp_text_set *set, struct pp_err *err) {
    for (size_t i = 0; i < hit_count; i++) {
        size_t index;

        if (hits[i].placeholder >= was->count)
            return pp_err_set(err, PP_ERR_DAMAGED, "a recorded hit makes no sense");
        index = pp_text_set_index(set, was->pairs[hits[i].placeholder].name);
        if (index == set->count)
            return pp_err_set(err, PP_ERR_REFUSED,
                              "it was patched for %s, which this table does not have; use a table "
                              "that does",
                              was->pairs[hits[i].placeholder].name);
        hits[i].placeholder = (uint32_t)index;
        hits[i].was = was->number;
    }
    return 0;
}

struct merging {
    struct pp_journal *journal;
    struct pp_entry *entry;
};

static int take_package(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct pp_entry *entry = ((const struct merging *)context)->entry;
    char *package;

    if (entry->package[0] != '\0')
        return 1;
    package = strdup(file->package);
    if (package == NULL)
        return pp_err_nomem(err);
    free(entry->package);
    entry->package = package;
    return 1;
}

/* ---- members ---- */

/* Number of a member by name; it is added if need be. */
static int member_number(struct pp_buffer *members, const char *name, uint32_t *number,
                         struct pp_err *err) {
    uint32_t count = 0;

    for (size_t at = 0; at < members->len; at += strlen((const char *)members->data + at) + 1) {
        count++;
        if (strcmp((const char *)members->data + at, name) == 0) {
            *number = count;
            return 0;
        }
    }
    *number = count + 1;
    return pp_buffer_append(members, name, strlen(name) + 1, err);
}

static const char *member_name(const char *members, size_t len, uint32_t number) {
    for (size_t at = 0; at < len; at += strlen(members + at) + 1)
        if (--number == 0)
            return members + at;
    return NULL;
}

/* Counts members as `all` does, which gets those that it lacks. */
static int renumber(struct pp_hit *hits, size_t hit_count, const char *members, size_t members_len,
                    struct pp_buffer *all, struct pp_err *err) {
    uint32_t before = 0;
    uint32_t after = 0;

    for (size_t i = 0; i < hit_count; i++) {
        const char *name;
        int rc;

        if (hits[i].member != before) {
            before = hits[i].member;
            name = before != 0 ? member_name(members, members_len, before) : "";
            if (name == NULL)
                return pp_err_set(err, PP_ERR_DAMAGED, "a recorded hit makes no sense");
            after = 0;
            rc = before != 0 ? member_number(all, name, &after, err) : 0;
            if (rc < 0)
                return rc;
        }
        hits[i].member = after;
    }
    return 0;
}

/* ---- hits ---- */

static int compare_offsets(const void *left, const void *right) {
    const struct pp_hit *a = left;
    const struct pp_hit *b = right;

    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int compare_members(const void *left, const void *right) {
    const struct pp_hit *a = left;
    const struct pp_hit *b = right;

    if (a->member != b->member)
        return a->member < b->member ? -1 : 1;
    return compare_offsets(left, right);
}

/* Offsets in the file order the hits of plain content, whatever members they are in; then members
 * are numbered as they come. */
static int sort_hits(struct pp_entry *entry, struct pp_buffer *members, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer ordered = PP_BUFFER_INIT;
    struct pp_buffer swap;
    int rc;

    if (entry->kind == PP_LEDGER_REWRITTEN) {
        qsort(entry->hits, entry->hit_count, sizeof(*entry->hits), compare_members);
        return 0;
    }
    qsort(entry->hits, entry->hit_count, sizeof(*entry->hits), compare_offsets);
    rc = renumber(entry->hits, entry->hit_count, (const char *)members->data, members->len,
                  &ordered, err);
    swap = *members;
    *members = ordered;
    ordered = swap;
    return rc;
}

static int merge_hits(struct pp_entry *entry, struct pp_hit *hits, size_t hit_count,
                      const struct pp_ledger_file *file, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer members = PP_BUFFER_INIT;
    struct pp_hit *all =
        pp_array_resize(entry->hits, entry->hit_count + hit_count + 1, sizeof(*entry->hits));
    int rc;

    if (all == NULL)
        return pp_err_nomem(err);
    entry->hits = all;
    rc = renumber(hits, hit_count, file->members, file->members_len, &members, err);
    if (rc >= 0)
        rc = renumber(all, entry->hit_count, entry->members, entry->members_len, &members, err);
    if (rc < 0)
        return rc;
    if (hit_count > 0)
        memcpy(all + entry->hit_count, hits, hit_count * sizeof(*hits));
    entry->hit_count += hit_count;
    rc = sort_hits(entry, &members, err);
    free(entry->members);
    entry->members = (char *)members.data;
    entry->members_len = members.len;
    members = (struct pp_buffer)PP_BUFFER_INIT;
    return rc;
}

/* Plain content of which a part was compressed meanwhile has no shipped bytes that are kept. */
static bool kinds_fit(const struct pp_entry *entry, const struct pp_ledger_file *file) {
    return file->kind == entry->kind ||
           (file->kind == PP_LEDGER_REWRITTEN && entry->kind == PP_LEDGER_PLAIN);
}

static int merge(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    const struct merging *merging = context;
    struct pp_entry *entry = merging->entry;
    const struct pp_text_set *was;
    PP_AUTO_FREE struct pp_hit *hits = NULL;
    size_t hit_count;
    int rc = take_package(context, file, err);

    if (rc < 0)
        return rc;
    entry->merged = true;
    if (!kinds_fit(entry, file))
        return pp_err_set(err, PP_ERR_CHANGED, "another kind of file than it was");
    was = pp_texts_load(&merging->journal->texts, file->set, err);
    if (was == NULL || pp_hits_unpack(file->hits, file->hits_len, &hits, &hit_count, err) < 0)
        return -(int)err->kind;
    rc = pp_merge_turn(hits, hit_count, was, entry->set, err);
    if (rc < 0)
        return rc;
    entry->kind = file->kind;
    entry->recorded = true;
    entry->row_current = file->current;
    entry->shipped = file->shipped;
    rc = merge_hits(entry, hits, hit_count, file, err);
    return rc < 0 ? rc : 1;
}

/* The first name that has a row speaks for all. */
static int find_row(struct pp_journal *journal, struct pp_entry *entry, pp_ledger_file_fn *found,
                    struct pp_err *err) {
    struct merging merging = {journal, entry};
    int rc = 0;

    for (size_t i = 0; i < entry->name_count && rc == 0; i++)
        rc = pp_ledger_find(journal->ledger, entry->names[i].path, found, &merging, err);
    return rc < 0 ? rc : 0;
}

int pp_merge_package(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err) {
    return find_row(journal, entry, take_package, err);
}

int pp_merge_row(struct pp_journal *journal, struct pp_entry *entry, struct pp_err *err) {
    return find_row(journal, entry, merge, err);
}
