/* Scope-bound clean-up: PP_AUTO(fn) type name = init; fn gets the variable's address. */
#ifndef PP_BASE_CLEANUP_H
#define PP_BASE_CLEANUP_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define PP_AUTO(fn) __attribute__((cleanup(fn)))

/* Frees what a `T *` variable points to. */
static inline void pp_cleanup_free(void *address) {
    void **pointer = address;
    free(*pointer);
    *pointer = NULL;
}

/* Closes an fd variable; -1 means none. */
static inline void pp_cleanup_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static inline void pp_cleanup_closedir(DIR **dir) {
    if (*dir != NULL)
        closedir(*dir);
    *dir = NULL;
}

#define PP_AUTO_FREE PP_AUTO(pp_cleanup_free)
#define PP_AUTO_CLOSE PP_AUTO(pp_cleanup_close)
#define PP_AUTO_CLOSEDIR PP_AUTO(pp_cleanup_closedir)

#define PP_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that embeds `member`, from a pointer to that member. */
#define PP_CONTAINER_OF(pointer, type, member)                                                     \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
