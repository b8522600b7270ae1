#include "stream/broken.h"

#include <stdbool.h>
#include <string.h>

/* The bytes that may be looked at. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

static int byte_at(const struct bytes *bytes, size_t at) {
    return at < bytes->len ? bytes->data[at] : -1;
}

/* Behind a line break at `at`, or `at` where there is none. */
static size_t skip_line_break(const struct bytes *bytes, size_t at) {
    size_t next = byte_at(bytes, at) == '\r' ? at + 1 : at;

    return byte_at(bytes, next) == '\n' ? next + 1 : at;
}

static size_t skip_blanks(const struct bytes *bytes, size_t at) {
    while (byte_at(bytes, at) == ' ' || byte_at(bytes, at) == '\t')
        at++;
    return at;
}

/* Behind what stands between two characters, the second of which is `next`. `bare`: a line break
 * without a mark counts, too. Returns `at` where nothing does. */
static size_t skip_break(const struct bytes *bytes, size_t at, char next, bool bare) {
    int byte = byte_at(bytes, at);
    int after = byte_at(bytes, at + 1);
    size_t end;

    if (byte == '\\') {
        end = skip_line_break(bytes, at + 1);
        if (end > at + 1)
            return skip_blanks(bytes, end);
        /* groff(7): escapes that print nothing. */
        if (after > 0 && strchr(":%&/,|^", after) != NULL &&
            byte_at(bytes, at + 2) == (unsigned char)next)
            return at + 2;
        return at + 1;
    }
    if (byte == '=') {
        end = skip_line_break(bytes, at + 1);
        return end > at + 1 ? end : at;
    }
    end = bare ? skip_line_break(bytes, at) : at;
    return end > at ? skip_blanks(bytes, end) : at;
}

size_t pp_broken_end(const uint8_t *data, size_t len, size_t first, const char *text,
                     size_t text_len, size_t stem_len) {
    size_t room = text_len * PP_BROKEN_RATIO_MAX;
    struct bytes bytes = {data, len - first < room ? len : first + room};
    size_t at = first;
    bool broken = false;

    for (size_t i = 0; i < text_len; i++) {
        if (i > 0 && byte_at(&bytes, at) != (unsigned char)text[i]) {
            bool bare = i >= stem_len || (text[i] != '/' && text[i - 1] != '/');
            size_t next = skip_break(&bytes, at, text[i], bare);

            broken = broken || next > at;
            at = next;
        }
        if (byte_at(&bytes, at) != (unsigned char)text[i])
            return 0;
        at++;
    }
    return broken ? at : 0;
}
