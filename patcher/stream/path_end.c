#include "stream/path_end.h"

#include <string.h>

/* The character at `at`, or -1 where the content ends or the text in this width does. */
static int character_at(const uint8_t *data, size_t len, size_t at, size_t width) {
    if (at >= len)
        return -1;
    for (size_t i = 1; i < width; i++)
        if (len - at <= i || data[at + i] != 0)
            return -1;
    return data[at];
}

static bool goes_on(int character) {
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
           (character >= 'a' && character <= 'z') ||
           (character > 0 && strchr("_-+~", character) != NULL);
}

bool pp_path_ends(const uint8_t *data, size_t len, size_t at, size_t width) {
    int character = character_at(data, len, at, width);

    if (character == '\\') {
        character = character_at(data, len, at + width, width);
        if (character != '-' && character != '.')
            return true;
        at += width;
    }
    while (character == '.') {
        at += width;
        character = character_at(data, len, at, width);
    }
    return !goes_on(character);
}
