#include "stream/matcher_rules.h"

#include "stream/path_end.h"

/* A cheap look at where a stem ends: padded texts all end alike, in a slash. */
static bool stem_ends(const uint8_t *data, size_t len, size_t first, size_t width,
                      const struct pp_matcher_text *text) {
    size_t at = first + (text->stem_len - 1) * width;

    return at < len && data[at] == text->stem_end;
}

/* The byte order of a wide text: little where both readings hold. False when neither does. */
static bool find_encoding(const uint8_t *data, size_t len, size_t first, size_t end, size_t width,
                          enum pp_encoding *encoding) {
    if (width == 1) {
        *encoding = PP_ENCODING_BYTES;
    } else if (pp_matcher_zeros_at(data, len, end, width - 1)) {
        *encoding = width == 2 ? PP_ENCODING_UTF16LE : PP_ENCODING_UTF32LE;
    } else if (first >= width - 1 &&
               pp_matcher_zeros_at(data, len, first - (width - 1), width - 1)) {
        *encoding = width == 2 ? PP_ENCODING_UTF16BE : PP_ENCODING_UTF32BE;
    } else {
        return false;
    }
    return true;
}

/* Does one of the first so many texts, whole and in any encoding, start with the slash at `at`? */
static bool any_text_at(const struct pp_matcher *matcher, size_t count, const uint8_t *data,
                        size_t len, size_t at) {
    enum pp_encoding encoding;
    size_t width = 1;

    /* A wide one has zeros before its second character. */
    while (width < PP_WIDTH_MAX && len - at > width && data[at + width] == 0)
        width *= 2;
    if (len - at <= width || !matcher->second[data[at + width]])
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct pp_matcher_text *text = &matcher->texts[i];

        if (!text->is_path && stem_ends(data, len, at, width, text) &&
            pp_matcher_text_at(data, len, at, width, text, text->len) &&
            find_encoding(data, len, at, at + pp_matcher_span(text->len, width), width, &encoding))
            return true;
    }
    return false;
}

/* Does a guard, of the candidate's width, start behind its first slash and before its last? Not one
 * that every such candidate holds. */
static bool holds_guard(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                        size_t first, size_t width, const struct pp_matcher_text *text) {
    const struct pp_matcher_text *guards = &matcher->texts[matcher->text_count];
    const char *find = text->find[0];
    enum pp_encoding encoding;

    for (size_t k = 1; k <= text->stem_len && k + 1 < text->len; k++)
        for (size_t i = 0; i < matcher->guard_count && find[k] == '/'; i++) {
            const struct pp_matcher_text *guard = &guards[i];
            size_t at = first + k * width;

            if (find[k + 1] == guard->find[0][1] &&
                pp_matcher_text_at(data, len, at, width, guard, guard->len) &&
                find_encoding(data, len, at, at + pp_matcher_span(guard->len, width), width,
                              &encoding) &&
                strstr(find + 1, guard->find[0]) == NULL)
                return true;
        }
    return false;
}

enum pp_verdict pp_matcher_judge(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                                 size_t first, size_t width, const struct pp_matcher_text *text,
                                 struct pp_match *match) {
    size_t last = first + (text->len - 1) * width;
    enum pp_encoding encoding;
    bool writes;

    if (!find_encoding(data, len, first, last + 1, width, &encoding) ||
        (text->is_path && !pp_path_ends(data, len, first + text->len * width, width)))
        return PP_VERDICT_NONE;
    /* What stays as it is has no need to be told from what was written. */
    writes = text->changes && (width == 1 || text->put_ascii);
    if (data[last] == '/' &&
        any_text_at(matcher, matcher->text_count + (writes ? matcher->guard_count : 0), data, len,
                    last))
        return PP_VERDICT_SHORT;
    if (writes && text->may_hold_guard && holds_guard(matcher, data, len, first, width, text))
        return PP_VERDICT_NONE;
    *match = (struct pp_match){.pattern = text->pattern,
                               .encoding = encoding,
                               .offset = first,
                               .first = first,
                               .end = last + 1,
                               .broken = false,
                               .data = data,
                               .len = len};
    if (encoding == PP_ENCODING_UTF16BE || encoding == PP_ENCODING_UTF32BE)
        match->offset -= width - 1;
    return PP_VERDICT_MATCH;
}
