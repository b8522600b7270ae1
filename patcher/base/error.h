/* The error value.
 *
 * Every function that can fail takes a `struct pp_err *` as its last parameter, owned by the caller
 * (on its stack, so out-of-memory can be told). Success returns >= 0 and leaves it alone. Failure
 * returns a negative number and always sets it. Callers add context on the way up.
 *
 *     if (pp_table_load(&table, path, err) < 0)
 *         return pp_err_context(err, "%s", path);
 */
#ifndef PP_BASE_ERROR_H
#define PP_BASE_ERROR_H

#include <stdbool.h>

enum pp_err_kind {
    PP_ERR_NONE = 0,
    PP_ERR_SYSTEM,      /* a system call failed; `sys` holds errno */
    PP_ERR_NOMEM,       /* out of memory, or over the memory budget */
    PP_ERR_USAGE,       /* the caller's words are off */
    PP_ERR_REFUSED,     /* a value, a table or a destination is refused */
    PP_ERR_DAMAGED,     /* content is truncated or fails its own checks */
    PP_ERR_UNSUPPORTED, /* sound content that we do not rewrite */
    PP_ERR_LIMIT,       /* over a limit: size, ratio, depth, memory */
    PP_ERR_CHANGED,     /* somebody changed the file under us */
    PP_ERR_PEER,        /* the peer is not who it must be */
    PP_ERR_UNDELIVERED, /* nobody acknowledged */
    PP_ERR_BUSY,        /* others hold the memory that it takes; again when they are done */
    PP_ERR_ADDRESS,     /* an address to notify, or its token, cannot be used */
};

struct pp_err {
    enum pp_err_kind kind;
    int sys;        /* errno of PP_ERR_SYSTEM, else 0 */
    char text[768]; /* one line, no LF at its end; cut when longer */
};

#define PP_ERR_INIT                                                                                \
    { .kind = PP_ERR_NONE, .sys = 0, .text = "" }

/* Sets the error. Returns -kind, so that `return pp_err_set(...)` reads well. */
int pp_err_set(struct pp_err *err, enum pp_err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets PP_ERR_SYSTEM from errno and appends its text. */
int pp_err_sys(struct pp_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* PP_ERR_NOMEM with the usual words. */
int pp_err_nomem(struct pp_err *err);

/* Puts "CONTEXT: " in front of the text. Returns -kind of the error that is there. */
int pp_err_context(struct pp_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Is it about what is in a file: damaged, unsupported, over a limit? Then that file is left, and
 * the run goes on. */
bool pp_err_of_content(const struct pp_err *err);

/* Will trying again do, once there is room? Memory, space, quota or file descriptors ran short, or
 * a call was interrupted. It says nothing about the file. */
bool pp_err_is_transient(const struct pp_err *err);

/* Does it say of a file that it is there no more, or another one? */
bool pp_err_says_gone(const struct pp_err *err);

/* Forgets an error that was dealt with. */
void pp_err_clear(struct pp_err *err);

#endif
