#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pp_buffer_done(struct pp_buffer *buffer) {
    free(buffer->data);
    *buffer = (struct pp_buffer)PP_BUFFER_INIT;
}

int pp_buffer_reserve(struct pp_buffer *buffer, size_t len, struct pp_err *err) {
    size_t cap;
    uint8_t *data;

    if (len > SIZE_MAX / 2 - buffer->len - 1)
        return pp_err_nomem(err);
    if (buffer->len + len + 1 <= buffer->cap)
        return 0;
    cap = buffer->cap < 64 ? 64 : buffer->cap;
    while (cap < buffer->len + len + 1)
        cap *= 2;
    data = realloc(buffer->data, cap);
    if (data == NULL)
        return pp_err_nomem(err);
    data[buffer->len] = '\0';
    buffer->data = data;
    buffer->cap = cap;
    return 0;
}

int pp_buffer_append(struct pp_buffer *buffer, const void *data, size_t len, struct pp_err *err) {
    int rc = pp_buffer_reserve(buffer, len, err);

    if (rc < 0)
        return rc;
    if (len > 0)
        memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    buffer->data[buffer->len] = '\0';
    return 0;
}

int pp_buffer_printf(struct pp_buffer *buffer, struct pp_err *err, const char *format, ...) {
    va_list args;
    int len;
    int rc;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return pp_err_nomem(err);
    rc = pp_buffer_reserve(buffer, (size_t)len, err);
    if (rc < 0)
        return rc;
    va_start(args, format);
    vsnprintf((char *)buffer->data + buffer->len, (size_t)len + 1, format, args);
    va_end(args);
    buffer->len += (size_t)len;
    return 0;
}

int pp_buffer_append_word(struct pp_buffer *buffer, const char *word, struct pp_err *err) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";
    int rc;

    if (word[0] != '\0' && word[strspn(word, plain)] == '\0')
        return pp_buffer_append(buffer, word, strlen(word), err);
    rc = pp_buffer_append(buffer, "'", 1, err);
    while (rc >= 0 && word[0] != '\0') {
        size_t len = strcspn(word, "'");

        rc = pp_buffer_append(buffer, word, len, err);
        word += len;
        if (rc >= 0 && word[0] != '\0') {
            rc = pp_buffer_append(buffer, "'\\''", 4, err);
            word++;
        }
    }
    return rc < 0 ? rc : pp_buffer_append(buffer, "'", 1, err);
}

void pp_buffer_consume(struct pp_buffer *buffer, size_t len) {
    if (len == 0)
        return;
    buffer->len -= len;
    memmove(buffer->data, buffer->data + len, buffer->len + 1);
}
