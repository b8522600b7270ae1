/* Where candidates may be: in runs of slashes, which are probed for, or else behind each slash. */
#include "stream/matcher_rules.h"

#include "stream/broken.h"
#include "stream/path_end.h"

#include <endian.h>

#define SLASHES 0x2f2f2f2f2f2f2f2fULL

/* What lies in a candidate that is one slash short is no match: where the text at its last slash
 * is found next. Zeros before that are kept. */
static void pass_short(struct pp_matcher_walk *walk, size_t first, size_t width,
                       const struct pp_matcher_text *text) {
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
        !pp_matcher_zeros_at(data, len, run->start - (run->width - 1), run->width - 1))
        return false;
    stem_end = data[run->start - run->width];
    for (size_t i = 0; i < matcher->text_count; i++) {
        const struct pp_matcher_text *text = &matcher->texts[i];
        size_t stem_len = text->stem_len * run->width;
        size_t first = run->start - stem_len;

        if (text->stem_end != stem_end || text->len - text->stem_len > run->count ||
            stem_len > run->start || first > short_first ||
            (first < walk->floor && first != short_first) || anchor(first, run->width) >= limit ||
            !pp_matcher_text_at(data, len, first, run->width, text, text->stem_len))
            continue;
        switch (pp_matcher_judge(matcher, data, len, first, run->width, text, match)) {
        case PP_VERDICT_MATCH:
            return true;
        case PP_VERDICT_SHORT:
            pass_short(walk, first, run->width, text);
            short_first = first;
            break;
        case PP_VERDICT_NONE:
            break;
        }
    }
    return false;
}

/* The first byte is the lowest. */
static uint64_t load_u64(const uint8_t *data) {
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return le64toh(word);
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

/* The first character of the run that goes on at `at`, a slash. */
static size_t run_start(const uint8_t *data, size_t at, size_t width, uint64_t slashes) {
    uint64_t rest = 0;

    while (at >= 8 && (rest = load_u64(data + at - 8) ^ slashes) == 0)
        at -= 8;
    /* Bytes at the end of the last word are still the run's. */
    if (at >= 8)
        return at - ((size_t)__builtin_clzll(rest) / 8 & ~(width - 1));
    while (at >= width && slash_at(data, at - width, width))
        at -= width;
    return at;
}

/* One past the last character of the run that goes on at `at`. */
static size_t run_end(const uint8_t *data, size_t len, size_t at, size_t width, uint64_t slashes) {
    uint64_t rest = 0;

    while (len - at >= 8 && (rest = load_u64(data + at) ^ slashes) == 0)
        at += 8;
    /* Bytes at the start of the last word are still the run's. */
    if (len - at >= 8)
        at += (size_t)__builtin_ctzll(rest) / 8 & ~(width - 1);
    else
        while (len - at >= width && slash_at(data, at, width))
            at += width;
    /* The last slash may have no zeros of its own behind it. */
    if (width > 1 && at < len && data[at] == '/')
        at += width;
    return at;
}

/* Finds the run around a probe: of the one width in which the probe holds nothing but slashes from
 * its first one on. In a run that is long enough there is such a probe. */
static bool expand(const uint8_t *data, size_t len, size_t at, struct run *run) {
    static const uint64_t slashes[PP_WIDTH_COUNT] = {SLASHES, 0x002f002f002f002f,
                                                     0x0000002f0000002f};
    uint64_t word = load_u64(data + at);
    unsigned skip = (unsigned)__builtin_ctzll(word) / 8;

    for (size_t width = 1; width <= PP_WIDTH_MAX; width *= 2)
        if (word == slashes[width / 2] << skip * 8) {
            size_t start = run_start(data, at + skip, width, slashes[width / 2]);
            size_t end = run_end(data, len, at + skip, width, slashes[width / 2]);

            *run = (struct run){.start = start, .count = (end - start) / width, .width = width};
            return true;
        }
    return false;
}

static bool next_by_run(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                        size_t limit, struct pp_matcher_walk *walk, struct pp_match *match) {
    size_t at;

    while ((at = probe(data, len, walk->at, matcher->stride)) < len) {
        struct run run;
        size_t end;
        bool found;

        walk->at = at + matcher->stride;
        if (!expand(data, len, at, &run) || run.count < PP_RUN_MIN)
            continue;
        end = run.start + run.count * run.width;
        found = match_run(matcher, data, len, limit, walk, &run, match);
        /* Zeros behind the last slash may lie past the end. */
        if (end > walk->at)
            walk->at = end < len ? end : len;
        if (found)
            return true;
    }
    return false;
}

/* A text with escapes or line breaks in it, longer than `best` (or NULL). Not a path where another
 * one stands in one piece: that can get padding. */
static const struct pp_matcher_text *find_broken(const struct pp_matcher *matcher,
                                                 const uint8_t *data, size_t len, size_t first,
                                                 const struct pp_matcher_text *best,
                                                 struct pp_match *match) {
    for (size_t i = 0; i < matcher->text_count; i++) {
        const struct pp_matcher_text *text = &matcher->texts[i];
        size_t end;

        if (best != NULL && (text->is_path || text->len <= best->len))
            continue;
        end = pp_broken_end(data, len, first, text->find[0], text->len, text->stem_len);
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
    const struct pp_matcher_text *best = NULL;
    struct pp_match candidate;

    for (size_t i = 0; i < matcher->text_count; i++) {
        const struct pp_matcher_text *text = &matcher->texts[i];

        if ((best != NULL && text->len <= best->len) ||
            !pp_matcher_text_at(data, len, first, width, text, text->len))
            continue;
        switch (pp_matcher_judge(matcher, data, len, first, width, text, &candidate)) {
        case PP_VERDICT_MATCH:
            best = text;
            *match = candidate;
            break;
        case PP_VERDICT_SHORT:
            pass_short(walk, first, width, text);
            break;
        case PP_VERDICT_NONE:
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
        for (size_t width = 1; width <= PP_WIDTH_MAX; width *= 2)
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
