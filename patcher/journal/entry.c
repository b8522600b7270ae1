#include "journal/entry.h"

#include <stdlib.h>
#include <string.h>

/* Says what went wrong when there is no memory to say it. */
static const struct pp_err no_words = {.kind = PP_ERR_NOMEM, .text = "out of memory"};

int pp_entry_add_name(struct pp_entry *entry, const char *path, struct pp_err *err) {
    struct pp_entry_name *names = realloc(entry->names, (entry->name_count + 1) * sizeof(*names));
    char *copy = strdup(path);

    if (names != NULL)
        entry->names = names;
    if (names == NULL || copy == NULL) {
        free(copy);
        return pp_err_nomem(err);
    }
    names[entry->name_count++] = (struct pp_entry_name){.path = copy};
    return 0;
}

void pp_entry_free(struct pp_entry *entry) {
    if (entry == NULL)
        return;
    for (size_t i = 0; i < entry->name_count; i++) {
        free(entry->names[i].path);
        if (entry->names[i].err != &no_words)
            free((void *)entry->names[i].err);
    }
    free(entry->names);
    free(entry->package);
    free(entry->hits);
    free(entry->members);
    free(entry);
}

static int copy_members(struct pp_entry *entry, const struct pp_change *change,
                        struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer members = PP_BUFFER_INIT;

    for (size_t i = 0; i < change->member_count; i++) {
        int rc =
            pp_buffer_append(&members, change->members[i], strlen(change->members[i]) + 1, err);

        if (rc < 0)
            return rc;
    }
    entry->members = (char *)members.data;
    entry->members_len = members.len;
    members = (struct pp_buffer)PP_BUFFER_INIT;
    return 0;
}

static int copy_change(struct pp_entry *entry, const struct pp_change *change, struct pp_err *err) {
    int rc = pp_entry_add_name(entry, change->path, err);

    for (size_t i = 0; i < change->link_count && rc >= 0; i++)
        rc = pp_entry_add_name(entry, change->links[i], err);
    if (rc >= 0)
        rc = copy_members(entry, change, err);
    if (rc < 0)
        return rc;
    entry->package = strdup(change->package);
    entry->hits = calloc(change->hit_count + 1, sizeof(*entry->hits));
    if (entry->package == NULL || entry->hits == NULL)
        return pp_err_nomem(err);
    if (change->hit_count > 0)
        memcpy(entry->hits, change->hits, change->hit_count * sizeof(*entry->hits));
    entry->hit_count = change->hit_count;
    entry->kind = change->kind;
    entry->identity = change->identity;
    entry->rewrite = change->rewrite;
    entry->unpatch = change->unpatch;
    entry->context = change->context;
    return 0;
}

struct pp_entry *pp_entry_new(const struct pp_change *change, struct pp_err *err) {
    struct pp_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        pp_err_nomem(err);
    else if (copy_change(entry, change, err) >= 0)
        return entry;
    pp_entry_free(entry);
    return NULL;
}

static int copy_row(struct pp_entry *entry, const struct pp_ledger_file *file, struct pp_err *err) {
    int rc = pp_entry_add_name(entry, file->path, err);

    if (rc >= 0)
        rc = pp_hits_unpack(file->hits, file->hits_len, &entry->hits, &entry->hit_count, err);
    if (rc < 0)
        return rc;
    entry->package = strdup(file->package);
    entry->members = malloc(file->members_len + 1);
    if (entry->package == NULL || entry->members == NULL)
        return pp_err_nomem(err);
    if (file->members_len > 0)
        memcpy(entry->members, file->members, file->members_len);
    entry->members_len = file->members_len;
    entry->kind = file->kind;
    entry->recorded = true;
    entry->row_current = file->current;
    entry->shipped = file->shipped;
    return 0;
}

struct pp_entry *pp_entry_from_row(const struct pp_ledger_file *file,
                                   const struct pp_identity *identity, struct pp_err *err) {
    struct pp_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    entry->identity = *identity;
    if (copy_row(entry, file, err) >= 0)
        return entry;
    pp_entry_free(entry);
    return NULL;
}

size_t pp_entry_len(const struct pp_entry *entry) {
    size_t len = sizeof(*entry) + entry->hit_count * sizeof(*entry->hits) + entry->members_len;

    for (size_t i = 0; i < entry->name_count; i++)
        len += sizeof(*entry->names) + strlen(entry->names[i].path);
    return len;
}

void pp_entry_fail(struct pp_entry *entry, size_t name, const struct pp_err *err) {
    struct pp_err *copy;

    if (entry->names[name].err != NULL)
        return;
    copy = malloc(sizeof(*copy));
    if (copy != NULL)
        *copy = *err;
    entry->names[name].err = copy != NULL ? copy : &no_words;
}

void pp_entry_fail_all(struct pp_entry *entry, const struct pp_err *err) {
    for (size_t i = 0; i < entry->name_count; i++)
        pp_entry_fail(entry, i, err);
}

int pp_entry_spans_init(struct pp_entry_spans *spans, const struct pp_entry *entry,
                        const struct pp_texts *texts, struct pp_err *err) {
    spans->spans = calloc(entry->hit_count + 1, sizeof(*spans->spans));
    spans->shipped = calloc(entry->hit_count + 1, sizeof(*spans->shipped));
    if (spans->spans == NULL || spans->shipped == NULL)
        return pp_err_nomem(err);
    return pp_texts_spans(texts, entry->set, entry->undo, entry->hits, entry->hit_count,
                          spans->spans, spans->shipped, err);
}

void pp_entry_spans_done(struct pp_entry_spans *spans) {
    free(spans->spans);
    free(spans->shipped);
}
