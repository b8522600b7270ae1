#include "stream/matcher.h"

#include "stream/matcher_rules.h"

#include <stdlib.h>

size_t pp_encoding_width(enum pp_encoding encoding) {
    switch (encoding) {
    case PP_ENCODING_UTF16LE:
    case PP_ENCODING_UTF16BE:
        return 2;
    case PP_ENCODING_UTF32LE:
    case PP_ENCODING_UTF32BE:
        return 4;
    case PP_ENCODING_BYTES:
        break;
    }
    return 1;
}

const char *pp_encoding_name(enum pp_encoding encoding) {
    static const char *const names[] = {"bytes", "utf-16le", "utf-16be", "utf-32le", "utf-32be"};

    return names[encoding];
}

static int compare_texts(const void *left, const void *right) {
    const struct pp_matcher_text *a = left;
    const struct pp_matcher_text *b = right;

    if (a->stem_len != b->stem_len)
        return a->stem_len < b->stem_len ? 1 : -1;
    if (a->len != b->len)
        return a->len < b->len ? 1 : -1;
    return 0;
}

static bool is_ascii(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

/* A copy of a text in one width; NULL without memory. */
static char *spell(const char *text, size_t len, size_t width) {
    char *spelled = calloc(len + 1, width);

    for (size_t i = 0; spelled != NULL && i < len; i++)
        spelled[i * width] = text[i];
    return spelled;
}

static int text_init(struct pp_matcher_text *text, const char *find, const char *put, size_t len,
                     struct pp_err *err) {
    if (len < 2 || len > PP_PATTERN_LEN_MAX || find[0] != '/')
        return pp_err_set(err, PP_ERR_USAGE, "not a pattern: '%.*s'", (int)len, find);
    for (size_t width = 1; width <= PP_WIDTH_MAX; width *= 2) {
        size_t i = width / 2;

        text->find[i] = spell(find, len, width);
        text->put[i] = put != NULL ? spell(put, len, width) : NULL;
        if (text->find[i] == NULL || (put != NULL && text->put[i] == NULL))
            return pp_err_nomem(err);
    }
    text->len = len;
    text->stem_len = len;
    while (text->stem_len > 0 && find[text->stem_len - 1] == '/')
        text->stem_len--;
    /* To find those would be to find any run. */
    if (text->stem_len == 0)
        return pp_err_set(err, PP_ERR_USAGE, "a pattern of slashes only");
    text->stem_end = (uint8_t)find[text->stem_len - 1];
    text->put_ascii = put == NULL || is_ascii(put, len);
    text->changes = put != NULL && memcmp(put, find, len) != 0;
    return 0;
}

/* A guard that is a pattern too would say nothing more. */
static bool is_pattern(const struct pp_pattern *patterns, size_t pattern_count, const char *guard) {
    size_t len = strlen(guard);

    for (size_t i = 0; i < pattern_count; i++)
        if (patterns[i].len == len && memcmp(patterns[i].find, guard, len) == 0)
            return true;
    return false;
}

static int add_guards(struct pp_matcher *matcher, const struct pp_pattern *patterns,
                      const char *const *guards, size_t guard_count, struct pp_err *err) {
    for (size_t i = 0; i < guard_count; i++) {
        struct pp_matcher_text *text = &matcher->texts[matcher->text_count + matcher->guard_count];
        size_t len = strlen(guards[i]);

        if (is_pattern(patterns, matcher->text_count, guards[i]))
            continue;
        matcher->guard_count++;
        if (text_init(text, guards[i], NULL, len, err) < 0)
            return -(int)err->kind;
        matcher->second[(uint8_t)text->find[0][1]] = true;
        if (len > matcher->len_max)
            matcher->len_max = len;
    }
    return 0;
}

/* Does a guard start behind the text's first slash and before its last, go on as the text does, and
 * reach past its end? In padding only slashes start: with the first, if at all. */
static bool may_hold_guard(const struct pp_matcher *matcher, const struct pp_matcher_text *text) {
    const struct pp_matcher_text *guards = &matcher->texts[matcher->text_count];
    const char *find = text->find[0];

    for (size_t k = 1; k <= text->stem_len && k + 1 < text->len; k++)
        for (size_t i = 0; i < matcher->guard_count && find[k] == '/'; i++)
            if (guards[i].len > text->len - k &&
                memcmp(find + k, guards[i].find[0], text->len - k) == 0)
                return true;
    return false;
}

struct pp_matcher *pp_matcher_new(const struct pp_pattern *patterns, size_t pattern_count,
                                  const char *const *guards, size_t guard_count,
                                  struct pp_err *err) {
    struct pp_matcher *matcher;
    size_t run_min = SIZE_MAX;

    if (pattern_count > PP_PATTERN_MAX || guard_count > PP_PATTERN_MAX - pattern_count) {
        pp_err_set(err, PP_ERR_USAGE, "more than %d patterns", PP_PATTERN_MAX);
        return NULL;
    }
    matcher = calloc(1, sizeof(*matcher) +
                            (pattern_count + guard_count) * sizeof(struct pp_matcher_text));
    if (matcher == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    matcher->text_count = pattern_count;
    for (size_t i = 0; i < pattern_count; i++) {
        struct pp_matcher_text *text = &matcher->texts[i];
        size_t len = patterns[i].len;

        if (text_init(text, patterns[i].find, patterns[i].put, len, err) < 0) {
            pp_matcher_free(matcher);
            return NULL;
        }
        text->pattern = i;
        text->is_path = patterns[i].is_path;
        matcher->has_paths = matcher->has_paths || text->is_path;
        matcher->second[(uint8_t)text->find[0][1]] = true;
        if (len > matcher->len_max)
            matcher->len_max = len;
        if (len - text->stem_len < run_min)
            run_min = len - text->stem_len;
    }
    if (add_guards(matcher, patterns, guards, guard_count, err) < 0) {
        pp_matcher_free(matcher);
        return NULL;
    }
    qsort(matcher->texts, pattern_count, sizeof(struct pp_matcher_text), compare_texts);
    for (size_t i = 0; i < pattern_count; i++) {
        matcher->position[matcher->texts[i].pattern] = (uint16_t)i;
        matcher->texts[i].may_hold_guard = may_hold_guard(matcher, &matcher->texts[i]);
    }
    /* A run of R slashes holds 8 of them at some multiple of R - 7. */
    matcher->stride = run_min >= PP_RUN_MIN && run_min != SIZE_MAX ? run_min - 7 : 0;
    return matcher;
}

void pp_matcher_free(struct pp_matcher *matcher) {
    if (matcher == NULL)
        return;
    for (size_t i = 0; i < matcher->text_count + matcher->guard_count; i++) {
        for (size_t k = 0; k < PP_WIDTH_COUNT; k++) {
            free(matcher->texts[i].find[k]);
            free(matcher->texts[i].put[k]);
        }
    }
    free(matcher);
}

size_t pp_matcher_lookahead(const struct pp_matcher *matcher) {
    return (2 * matcher->len_max + 1 + (matcher->has_paths ? PP_PATH_LOOKAHEAD : 0)) * PP_WIDTH_MAX;
}

/* The text of the match's pattern, where its `put` can be written in the match's encoding. */
static const struct pp_matcher_text *find_writable(const struct pp_matcher *matcher,
                                                   const struct pp_match *match) {
    const struct pp_matcher_text *text = &matcher->texts[matcher->position[match->pattern]];

    return !match->broken && text->put[0] != NULL &&
                   (text->put_ascii || match->encoding == PP_ENCODING_BYTES)
               ? text
               : NULL;
}

bool pp_matcher_can_write(const struct pp_matcher *matcher, const struct pp_match *match) {
    return find_writable(matcher, match) != NULL;
}

bool pp_matcher_write(const struct pp_matcher *matcher, uint8_t *data,
                      const struct pp_match *match) {
    const struct pp_matcher_text *text = find_writable(matcher, match);
    size_t width = pp_encoding_width(match->encoding);

    if (text == NULL)
        return false;
    memcpy(data + match->first, text->put[width / 2], pp_matcher_span(text->len, width));
    return true;
}
