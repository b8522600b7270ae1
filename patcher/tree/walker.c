#include "tree/walker.h"

#include "base/beneath.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "tree/names.h"
#include "tree/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Entries of one task: few enough to spread a folder over the workers. */
#define CHUNK_COUNT 64
/* What it takes itself, 2.4 KB, in results of about 1 KB. */
#define CHUNK_RESULTS 2

/* An open folder, shared by the tasks that look into it. */
struct folder {
    atomic_uint users;
    int fd;
    char path[]; /* relative to the root, "" or ending in a slash */
};

/* A task: entries of a folder, or what cannot be read, which takes its turn among them. */
struct chunk {
    struct folder *folder; /* until it was looked into */
    char *problem_path;    /* NULL: no problem */
    const void *tag;
    int rc;                /* the first error of a visit */
    struct pp_err failure; /* of that visit, or the problem */
    size_t count;
    struct pp_buffer names; /* of the entries, each with its NUL */
    struct {
        size_t name; /* offset in `names` */
        bool is_symlink;
        void *visited;
    } entries[CHUNK_COUNT];
};

struct pp_walker {
    struct pp_walker_options options;
    int root;
    struct pp_pool *pool;
    struct pp_place place; /* of the path before: its folder is often the next one's, too */
    struct chunk *chunk;   /* being filled */
    const void *tag;       /* of the path that is being added */
};

static struct folder *folder_new(int fd, const char *path, struct pp_err *err) {
    size_t len = strlen(path);
    struct folder *folder = malloc(sizeof(*folder) + len + 2);

    if (folder == NULL) {
        close(fd);
        pp_err_nomem(err);
        return NULL;
    }
    atomic_init(&folder->users, 1);
    folder->fd = fd;
    memcpy(folder->path, path, len + 1);
    if (len > 0 && path[len - 1] != '/')
        memcpy(folder->path + len, "/", 2);
    return folder;
}

static void folder_release(struct folder *folder) {
    if (atomic_fetch_sub(&folder->users, 1) == 1) {
        close(folder->fd);
        free(folder);
    }
}

static void folder_releasep(struct folder **folder) {
    if (*folder != NULL)
        folder_release(*folder);
}

static void chunk_free(struct chunk *chunk) {
    free(chunk->problem_path);
    pp_buffer_done(&chunk->names);
    free(chunk);
}

/* Returns the number of entries that have something to deliver. */
static unsigned look_into(struct pp_walker *walker, unsigned number, struct chunk *chunk) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    size_t folder_len = strlen(chunk->folder->path);
    unsigned found = 0;

    chunk->rc = pp_buffer_append(&path, chunk->folder->path, folder_len, &chunk->failure);
    for (size_t i = 0; i < chunk->count && chunk->rc >= 0; i++) {
        struct pp_walker_entry entry = {.dir = chunk->folder->fd,
                                        .name = (const char *)chunk->names.data +
                                                chunk->entries[i].name,
                                        .is_symlink = chunk->entries[i].is_symlink,
                                        .tag = chunk->tag};

        path.len = folder_len;
        chunk->rc = pp_buffer_append(&path, entry.name, strlen(entry.name), &chunk->failure);
        if (chunk->rc < 0)
            break;
        entry.path = (const char *)path.data;
        chunk->rc = walker->options.visit(walker->options.context, number, &entry,
                                          &chunk->entries[i].visited, &chunk->failure);
        found += chunk->entries[i].visited != NULL ? 1 : 0;
    }
    return found;
}

/* Called in a worker. */
static unsigned run_chunk(void *context, unsigned number, void *task) {
    struct chunk *chunk = task;
    unsigned found;

    if (chunk->problem_path != NULL)
        return CHUNK_RESULTS;
    found = look_into(context, number, chunk);
    folder_release(chunk->folder);
    pp_buffer_done(&chunk->names);
    if (found == 0 && chunk->rc >= 0) {
        chunk_free(chunk);
        return 0;
    }
    return found + CHUNK_RESULTS;
}

static int deliver_entries(struct pp_walker *walker, const struct chunk *chunk,
                           struct pp_err *err) {
    int rc = chunk->rc;

    *err = chunk->failure;
    for (size_t i = 0; i < chunk->count; i++) {
        void *visited = chunk->entries[i].visited;

        if (visited != NULL) {
            struct pp_err failure = PP_ERR_INIT;
            int result = walker->options.deliver(walker->options.context, visited, &failure);

            if (result < 0 && rc >= 0) {
                rc = result;
                *err = failure;
            }
        }
    }
    return rc;
}

static int deliver_chunk(void *context, void *task, struct pp_err *err) {
    const struct pp_walker *walker = context;
    struct chunk *chunk = task;
    int rc = 0;

    if (chunk != NULL) {
        rc = chunk->problem_path != NULL
                 ? walker->options.problem(walker->options.context, chunk->problem_path,
                                           &chunk->failure, err)
                 : deliver_entries(context, chunk, err);
        chunk_free(chunk);
    }
    if (walker->options.progress != NULL)
        walker->options.progress(walker->options.context);
    return rc;
}

/* A chunk that is under way keeps its folder open: all of them together get a quarter of what may
 * be open. */
static unsigned window(void) {
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur / 4 >= PP_POOL_WINDOW_MAX)
        return PP_POOL_WINDOW_MAX;
    return files.rlim_cur < 4 ? 1 : (unsigned)files.rlim_cur / 4;
}

struct pp_walker *pp_walker_new(int root, const struct pp_walker_options *options,
                                struct pp_err *err) {
    struct pp_walker *walker = calloc(1, sizeof(*walker));

    if (walker == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    walker->options = *options;
    walker->root = root;
    walker->place = (struct pp_place)PP_PLACE_INIT;
    walker->pool = pp_pool_new(&(struct pp_pool_options){.jobs = options->jobs,
                                                         .window = window(),
                                                         .run = run_chunk,
                                                         .deliver = deliver_chunk,
                                                         .context = walker},
                               err);
    if (walker->pool == NULL) {
        free(walker);
        return NULL;
    }
    return walker;
}

static int flush(struct pp_walker *walker, struct pp_err *err) {
    struct chunk *chunk = walker->chunk;

    walker->chunk = NULL;
    return chunk != NULL ? pp_pool_give(walker->pool, chunk, err) : 0;
}

static int add_entry(struct pp_walker *walker, struct folder *folder, const char *name,
                     bool is_symlink, struct pp_err *err) {
    struct chunk *chunk = walker->chunk;

    if (chunk != NULL &&
        (chunk->folder != folder || chunk->tag != walker->tag || chunk->count == CHUNK_COUNT)) {
        int rc = flush(walker, err);

        if (rc < 0)
            return rc;
        chunk = NULL;
    }
    if (chunk == NULL) {
        chunk = calloc(1, sizeof(*chunk));
        if (chunk == NULL)
            return pp_err_nomem(err);
        atomic_fetch_add(&folder->users, 1);
        chunk->folder = folder;
        chunk->tag = walker->tag;
        walker->chunk = chunk;
    }
    chunk->entries[chunk->count].name = chunk->names.len;
    chunk->entries[chunk->count].is_symlink = is_symlink;
    if (pp_buffer_append(&chunk->names, name, strlen(name) + 1, err) < 0)
        return -(int)err->kind;
    chunk->count++;
    return 0;
}

/* Is `path` one of the folders to be skipped, or inside one? */
static bool is_skipped(const struct pp_walker *walker, const char *path) {
    for (const char *const *skip = walker->options.skip; skip != NULL && *skip != NULL; skip++) {
        size_t len = strlen(*skip);

        if (strncmp(*skip, path, len) == 0 && (path[len] == '\0' || path[len] == '/'))
            return true;
    }
    return false;
}

static int tell(struct pp_walker *walker, const char *path, const struct pp_err *problem,
                struct pp_err *err) {
    int rc = flush(walker, err);
    struct chunk *chunk;

    if (rc < 0)
        return rc;
    chunk = calloc(1, sizeof(*chunk));
    if (chunk == NULL)
        return pp_err_nomem(err);
    chunk->problem_path = strdup(path);
    chunk->failure = *problem;
    if (chunk->problem_path == NULL) {
        free(chunk);
        return pp_err_nomem(err);
    }
    return pp_pool_give(walker->pool, chunk, err);
}

static int walk_folder(struct pp_walker *walker, int dir, const char *name, const char *path,
                       struct pp_err *err);

static int walk_names(struct pp_walker *walker, struct folder *folder, const char *folder_path,
                      struct pp_err *err) {
    PP_AUTO_NAMES struct pp_names names = PP_NAMES_INIT;
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    struct pp_err problem = PP_ERR_INIT;
    int rc = pp_names_read(folder->fd, &names, &problem);

    if (rc < 0)
        return problem.kind == PP_ERR_NOMEM ? pp_err_nomem(err)
                                            : tell(walker, folder_path, &problem, err);
    for (size_t i = 0; rc >= 0 && i < names.count; i++) {
        const struct pp_name *name = &names.items[i];

        if (name->type != DT_DIR) {
            rc = add_entry(walker, folder, name->text, name->type == DT_LNK, err);
            continue;
        }
        path.len = 0;
        rc = pp_buffer_printf(&path, err, "%s%s", folder->path, name->text);
        if (rc >= 0)
            rc = walk_folder(walker, folder->fd, name->text, (const char *)path.data, err);
    }
    return rc;
}

static int walk_folder(struct pp_walker *walker, int dir, const char *name, const char *path,
                       struct pp_err *err) {
    PP_AUTO(folder_releasep) struct folder *folder = NULL;
    struct pp_err problem = PP_ERR_INIT;
    int fd;

    if (is_skipped(walker, path))
        return 0;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        pp_err_sys(&problem, "cannot open the folder");
        return tell(walker, path, &problem, err);
    }
    folder = folder_new(fd, path, err);
    if (folder == NULL)
        return -(int)err->kind;
    return walk_names(walker, folder, path, err);
}

static int add_file(struct pp_walker *walker, bool is_symlink, struct pp_err *err) {
    const struct pp_place *place = &walker->place;
    size_t len = place->path.len;
    PP_AUTO(folder_releasep) struct folder *folder = NULL;
    PP_AUTO_FREE char *parent = strndup((const char *)place->path.data, len);
    char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
    int fd;

    if (parent == NULL)
        return pp_err_nomem(err);
    if (slash != NULL)
        slash[1] = '\0';
    else
        parent[0] = '\0';
    /* Lists are sorted: the folder is often that of the path before. */
    if (walker->chunk != NULL && strcmp(walker->chunk->folder->path, parent) == 0) {
        /* To add an entry may give the chunk away, and its hold on the folder. */
        folder = walker->chunk->folder;
        atomic_fetch_add(&folder->users, 1);
        return add_entry(walker, folder, place->name, is_symlink, err);
    }
    fd = fcntl(place->dir, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return pp_err_sys(err, "cannot open the folder");
    folder = folder_new(fd, parent, err);
    return folder == NULL ? -(int)err->kind
                          : add_entry(walker, folder, place->name, is_symlink, err);
}

int pp_walker_add(struct pp_walker *walker, const char *path, enum pp_walker_mode mode,
                  const void *tag, struct pp_err *err) {
    bool listed = mode == PP_WALKER_LIST;
    struct pp_err problem = PP_ERR_INIT;
    struct stat st;
    int rc = pp_beneath_find(walker->root, path, listed ? PP_BENEATH_FOLLOW : PP_BENEATH_STRICT,
                             &walker->place, &problem);

    walker->tag = tag;
    if (rc >= 0 && fstatat(walker->place.dir, walker->place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        rc = pp_err_sys(&problem, "cannot look at it");
    if (rc < 0 && listed && (problem.sys == ENOENT || problem.sys == ENOTDIR))
        return 0;
    if (rc < 0)
        return tell(walker, path, &problem, err);
    if (is_skipped(walker, (const char *)walker->place.path.data))
        return 0;
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        return add_file(walker, S_ISLNK(st.st_mode), err);
    if (S_ISDIR(st.st_mode) && !listed)
        return walk_folder(walker, walker->place.dir, walker->place.name,
                           (const char *)walker->place.path.data, err);
    return 0;
}

int pp_walker_finish(struct pp_walker *walker, struct pp_err *err) {
    struct pp_err failure = PP_ERR_INIT;
    int flushed = flush(walker, &failure);
    int rc = pp_pool_finish(walker->pool, err);

    pp_place_done(&walker->place);
    free(walker);
    if (rc >= 0 && flushed < 0) {
        *err = failure;
        rc = flushed;
    }
    return rc;
}
