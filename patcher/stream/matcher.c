#include "stream/matcher.h"

#include "stream/broken.h"
#include "stream/path_end.h"

#include <stdlib.h>
#include <string.h>

#define SLASHES 0x2f2f2f2f2f2f2f2fULL
#define WIDTH_MAX 4

/* Where every pattern ends with at least this many slashes the run probe is used; below, a run
 * says too little and each slash is looked at. */
#define RUN_MIN 16

struct text {
    char *find;
    char *put;
    size_t len;
    size_t stem_len;  /* without the slashes at its end */
    size_t pattern;   /* index of the caller */
    uint8_t stem_end; /* the stem's last byte */
    bool put_ascii;
    bool may_hold_guard; /* a guard may start in it and reach past its end */
    bool changes;        /* `put` is another text than `find` */
    bool is_path;
};

struct pp_matcher {
    size_t text_count; /* patterns, by falling stem length, then falling length; then guards */
    size_t guard_count;
    size_t stride; /* distance of probes; 0: look at each slash */
    size_t len_max;
    bool has_paths;
    bool second[256]; /* bytes that a text, or a guard, goes on with after its slash */
    uint16_t position[PP_PATTERN_MAX]; /* of a pattern, in `texts` */
    struct text texts[];
};

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
    const struct text *a = left;
    const struct text *b = right;

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

static int text_init(struct text *text, const char *find, const char *put, size_t len,
                     struct pp_err *err) {
    if (len < 2 || len > PP_PATTERN_LEN_MAX || find[0] != '/')
        return pp_err_set(err, PP_ERR_USAGE, "not a pattern: '%.*s'", (int)len, find);
    text->find = strndup(find, len);
    text->put = put != NULL ? strndup(put, len) : NULL;
    if (text->find == NULL || (put != NULL && text->put == NULL))
        return pp_err_nomem(err);
    text->len = len;
    text->stem_len = len;
    while (text->stem_len > 0 && find[text->stem_len - 1] == '/')
        text->stem_len--;
    /* To find those would be to find any run. */
    if (text->stem_len == 0)
        return pp_err_set(err, PP_ERR_USAGE, "a pattern of slashes only");
    text->stem_end = (uint8_t)find[text->stem_len - 1];
    text->put_ascii = put == NULL || is_ascii(put, len);
    text->changes = put != NULL && memcmp(put, text->find, len) != 0;
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
        struct text *text = &matcher->texts[matcher->text_count + matcher->guard_count];
        size_t len = strlen(guards[i]);

        if (is_pattern(patterns, matcher->text_count, guards[i]))
            continue;
        matcher->guard_count++;
        if (text_init(text, guards[i], NULL, len, err) < 0)
            return -(int)err->kind;
        matcher->second[(uint8_t)text->find[1]] = true;
        if (len > matcher->len_max)
            matcher->len_max = len;
    }
    return 0;
}

/* Does a guard start behind the text's first slash and before its last, go on as the text does, and
 * reach past its end? In padding only slashes start: with the first, if at all. */
static bool may_hold_guard(const struct pp_matcher *matcher, const struct text *text) {
    const struct text *guards = &matcher->texts[matcher->text_count];

    for (size_t k = 1; k <= text->stem_len && k + 1 < text->len; k++)
        for (size_t i = 0; i < matcher->guard_count && text->find[k] == '/'; i++)
            if (guards[i].len > text->len - k &&
                memcmp(text->find + k, guards[i].find, text->len - k) == 0)
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
    matcher = calloc(1, sizeof(*matcher) + (pattern_count + guard_count) * sizeof(struct text));
    if (matcher == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    matcher->text_count = pattern_count;
    for (size_t i = 0; i < pattern_count; i++) {
        struct text *text = &matcher->texts[i];
        size_t len = patterns[i].len;

        if (text_init(text, patterns[i].find, patterns[i].put, len, err) < 0) {
            pp_matcher_free(matcher);
            return NULL;
        }
        text->pattern = i;
        text->is_path = patterns[i].is_path;
        matcher->has_paths = matcher->has_paths || text->is_path;
        matcher->second[(uint8_t)text->find[1]] = true;
        if (len > matcher->len_max)
            matcher->len_max = len;
        if (len - text->stem_len < run_min)
            run_min = len - text->stem_len;
    }
    if (add_guards(matcher, patterns, guards, guard_count, err) < 0) {
        pp_matcher_free(matcher);
        return NULL;
    }
    qsort(matcher->texts, pattern_count, sizeof(struct text), compare_texts);
    for (size_t i = 0; i < pattern_count; i++) {
        matcher->position[matcher->texts[i].pattern] = (uint16_t)i;
        matcher->texts[i].may_hold_guard = may_hold_guard(matcher, &matcher->texts[i]);
    }
    /* A run of R slashes holds 8 of them at some multiple of R - 7. */
    matcher->stride = run_min >= RUN_MIN && run_min != SIZE_MAX ? run_min - 7 : 0;
    return matcher;
}

void pp_matcher_free(struct pp_matcher *matcher) {
    if (matcher == NULL)
        return;
    for (size_t i = 0; i < matcher->text_count + matcher->guard_count; i++) {
        free(matcher->texts[i].find);
        free(matcher->texts[i].put);
    }
    free(matcher);
}

size_t pp_matcher_lookahead(const struct pp_matcher *matcher) {
    return (2 * matcher->len_max + 1 + (matcher->has_paths ? PP_PATH_LOOKAHEAD : 0)) * WIDTH_MAX;
}

/* Is there `text` from `first` on, a character every `width` bytes and zeros between? Texts begin
 * alike: the last character tells most of them apart. */
static bool text_at(const uint8_t *data, size_t len, size_t first, size_t width, const char *text,
                    size_t text_len) {
    if (first >= len || (len - first - 1) / width < text_len - 1 ||
        data[first + (text_len - 1) * width] != (uint8_t)text[text_len - 1])
        return false;
    if (width == 1)
        return memcmp(data + first, text, text_len) == 0;
    for (size_t i = 0; i < text_len; i++) {
        if (data[first + i * width] != (uint8_t)text[i])
            return false;
        for (size_t gap = 1; gap < width && i + 1 < text_len; gap++)
            if (data[first + i * width + gap] != 0)
                return false;
    }
    return true;
}

/* A cheap look at where a stem ends: padded texts all end alike, in a slash. */
static bool stem_ends(const uint8_t *data, size_t len, size_t first, size_t width,
                      const struct text *text) {
    size_t at = first + (text->stem_len - 1) * width;

    return at < len && data[at] == text->stem_end;
}

static bool zeros_at(const uint8_t *data, size_t len, size_t at, size_t count) {
    if (at > len || len - at < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (data[at + i] != 0)
            return false;
    return true;
}

/* The byte order of a wide text: little where both readings hold. False when neither does. */
static bool find_encoding(const uint8_t *data, size_t len, size_t first, size_t end, size_t width,
                          enum pp_encoding *encoding) {
    if (width == 1) {
        *encoding = PP_ENCODING_BYTES;
    } else if (zeros_at(data, len, end, width - 1)) {
        *encoding = width == 2 ? PP_ENCODING_UTF16LE : PP_ENCODING_UTF32LE;
    } else if (first >= width - 1 && zeros_at(data, len, first - (width - 1), width - 1)) {
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

    for (size_t width = 1; width <= WIDTH_MAX; width *= 2) {
        /* A wide one has zeros before its second character. */
        if (len - at <= width || !matcher->second[data[at + width]] ||
            !zeros_at(data, len, at + 1, width - 1))
            continue;
        for (size_t i = 0; i < count; i++) {
            const struct text *text = &matcher->texts[i];

            if (!text->is_path && stem_ends(data, len, at, width, text) &&
                text_at(data, len, at, width, text->find, text->len) &&
                find_encoding(data, len, at, at + (text->len - 1) * width + 1, width, &encoding))
                return true;
        }
    }
    return false;
}

/* Does a guard, of the candidate's width, start behind its first slash and before its last? Not one
 * that every such candidate holds. */
static bool holds_guard(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                        size_t first, size_t width, const struct text *text) {
    const struct text *guards = &matcher->texts[matcher->text_count];
    enum pp_encoding encoding;

    for (size_t k = 1; k <= text->stem_len && k + 1 < text->len; k++)
        for (size_t i = 0; i < matcher->guard_count && text->find[k] == '/'; i++) {
            size_t at = first + k * width;

            if (text->find[k + 1] == guards[i].find[1] &&
                text_at(data, len, at, width, guards[i].find, guards[i].len) &&
                find_encoding(data, len, at, at + (guards[i].len - 1) * width + 1, width,
                              &encoding) &&
                strstr(text->find + 1, guards[i].find) == NULL)
                return true;
        }
    return false;
}

enum verdict {
    VERDICT_NONE,
    VERDICT_SHORT, /* its last slash is another text's first */
    VERDICT_MATCH,
};

/* Looks at a candidate, `text` whose characters were found at `first`, by the rules. The match is
 * filled in when it is one. */
static enum verdict judge(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                          size_t first, size_t width, const struct text *text,
                          struct pp_match *match) {
    size_t last = first + (text->len - 1) * width;
    enum pp_encoding encoding;
    bool writes;

    if (!find_encoding(data, len, first, last + 1, width, &encoding) ||
        (text->is_path && !pp_path_ends(data, len, first + text->len * width, width)))
        return VERDICT_NONE;
    /* What stays as it is has no need to be told from what was written. */
    writes = text->changes && (width == 1 || text->put_ascii);
    if (data[last] == '/' &&
        any_text_at(matcher, matcher->text_count + (writes ? matcher->guard_count : 0), data, len,
                    last))
        return VERDICT_SHORT;
    if (writes && text->may_hold_guard && holds_guard(matcher, data, len, first, width, text))
        return VERDICT_NONE;
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
    return VERDICT_MATCH;
}

/* What lies in a candidate that is one slash short is no match: where the text at its last slash
 * is found next. Zeros before that are kept. */
static void pass_short(struct pp_matcher_walk *walk, size_t first, size_t width,
                       const struct text *text) {
    size_t floor = first + (text->len - 1) * width - (width - 1);

    if (walk->floor < floor)
        walk->floor = floor;
}

/* The start of the bytes that decide on a candidate: its leading zeros count, if there are any. */
static size_t anchor(size_t first, size_t width) {
    return first >= width - 1 ? first - (width - 1) : 0;
}

/* A run of slashes: `count` characters, `width` bytes apart, the first one at `start`. */
struct run {
    size_t start;
    size_t count;
    size_t width;
};

/* Tries every pattern whose stem ends where the run starts. */
static bool match_run(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                      size_t limit, struct pp_matcher_walk *walk, const struct run *run,
                      struct pp_match *match) {
    size_t short_first = SIZE_MAX;
    uint8_t stem_end;

    if (run->start < run->width ||
        !zeros_at(data, len, run->start - (run->width - 1), run->width - 1))
        return false;
    stem_end = data[run->start - run->width];
    for (size_t i = 0; i < matcher->text_count; i++) {
        const struct text *text = &matcher->texts[i];
        size_t stem_len = text->stem_len * run->width;
        size_t first = run->start - stem_len;

        if (text->stem_end != stem_end || text->len - text->stem_len > run->count ||
            stem_len > run->start || first > short_first ||
            (first < walk->floor && first != short_first) || anchor(first, run->width) >= limit ||
            !text_at(data, len, first, run->width, text->find, text->stem_len))
            continue;
        switch (judge(matcher, data, len, first, run->width, text, match)) {
        case VERDICT_MATCH:
            return true;
        case VERDICT_SHORT:
            pass_short(walk, first, run->width, text);
            short_first = first;
            break;
        case VERDICT_NONE:
            break;
        }
    }
    return false;
}

static uint64_t load_u64(const uint8_t *data) {
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

static uint64_t rotate(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

/* Slashes in any encoding give a word of slashes once its bytes are folded over one another.
 * A few other words do, too: the run is looked at next. */
static bool may_be_slashes(uint64_t word) {
    word |= rotate(word, 8);
    return (word | rotate(word, 16)) == SLASHES;
}

/* The first probe from `at` on that may lie in a run, or `len`. */
static size_t probe(const uint8_t *data, size_t len, size_t at, size_t stride) {
    while (len >= 8 && at <= len - 8) {
        if (may_be_slashes(load_u64(data + at)))
            return at;
        at += stride;
    }
    return len;
}

/* Is one character a slash, with the zeros of its width before the next one? */
static bool slash_at(const uint8_t *data, size_t at, size_t width) {
    return data[at] == '/' && (width < 2 || data[at + 1] == 0) &&
           (width < 4 || (data[at + 2] == 0 && data[at + 3] == 0));
}

/* Eight bytes of slashes in a width. */
static uint64_t slashes_of(size_t width) {
    static const uint8_t words[][8] = {{'/', '/', '/', '/', '/', '/', '/', '/'},
                                       {'/', 0, '/', 0, '/', 0, '/', 0},
                                       {'/', 0, 0, 0, '/'}};

    return load_u64(words[width / 2]);
}

/* Finds the run around a probe, in one width. */
static bool expand(const uint8_t *data, size_t len, size_t at, size_t width, struct run *run) {
    uint64_t slashes = slashes_of(width);
    size_t phase = 0;
    size_t end;

    while (phase < width && data[at + phase] != '/')
        phase++;
    at += phase;
    if (phase == width || len - at < width || !slash_at(data, at, width))
        return false;
    run->width = width;
    run->start = at;
    while (run->start >= 8 && load_u64(data + run->start - 8) == slashes)
        run->start -= 8;
    while (run->start >= width && slash_at(data, run->start - width, width))
        run->start -= width;
    end = at;
    while (len - end >= 8 && load_u64(data + end) == slashes)
        end += 8;
    while (end < len && len - end >= width && slash_at(data, end, width))
        end += width;
    /* The last slash may have no zeros of its own behind it. */
    if (end < len && data[end] == '/' && width > 1)
        end += width;
    run->count = (end - run->start) / width;
    return true;
}

static bool next_by_run(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                        size_t limit, struct pp_matcher_walk *walk, struct pp_match *match) {
    size_t at;

    while ((at = probe(data, len, walk->at, matcher->stride)) < len) {
        /* Bytes and nothing else where there are no zeros. */
        size_t width_max = load_u64(data + at) == SLASHES ? 1 : WIDTH_MAX;

        walk->at = at + matcher->stride;
        for (size_t width = 1; width <= width_max; width *= 2) {
            struct run run;
            size_t end;
            bool found;

            if (!expand(data, len, at, width, &run) || run.count < RUN_MIN)
                continue;
            end = run.start + run.count * width;
            found = match_run(matcher, data, len, limit, walk, &run, match);
            /* Zeros behind the last slash may lie past the end. */
            if (end > walk->at)
                walk->at = end < len ? end : len;
            if (found)
                return true;
            break;
        }
    }
    return false;
}

/* A text with escapes or line breaks in it, longer than `best` (or NULL). Not a path where another
 * one stands in one piece: that can get padding. */
static const struct text *find_broken(const struct pp_matcher *matcher, const uint8_t *data,
                                      size_t len, size_t first, const struct text *best,
                                      struct pp_match *match) {
    for (size_t i = 0; i < matcher->text_count; i++) {
        const struct text *text = &matcher->texts[i];
        size_t end;

        if (best != NULL && (text->is_path || text->len <= best->len))
            continue;
        end = pp_broken_end(data, len, first, text->find, text->len, text->stem_len);
        if (end == 0 || (text->is_path && !pp_path_ends(data, len, end, 1)))
            continue;
        best = text;
        *match = (struct pp_match){.pattern = text->pattern,
                                   .encoding = PP_ENCODING_BYTES,
                                   .offset = first,
                                   .first = first,
                                   .end = end,
                                   .broken = true,
                                   .data = data,
                                   .len = len};
    }
    return best;
}

/* The longest text that stands at `first` in one width, or in pieces. */
static bool match_at(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                     size_t first, size_t width, struct pp_matcher_walk *walk,
                     struct pp_match *match) {
    const struct text *best = NULL;
    struct pp_match candidate;

    for (size_t i = 0; i < matcher->text_count; i++) {
        const struct text *text = &matcher->texts[i];

        if ((best != NULL && text->len <= best->len) ||
            !text_at(data, len, first, width, text->find, text->len))
            continue;
        switch (judge(matcher, data, len, first, width, text, &candidate)) {
        case VERDICT_MATCH:
            best = text;
            *match = candidate;
            break;
        case VERDICT_SHORT:
            pass_short(walk, first, width, text);
            break;
        case VERDICT_NONE:
            break;
        }
    }
    if (matcher->has_paths && width == 1)
        best = find_broken(matcher, data, len, first, best, match);
    return best != NULL;
}

/* The next byte that a match may begin with, or `len`. */
static size_t next_first(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                         size_t at) {
    const uint8_t *slash;

    if (matcher->has_paths)
        return pp_broken_next_slash(data, len, at);
    slash = at < len ? memchr(data + at, '/', len - at) : NULL;
    return slash != NULL ? (size_t)(slash - data) : len;
}

static bool next_by_slash(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                          size_t limit, struct pp_matcher_walk *walk, struct pp_match *match) {
    size_t first;

    while ((first = next_first(matcher, data, len, walk->at)) < len) {
        walk->at = first + 1;
        for (size_t width = 1; width <= WIDTH_MAX; width *= 2)
            if (anchor(first, width) < limit &&
                match_at(matcher, data, len, first, width, walk, match))
                return true;
        if (walk->at < walk->floor)
            walk->at = walk->floor;
    }
    walk->at = len;
    return false;
}

bool pp_matcher_next(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                     size_t limit, struct pp_matcher_walk *walk, struct pp_match *match) {
    bool found;

    if (walk->at < walk->floor)
        walk->at = walk->floor;
    if (matcher->text_count == 0)
        return false;
    found = matcher->stride > 0 ? next_by_run(matcher, data, len, limit, walk, match)
                                : next_by_slash(matcher, data, len, limit, walk, match);
    if (found)
        walk->floor = match->end;
    return found;
}

/* The text of the match's pattern, where its `put` can be written in the match's encoding. */
static const struct text *find_writable(const struct pp_matcher *matcher,
                                        const struct pp_match *match) {
    const struct text *text = &matcher->texts[matcher->position[match->pattern]];

    return !match->broken && text->put != NULL &&
                   (text->put_ascii || match->encoding == PP_ENCODING_BYTES)
               ? text
               : NULL;
}

bool pp_matcher_can_write(const struct pp_matcher *matcher, const struct pp_match *match) {
    return find_writable(matcher, match) != NULL;
}

bool pp_matcher_write(const struct pp_matcher *matcher, uint8_t *data,
                      const struct pp_match *match) {
    const struct text *text = find_writable(matcher, match);
    size_t width = pp_encoding_width(match->encoding);

    if (text == NULL)
        return false;
    if (width == 1)
        memcpy(data + match->first, text->put, text->len);
    for (size_t k = 0; width > 1 && k < text->len; k++)
        data[match->first + k * width] = (uint8_t)text->put[k];
    return true;
}
