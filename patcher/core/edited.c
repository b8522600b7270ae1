#include "core/edited.h"

#include "base/array.h"
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

void pp_edited_add(struct pp_edited *edited, const char *path, const char *package) {
    struct pp_apply_path *paths =
        pp_array_resize(edited->paths, edited->count + 1, sizeof(*edited->paths));
    struct pp_apply_path copy = {.path = strdup(path), .package = strdup(package)};

    if (paths != NULL)
        edited->paths = paths;
    if (paths == NULL || copy.path == NULL || copy.package == NULL) {
        free((char *)copy.path);
        free((char *)copy.package);
        edited->no_memory = true;
        return;
    }
    paths[edited->count++] = copy;
}

static int compare_paths(const void *left, const void *right) {
    return strcmp(((const struct pp_apply_path *)left)->path,
                  ((const struct pp_apply_path *)right)->path);
}

int pp_edited_patch(struct pp_edited *edited, struct pp_record *record, struct pp_tally *tally,
                    struct pp_err *err) {
    PP_AUTO_OLDER struct pp_older older = PP_OLDER_INIT(&record->session->values);
    struct pp_apply_options options = {.paths = edited->paths,
                                       .path_count = edited->count,
                                       .mode = PP_WALKER_LIST,
                                       .older = &older,
                                       .edited = true};
    int rc;

    if (edited->no_memory)
        return pp_err_nomem(err);
    if (edited->count == 0)
        return 0;
    older.own = true;
    rc = pp_revalue_add_older(record, &older, err);
    if (rc >= 0)
        rc = pp_older_finish(&older, err);
    if (rc < 0)
        return rc;
    qsort(edited->paths, edited->count, sizeof(*edited->paths), compare_paths);
    return pp_apply(record, &options, tally, err);
}
