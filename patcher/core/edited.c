#include "core/edited.h"

#include "base/cleanup.h"
#include "core/revalue.h"

#include <stdlib.h>
#include <string.h>

void pp_edited_done(struct pp_edited *edited) {
    for (size_t i = 0; i < edited->count; i++) {
        free((char *)edited->paths[i].path);
        free((char *)edited->paths[i].package);
    }
    free(edited->paths);
    *edited = (struct pp_edited)PP_EDITED_INIT;
}

void pp_edited_add(struct pp_edited *edited, const char *path) {
    struct pp_apply_path *paths =
        reallocarray(edited->paths, edited->count + 1, sizeof(*edited->paths));
    char *copy = strdup(path);

    if (paths != NULL)
        edited->paths = paths;
    if (paths == NULL || copy == NULL) {
        free(copy);
        edited->no_memory = true;
        return;
    }
    paths[edited->count++] = (struct pp_apply_path){.path = copy};
}

static int compare_paths(const void *left, const void *right) {
    return strcmp(((const struct pp_apply_path *)left)->path,
                  ((const struct pp_apply_path *)right)->path);
}

/* The package is that of the row; "" where only another name of the inode has one. */
static int note_package(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct pp_apply_path *edited = context;

    edited->package = strdup(file->package);
    return edited->package == NULL ? pp_err_nomem(err) : 0;
}

static int find_package(struct pp_ledger *ledger, struct pp_apply_path *edited,
                        struct pp_err *err) {
    int rc = pp_ledger_find(ledger, edited->path, note_package, edited, err);

    if (rc < 0 || edited->package != NULL)
        return rc < 0 ? rc : 0;
    edited->package = strdup("");
    return edited->package == NULL ? pp_err_nomem(err) : 0;
}

struct adding {
    struct pp_older *older;
    struct pp_ledger *ledger;
};

static int add_set(void *context, uint32_t set, struct pp_err *err) {
    const struct adding *adding = context;

    return pp_older_add_set(adding->older, adding->ledger, set, err);
}

int pp_edited_patch(struct pp_edited *edited, struct pp_record *record, struct pp_tally *tally,
                    struct pp_err *err) {
    PP_AUTO_OLDER struct pp_older older = PP_OLDER_INIT(&record->session->values);
    struct adding adding = {&older, pp_journal_ledger(record->journal)};
    struct pp_apply_options options = {.paths = edited->paths,
                                       .path_count = edited->count,
                                       .mode = PP_WALKER_LIST,
                                       .older = &older,
                                       .edited = true};
    int rc = 0;

    if (edited->no_memory)
        return pp_err_nomem(err);
    if (edited->count == 0)
        return 0;
    older.own = true;
    for (size_t i = 0; rc >= 0 && i < edited->count; i++)
        rc = find_package(adding.ledger, &edited->paths[i], err);
    if (rc >= 0)
        rc = pp_ledger_sets_used(adding.ledger, add_set, &adding, err);
    if (rc >= 0)
        rc = pp_revalue_add_was(record, &older, err);
    if (rc >= 0)
        rc = pp_older_finish(&older, err);
    if (rc < 0)
        return rc;
    qsort(edited->paths, edited->count, sizeof(*edited->paths), compare_paths);
    return pp_apply(record, &options, tally, err);
}
