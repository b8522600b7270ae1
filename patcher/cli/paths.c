#include "cli/paths.h"

#include "base/array.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "core/session_folders.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_LEN_MAX ((size_t)256 << 20)

void pp_paths_done(struct pp_paths *paths) {
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i]);
    free(paths->items);
    *paths = (struct pp_paths){NULL, 0};
}

static int append(struct pp_paths *paths, char *path, struct pp_err *err) {
    if ((paths->count & (paths->count + 1)) == 0) {
        char **items = pp_array_resize(paths->items, 2 * (paths->count + 1), sizeof(*items));

        if (items == NULL)
            return pp_err_nomem(err);
        paths->items = items;
    }
    paths->items[paths->count++] = path;
    return 0;
}

static int add_path(struct pp_paths *paths, const struct pp_session *session,
                    struct pp_place *place, const char *path, struct pp_err *err) {
    char *relative;

    if (pp_session_path(session, path, place, &relative, err) < 0)
        return -(int)err->kind;
    if (append(paths, relative, err) >= 0)
        return 0;
    free(relative);
    return -(int)err->kind;
}

/* In the order in which a walk meets them: folder by folder, each before what it holds. */
static int compare_paths(const void *left, const void *right) {
    const unsigned char *a = *(const unsigned char *const *)left;
    const unsigned char *b = *(const unsigned char *const *)right;

    while (*a == *b && *a != '\0')
        a++, b++;
    if (*a == *b)
        return 0;
    return (*a == '/'    ? 1
            : *a == '\0' ? 0
                         : *a + 1) < (*b == '/'    ? 1
                                      : *b == '\0' ? 0
                                                   : *b + 1)
               ? -1
               : 1;
}

/* The pieces of a text, which are in it, in the order of a walk: neighbours are found faster. */
static int split(const struct pp_buffer *text, char separator, struct pp_paths *pieces,
                 struct pp_err *err) {
    char *end = (char *)text->data + text->len;

    for (char *at = (char *)text->data; at < end;) {
        char *stop = memchr(at, separator, (size_t)(end - at));

        stop = stop != NULL ? stop : end;
        *stop = '\0';
        if (*at != '\0' && append(pieces, at, err) < 0)
            return -(int)err->kind;
        at = stop + 1;
    }
    if (pieces->count > 0)
        qsort(pieces->items, pieces->count, sizeof(*pieces->items), compare_paths);
    return 0;
}

static int add_list(struct pp_paths *paths, const struct pp_options *options,
                    const struct pp_session *session, struct pp_place *place, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    bool from_stdin = strcmp(options->files_from, "-") == 0;
    PP_AUTO_CLOSE int fd =
        from_stdin ? dup(STDIN_FILENO) : open(options->files_from, O_RDONLY | O_CLOEXEC);
    struct pp_paths pieces = {NULL, 0};
    int rc;

    if (fd < 0)
        return pp_err_sys(err, "%s: cannot open", options->files_from);
    if (pp_io_read_all(fd, LIST_LEN_MAX, &text, err) < 0)
        return pp_err_context(err, "%s", options->files_from);
    rc = split(&text, options->null_separated ? '\0' : '\n', &pieces, err);
    for (size_t i = 0; rc >= 0 && i < pieces.count; i++)
        rc = add_path(paths, session, place, pieces.items[i], err);
    free(pieces.items);
    return rc;
}

static bool is_within(const char *path, const char *folder) {
    return folder[0] == '\0' || pp_path_below(path, folder) != NULL;
}

static void sort_paths(struct pp_paths *paths) {
    size_t kept = 0;

    qsort(paths->items, paths->count, sizeof(*paths->items), compare_paths);
    for (size_t i = 0; i < paths->count; i++) {
        if (kept > 0 && is_within(paths->items[i], paths->items[kept - 1]))
            free(paths->items[i]);
        else
            paths->items[kept++] = paths->items[i];
    }
    paths->count = kept;
}

int pp_paths_collect(struct pp_paths *paths, const struct pp_options *options,
                     const struct pp_session *session, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;

    *paths = (struct pp_paths){NULL, 0};
    for (int i = 0; i < options->argument_count; i++)
        if (add_path(paths, session, &place, options->arguments[i], err) < 0)
            return -(int)err->kind;
    if (options->files_from != NULL && add_list(paths, options, session, &place, err) < 0)
        return -(int)err->kind;
    if (paths->count == 0)
        return pp_err_set(err, PP_ERR_USAGE,
                          "%s: give it at least one PATH, or --files-from FILE; see pathpatch %s "
                          "--help",
                          options->command->name, options->command->name);
    sort_paths(paths);
    return 0;
}
