/* A growable byte buffer. It is always followed by a NUL that `len` does not count. */
#ifndef PP_BASE_BUFFER_H
#define PP_BASE_BUFFER_H

#include "base/cleanup.h"

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct pp_buffer {
    uint8_t *data;
    size_t len;
    size_t cap;
};

#define PP_BUFFER_INIT                                                                             \
    { .data = NULL, .len = 0, .cap = 0 }
#define PP_AUTO_BUFFER PP_AUTO(pp_buffer_done)

void pp_buffer_done(struct pp_buffer *buffer);

/* Makes room for `len` more bytes behind the content. */
int pp_buffer_reserve(struct pp_buffer *buffer, size_t len, struct pp_err *err);
int pp_buffer_append(struct pp_buffer *buffer, const void *data, size_t len, struct pp_err *err);
int pp_buffer_printf(struct pp_buffer *buffer, struct pp_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends a word as a POSIX shell reads it: in single quotes where it would be split or changed. */
int pp_buffer_append_word(struct pp_buffer *buffer, const char *word, struct pp_err *err);
/* Drops the first `len` bytes. */
void pp_buffer_consume(struct pp_buffer *buffer, size_t len);

#endif
