/* Arrays that grow. reallocarray(3) is not in bionic before API 29. */
#ifndef PP_BASE_ARRAY_H
#define PP_BASE_ARRAY_H

#include <stdint.h>
#include <stdlib.h>

/* realloc(3) to `count` items of `size` bytes. Returns NULL, and leaves the items alone, when there
 * is not so much memory. */
static inline void *pp_array_resize(void *items, size_t count, size_t size) {
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return realloc(items, count * size);
}

#endif
