#include "base/error.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int pp_err_set(struct pp_err *err, enum pp_err_kind kind, const char *format, ...) {
    va_list args;

    err->kind = kind;
    err->sys = 0;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -(int)kind;
}

int pp_err_sys(struct pp_err *err, const char *format, ...) {
    int sys = errno;
    va_list args;
    size_t len;

    err->kind = PP_ERR_SYSTEM;
    err->sys = sys;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    len = strlen(err->text);
    errno = sys;
    snprintf(err->text + len, sizeof(err->text) - len, ": %m");
    return -(int)PP_ERR_SYSTEM;
}

int pp_err_nomem(struct pp_err *err) {
    return pp_err_set(err, PP_ERR_NOMEM, "out of memory");
}

int pp_err_context(struct pp_err *err, const char *format, ...) {
    char context[sizeof(err->text)];
    va_list args;
    size_t len;
    size_t text_len;

    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);
    len = strlen(context);
    if (len > sizeof(err->text) - 3)
        len = sizeof(err->text) - 3;
    text_len = strlen(err->text);
    if (text_len > sizeof(err->text) - 3 - len)
        text_len = sizeof(err->text) - 3 - len;
    memmove(err->text + len + 2, err->text, text_len);
    memcpy(err->text, context, len);
    memcpy(err->text + len, ": ", 2);
    err->text[len + 2 + text_len] = '\0';
    return -(int)err->kind;
}

void pp_err_clear(struct pp_err *err) {
    err->kind = PP_ERR_NONE;
    err->sys = 0;
    err->text[0] = '\0';
}

bool pp_err_of_content(const struct pp_err *err) {
    return err->kind == PP_ERR_DAMAGED || err->kind == PP_ERR_UNSUPPORTED ||
           err->kind == PP_ERR_LIMIT;
}

bool pp_err_is_transient(const struct pp_err *err) {
    static const int shortages[] = {ENOMEM, ENOSPC, EDQUOT, EMFILE, ENFILE, EINTR};

    for (size_t i = 0; i < PP_ARRAY_LEN(shortages); i++)
        if (err->kind == PP_ERR_SYSTEM && err->sys == shortages[i])
            return true;
    return err->kind == PP_ERR_NOMEM;
}

bool pp_err_says_gone(const struct pp_err *err) {
    return err->kind == PP_ERR_REFUSED || err->kind == PP_ERR_CHANGED ||
           (err->kind == PP_ERR_SYSTEM &&
            (err->sys == ENOENT || err->sys == ENOTDIR || err->sys == ELOOP));
}
