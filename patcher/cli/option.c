#include "cli/option.h"

#include "base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pp_take_flag(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err) {
    (void)option;
    (void)value;
    (void)err;
    *(bool *)place = true;
    return 0;
}

int pp_take_text(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err) {
    (void)option;
    (void)err;
    *(const char **)place = value;
    return 0;
}

int pp_take_word(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err) {
    const char *word = option->argument;
    size_t len = strlen(value);

    for (int index = 0; word != NULL; index++) {
        const char *end = strchr(word, '|');
        size_t word_len = end != NULL ? (size_t)(end - word) : strlen(word);

        if (len == word_len && memcmp(word, value, len) == 0) {
            *(int *)place = index;
            return 0;
        }
        word = end != NULL ? end + 1 : NULL;
    }
    return pp_err_set(err, PP_ERR_USAGE, "--%s: give it one of %s, not '%s'", option->name,
                      option->argument, value);
}

int pp_take_number(const struct pp_option *option, const char *value, void *place,
                   struct pp_err *err) {
    char *end;
    unsigned long long number;

    errno = 0;
    number = strtoull(value, &end, 10);
    /* strtoull takes blanks and signs, too. */
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < option->min ||
        number > option->max)
        return pp_err_set(err, PP_ERR_USAGE, "--%s: give it a number from %llu to %llu, not '%s'",
                          option->name, option->min, option->max, value);
    *(unsigned *)place = (unsigned)number;
    return 0;
}

int pp_take_size(const struct pp_option *option, const char *value, void *place,
                 struct pp_err *err) {
    static const char units[] = "KMG";
    char *end;
    unsigned long long number = strtoull(value, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;

    if (value[0] < '0' || value[0] > '9' || (*end != '\0' && (unit == NULL || end[1] != '\0')) ||
        number == 0 || number > (UINT64_MAX >> 1 >> shift))
        return pp_err_set(err, PP_ERR_USAGE, "--%s: give it bytes, or 64M, 1G and so on, not '%s'",
                          option->name, value);
    *(uint64_t *)place = (uint64_t)number << shift;
    return 0;
}

int pp_take_words(const struct pp_option *option, const char *value, void *place,
                  struct pp_err *err) {
    struct pp_words *words = place;
    const char **items = pp_array_resize(words->items, words->count + 2, sizeof(*items));

    (void)option;
    if (items == NULL)
        return pp_err_nomem(err);
    items[words->count++] = value;
    items[words->count] = NULL;
    words->items = items;
    return 0;
}
