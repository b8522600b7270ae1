#include "lint/surroundings.h"

#include "lint/rule.h"

#include <stdbool.h>
#include <string.h>

/* The kernel reads so much of a script's first line. Source: BINPRM_BUF_SIZE of Linux before 5.1.
 */
#define SHEBANG_LEN_MAX 127
/* Source: unix(7), sun_path, without its NUL. */
#define SOCKET_LEN_MAX 107

struct pp_matcher *pp_surroundings_matcher(const struct pp_table *table, struct pp_err *err) {
    struct pp_pattern patterns[2 * PP_PLACEHOLDER_MAX];

    for (size_t i = 0; i < table->count; i++) {
        const struct pp_placeholder *placeholder = &table->placeholders[i];

        /* A pattern that cannot be written is a problem of its own: these are written as they are.
         */
        patterns[i] = (struct pp_pattern){
            .find = placeholder->text, .put = placeholder->text, .len = placeholder->len};
        patterns[table->count + i] = (struct pp_pattern){.find = placeholder->default_path,
                                                         .put = placeholder->default_path,
                                                         .len = strlen(placeholder->default_path),
                                                         .is_path = true};
    }
    return pp_matcher_new(patterns, 2 * table->count, NULL, 0, err);
}

/* The character that is `index` characters behind the match, or -1. */
static int character_behind(const struct pp_match *match, size_t index) {
    size_t width = pp_encoding_width(match->encoding);
    size_t at = match->end + (index + 1) * width - 1;

    if (at >= match->len)
        return -1;
    for (size_t i = 1; i < width && at + i < match->len; i++)
        if (match->data[at + i] != 0)
            return -1;
    return match->data[at];
}

static size_t slashes_behind(const struct pp_match *match) {
    size_t count = 0;

    while (count < PP_PATH_LOOKAHEAD && character_behind(match, count) == '/')
        count++;
    return count;
}

static bool is_path_character(int character) {
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') ||
           (character >= 'a' && character <= 'z') ||
           (character > 0 && strchr("/_-+~.@%$", character) != NULL);
}

/* Is it the path of a socket, by its name, of more bytes than one may have? */
static bool is_long_socket(const struct pp_match *match, size_t len) {
    char name[PP_PATH_LOOKAHEAD + 1];
    size_t name_len = 0;
    const char *base;
    int character;

    while (name_len < PP_PATH_LOOKAHEAD &&
           is_path_character(character = character_behind(match, name_len)))
        name[name_len++] = (char)character;
    name[name_len] = '\0';
    base = strrchr(name, '/');
    base = base != NULL ? base + 1 : name;
    return len + name_len > SOCKET_LEN_MAX &&
           (strstr(base, "sock") != NULL || strncmp(base, "S.", 2) == 0);
}

/* Does it stand in the first line of a script, which is too long? */
static bool is_in_long_shebang(const struct pp_match *match, uint64_t offset) {
    size_t line_len;

    if (offset != match->offset || match->first > SHEBANG_LEN_MAX || match->first < 2 ||
        memcmp(match->data, "#!", 2) != 0 || memchr(match->data, '\n', match->first) != NULL)
        return false;
    for (line_len = match->end; line_len < match->len && match->data[line_len] != '\n';)
        line_len++;
    return line_len > SHEBANG_LEN_MAX;
}

static enum pp_rule_index judge(const struct pp_match *match, uint64_t offset, bool padded,
                                size_t len) {
    size_t slashes;

    if (is_in_long_shebang(match, offset))
        return PP_RULE_SHEBANG;
    if (match->broken)
        return PP_RULE_BROKEN;
    slashes = slashes_behind(match);
    if (!padded)
        return slashes > 1 ? PP_RULE_SHORT : PP_RULE_UNPADDED;
    if (slashes > 1)
        return PP_RULE_LONG;
    return is_long_socket(match, len) ? PP_RULE_SOCKET : 0;
}

void pp_surroundings_judge(const void *table, const struct pp_match *match, uint64_t offset,
                           struct pp_finding *finding) {
    const struct pp_table *placeholders = table;
    bool padded = match->pattern < placeholders->count;
    size_t index = padded ? match->pattern : match->pattern - placeholders->count;

    finding->placeholder = (uint16_t)index;
    finding->mark = (uint8_t)judge(match, offset, padded, placeholders->placeholders[index].len);
}
