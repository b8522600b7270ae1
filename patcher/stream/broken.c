#include "stream/broken.h"

#include <stdbool.h>
#include <string.h>

/* A slash as URLs, quoted-printable, HTML and string literals may write it. */
static const char *const slashes[] = {"%2F",   "%2f",    "%252F", "%252f",   "=2F",
                                      "&#47;", "&#x2F;", "&sol;", "\\u002F", "\\u002f",
                                      "\\x2F", "\\x2f",  "\\057", "&#x2f;"};

/* What is not seen between two characters: places where a line may be broken. */
static const char *const invisible[] = {"<wbr>", "<wbr/>",  "<wbr />",  "<wbr></wbr>",
                                        "&shy;", "&#8203;", "\xc2\xad", "\xe2\x80\x8b"};

/* The bytes that may be looked at. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

static int byte_at(const struct bytes *bytes, size_t at) {
    return at < bytes->len ? bytes->data[at] : -1;
}

static size_t skip_one_of(const struct bytes *bytes, size_t at, const char *const *texts,
                          size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(texts[i]);

        if (at < bytes->len && bytes->len - at >= len &&
            memcmp(bytes->data + at, texts[i], len) == 0)
            return at + len;
    }
    return at;
}

static size_t skip_slash(const struct bytes *bytes, size_t at) {
    return skip_one_of(bytes, at, slashes, sizeof(slashes) / sizeof(slashes[0]));
}

/* Behind a character, which may be a slash that is written otherwise, or `at`. */
static size_t skip_character(const struct bytes *bytes, size_t at, char character) {
    if (byte_at(bytes, at) == (unsigned char)character)
        return at + 1;
    return character == '/' ? skip_slash(bytes, at) : at;
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

/* Behind a mark that says that the word goes on in the next line, or `at`: quoted-printable's, and
 * hyphens of ASCII, Latin-1 and UTF-8 as roff sets them. */
static size_t skip_mark(const struct bytes *bytes, size_t at) {
    static const char *const marks[] = {"=", "-", "\xad", "\xe2\x80\x90"};

    return skip_one_of(bytes, at, marks, sizeof(marks) / sizeof(marks[0]));
}

/* Backslashes: before a line break, before a slash or full stop, or as an escape of groff(7) that
 * prints nothing. */
static size_t skip_backslashes(const struct bytes *bytes, size_t at, char next) {
    size_t end = at + 1;
    size_t line = skip_line_break(bytes, end);
    int after = byte_at(bytes, end);

    if (line > end)
        return skip_blanks(bytes, line);
    if (after > 0 && strchr(":%&/,|^", after) != NULL &&
        byte_at(bytes, end + 1) == (unsigned char)next)
        return end + 1;
    /* A string in a string. */
    while (byte_at(bytes, end) == '\\')
        end++;
    return end;
}

/* Behind what stands between two characters, the second of which is `next`. `bare`: a line break
 * without a mark counts, too. Returns `at` where nothing does. */
static size_t skip_break(const struct bytes *bytes, size_t at, char next, bool bare) {
    size_t marked = skip_mark(bytes, at);
    size_t end = skip_line_break(bytes, marked);

    if (byte_at(bytes, at) == '\\')
        return skip_backslashes(bytes, at, next);
    if (end > marked && (bare || marked > at))
        return skip_blanks(bytes, end);
    return skip_one_of(bytes, at, invisible, sizeof(invisible) / sizeof(invisible[0]));
}

/* Does a slash that is written otherwise begin so? */
static bool begins_slash(uint8_t first, uint8_t second) {
    switch (first) {
    case '%':
    case '=':
        return second == '2';
    case '&':
        return second == '#' || second == 's';
    case '\\':
        return second == 'u' || second == 'x' || second == '0';
    default:
        return false;
    }
}

size_t pp_broken_next_slash(const uint8_t *data, size_t len, size_t at) {
    static const bool begins[UINT8_MAX + 1] = {
        ['/'] = true, ['%'] = true, ['='] = true, ['&'] = true, ['\\'] = true};
    struct bytes bytes = {data, len};

    for (; at < len; at++) {
        if (!begins[data[at]])
            continue;
        if (data[at] == '/' ||
            (at + 1 < len && begins_slash(data[at], data[at + 1]) && skip_slash(&bytes, at) > at))
            return at;
    }
    return len;
}

size_t pp_broken_end(const uint8_t *data, size_t len, size_t first, const char *text,
                     size_t text_len, size_t stem_len) {
    size_t room = text_len * PP_BROKEN_RATIO_MAX;
    struct bytes bytes = {data, len - first < room ? len : first + room};
    size_t at = first;
    bool broken = false;

    for (size_t i = 0; i < text_len; i++) {
        bool bare = i >= stem_len || text[i] != '/';
        size_t next = skip_character(&bytes, at, text[i]);

        /* A line break, say, and a backslash behind it. */
        for (int breaks = 0; next == at && i > 0 && breaks < 2; breaks++) {
            at = skip_break(&bytes, at, text[i], bare);
            next = skip_character(&bytes, at, text[i]);
            broken = true;
        }
        if (next == at)
            return 0;
        broken = broken || next > at + 1;
        at = next;
    }
    return broken ? at : 0;
}
