#include "base/window.h"

#include <stdlib.h>

void pp_window_init(struct pp_window *window, const struct pp_blob *blob) {
    *window = (struct pp_window){.blob = *blob};
}

void pp_window_done(struct pp_window *window) {
    free(window->data);
    window->data = NULL;
}

static int make_room(struct pp_window *window, size_t len, struct pp_err *err) {
    if (len <= window->cap)
        return 0;
    free(window->data);
    window->cap = 0;
    window->data = malloc(len);
    if (window->data == NULL)
        return pp_err_nomem(err);
    window->cap = len;
    return 0;
}

/* Moves the window to `offset`, with `len` bytes in it at the least. */
static int move(struct pp_window *window, uint64_t offset, size_t len, struct pp_err *err) {
    ssize_t count;

    window->len = 0;
    window->offset = offset;
    if (make_room(window, len > PP_WINDOW_LEN ? len : PP_WINDOW_LEN, err) < 0)
        return -(int)err->kind;
    count = pp_blob_read(&window->blob, offset, window->data, window->cap, err);
    if (count < 0)
        return (int)count;
    window->len = (size_t)count;
    return 0;
}

const uint8_t *pp_window_at(struct pp_window *window, uint64_t offset, size_t len,
                            struct pp_err *err) {
    const struct pp_blob *blob = &window->blob;

    if (offset > blob->len || len > blob->len - offset) {
        pp_err_set(err, PP_ERR_DAMAGED, "truncated at byte %llu", (unsigned long long)blob->len);
        return NULL;
    }
    if (blob->memory != NULL)
        return blob->memory + offset;
    if ((window->data == NULL || offset < window->offset || offset - window->offset > window->len ||
         len > window->len - (size_t)(offset - window->offset)) &&
        move(window, offset, len, err) < 0)
        return NULL;
    return window->data + (offset - window->offset);
}
