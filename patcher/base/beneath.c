#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX 40

/* A walk down to a folder. */
struct way {
    int root;
    enum pp_beneath mode;
    int dir;                /* reached so far */
    struct pp_buffer *path; /* of `dir`, relative to the root */
    struct pp_buffer rest;  /* components still to go */
    int link_count;
    struct pp_place *place;
};

static void drop_steps(struct pp_place *place, size_t kept) {
    while (place->step_count > kept)
        close(place->steps[--place->step_count].fd);
}

void pp_place_forget_way(struct pp_place *place) {
    drop_steps(place, 0);
}

void pp_place_done(struct pp_place *place) {
    drop_steps(place, 0);
    pp_cleanup_close(&place->dir);
    pp_buffer_done(&place->path);
    pp_buffer_done(&place->asked);
}

static int way_restart(struct way *way, struct pp_err *err) {
    pp_cleanup_close(&way->dir);
    way->dir = openat(way->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (way->dir < 0)
        return pp_err_sys(err, "cannot open the root");
    way->path->len = 0;
    return pp_buffer_append(way->path, "", 0, err);
}

/* Puts "TARGET/" in front of the rest. */
static int way_redirect(struct way *way, const char *target, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer rest = PP_BUFFER_INIT;
    struct pp_buffer swap;
    int rc;

    if (++way->link_count > LINKS_MAX)
        return pp_err_set(err, PP_ERR_REFUSED, "more than %d symlinks on the way", LINKS_MAX);
    rc = target[0] == '/' ? way_restart(way, err) : 0;
    if (rc >= 0)
        rc = pp_buffer_printf(&rest, err, "%s/%s", target, (const char *)way->rest.data);
    if (rc < 0)
        return rc;
    swap = way->rest;
    way->rest = rest;
    rest = swap;
    return 0;
}

/* The folder that is left behind on the way down, of which `len` bytes of the path tell. */
static void way_keep(struct way *way, size_t len) {
    struct pp_place *place = way->place;

    if (way->mode == PP_BENEATH_STRICT && place->step_count < PP_PLACE_STEP_MAX)
        place->steps[place->step_count++] = (struct pp_place_step){way->dir, len};
    else
        close(way->dir);
}

/* Enters a folder, or goes where a symlink leads. */
static int way_enter(struct way *way, const char *name, struct pp_err *err) {
    char target[PATH_MAX];
    ssize_t len;
    int fd = openat(way->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0) {
        way_keep(way, way->path->len);
        way->dir = fd;
        return pp_buffer_printf(way->path, err, way->path->len > 0 ? "/%s" : "%s", name);
    }
    if (errno != ENOTDIR && errno != ELOOP)
        return pp_err_sys(err, "cannot open the folder %s", name);
    len = readlinkat(way->dir, name, target, sizeof(target) - 1);
    if (len < 0) {
        if (errno == EINVAL)
            errno = ENOTDIR;
        return pp_err_sys(err, "cannot open the folder %s", name);
    }
    if (way->mode == PP_BENEATH_STRICT)
        return pp_err_set(err, PP_ERR_REFUSED, "the way goes through the symlink %s", name);
    target[len] = '\0';
    return way_redirect(way, target, err);
}

/* One folder up, by walking down again: a folder that was moved meanwhile has another parent. */
static int way_leave(struct way *way, struct pp_err *err) {
    const char *path = (const char *)way->path->data;
    const char *slash = path != NULL ? memrchr(path, '/', way->path->len) : NULL;
    PP_AUTO_BUFFER struct pp_buffer rest = PP_BUFFER_INIT;
    struct pp_buffer swap;
    int rc;

    if (way->mode == PP_BENEATH_STRICT)
        return pp_err_set(err, PP_ERR_REFUSED, "the path holds '..'");
    if (++way->link_count > LINKS_MAX)
        return pp_err_set(err, PP_ERR_REFUSED, "more than %d steps up on the way", LINKS_MAX);
    rc = pp_buffer_printf(&rest, err, "%.*s/%s", slash != NULL ? (int)(slash - path) : 0,
                          slash != NULL ? path : "", (const char *)way->rest.data);
    if (rc < 0)
        return rc;
    swap = way->rest;
    way->rest = rest;
    rest = swap;
    return way_restart(way, err);
}

static int way_walk(struct way *way, struct pp_err *err) {
    int rc = way->dir < 0 ? way_restart(way, err) : 0;

    while (rc >= 0 && way->rest.len > 0) {
        char name[NAME_MAX + 1];
        size_t len = strcspn((const char *)way->rest.data, "/");

        if (len > NAME_MAX) {
            errno = ENAMETOOLONG;
            return pp_err_sys(err, "cannot open the folder");
        }
        memcpy(name, way->rest.data, len);
        name[len] = '\0';
        pp_buffer_consume(&way->rest, len < way->rest.len ? len + 1 : len);
        if (len == 0 || strcmp(name, ".") == 0)
            continue;
        rc = strcmp(name, "..") == 0 ? way_leave(way, err) : way_enter(way, name, err);
    }
    return rc;
}

/* Without slashes and `.` at its end. */
static size_t trimmed_len(const char *path, size_t len) {
    for (;;) {
        if (len > 0 &&
            (path[len - 1] == '/' || (path[len - 1] == '.' && (len == 1 || path[len - 2] == '/'))))
            len--;
        else
            return len;
    }
}

/* Is the folder of this path the one that the place has open? One that was reached through symlinks
 * is so only for those who follow them. */
static bool is_open(const struct pp_place *place, const char *path, size_t dir_len,
                    enum pp_beneath mode) {
    bool strict = mode == PP_BENEATH_STRICT;
    const struct pp_buffer *known = strict ? &place->path : &place->asked;
    size_t known_len = strict ? place->dir_len : place->asked.len;

    return place->dir >= 0 && known_len == dir_len &&
           (dir_len == 0 || memcmp(known->data, path, dir_len) == 0);
}

/* Starts at the deepest folder on the way that is open. Gives the length of the path up to it. */
static size_t way_resume(struct way *way, const char *path, size_t dir_len) {
    struct pp_place *place = way->place;
    size_t len;

    if (way->mode != PP_BENEATH_STRICT)
        drop_steps(place, 0);
    while (place->step_count > 0) {
        const struct pp_place_step *step = &place->steps[place->step_count - 1];

        len = step->len;
        if (len <= dir_len && (len == 0 || memcmp(place->path.data, path, len) == 0) &&
            (len == 0 || len == dir_len || path[len] == '/')) {
            way->dir = step->fd;
            place->step_count--;
            place->path.len = len;
            return len;
        }
        drop_steps(place, place->step_count - 1);
    }
    return 0;
}

static int place_enter(int root, const char *path, size_t dir_len, enum pp_beneath mode,
                       struct pp_place *place, struct pp_err *err) {
    struct way way = {
        .root = root, .mode = mode, .dir = place->dir, .path = &place->path, .place = place};
    size_t done;
    int rc;

    if (place->dir >= 0 && place->step_count > 0)
        way_keep(&way, place->dir_len);
    else
        pp_cleanup_close(&way.dir);
    way.dir = place->dir = -1;
    done = way_resume(&way, path, dir_len);
    place->asked.len = 0;
    rc = pp_buffer_append(&place->asked, path, dir_len, err);
    if (rc >= 0)
        rc = pp_buffer_append(&way.rest, path + done, dir_len - done, err);
    if (rc >= 0)
        rc = way_walk(&way, err);
    pp_buffer_done(&way.rest);
    if (rc < 0) {
        pp_cleanup_close(&way.dir);
        return rc;
    }
    place->dir = way.dir;
    place->dir_len = place->path.len;
    return 0;
}

int pp_beneath_find(int root, const char *path, enum pp_beneath mode, struct pp_place *place,
                    struct pp_err *err) {
    size_t len = trimmed_len(path, strlen(path));
    size_t dir_len = len;
    const char *name = ".";
    size_t name_len = 1;
    int rc;

    while (dir_len > 0 && path[dir_len - 1] != '/')
        dir_len--;
    if (len > dir_len) {
        name = path + dir_len;
        name_len = len - dir_len;
    }
    if (name_len > NAME_MAX) {
        errno = ENAMETOOLONG;
        return pp_err_sys(err, "cannot open");
    }
    if (name_len == 2 && memcmp(name, "..", 2) == 0)
        return pp_err_set(err, PP_ERR_REFUSED, "the path ends with '..'");
    dir_len = trimmed_len(path, dir_len);
    if (!is_open(place, path, dir_len, mode)) {
        rc = place_enter(root, path, dir_len, mode, place, err);
        if (rc < 0)
            return rc;
    }
    memcpy(place->name, name, name_len);
    place->name[name_len] = '\0';
    place->path.len = place->dir_len;
    if (len == 0)
        return pp_buffer_append(&place->path, "", 0, err);
    return pp_buffer_printf(&place->path, err, place->dir_len > 0 ? "/%s" : "%s", place->name);
}

int pp_beneath_open(int root, const char *path, enum pp_beneath mode, int flags,
                    struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    int rc = pp_beneath_find(root, path, mode, &place, err);
    int fd;

    if (rc < 0)
        return rc;
    fd = openat(place.dir, place.name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return pp_err_sys(err, "cannot open");
    return fd;
}
