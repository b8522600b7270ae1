/* What a matcher is made of, and the rules by which it tells a match: shared by the matcher*.c
 * files, for nobody else.
 *
 * matcher.c makes a matcher and writes over matches, matcher_search.c finds candidates,
 * matcher_rules.c decides on them.
 */
#ifndef PP_STREAM_MATCHER_RULES_H
#define PP_STREAM_MATCHER_RULES_H

#include "stream/matcher.h"

#include <string.h>

#define PP_WIDTH_MAX 4
/* 1, 2 and 4 bytes a character; `width / 2` counts them from 0. */
#define PP_WIDTH_COUNT 3

/* Where every pattern ends with at least this many slashes the run probe is used; below, a run
 * says too little and each slash is looked at. */
#define PP_RUN_MIN 16

/* A pattern or a guard. Texts are kept in each width, zeros behind each character. */
struct pp_matcher_text {
    char *find[PP_WIDTH_COUNT];
    char *put[PP_WIDTH_COUNT];
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
    struct pp_matcher_text texts[];
};

/* Bytes of so many characters, without the zeros behind the last one. */
static inline size_t pp_matcher_span(size_t count, size_t width) {
    return (count - 1) * width + 1;
}

/* Do the text's first `count` characters stand at `first`, in this width? Texts begin alike: the
 * last character tells most of them apart. */
static inline bool pp_matcher_text_at(const uint8_t *data, size_t len, size_t first, size_t width,
                                      const struct pp_matcher_text *text, size_t count) {
    const char *find = text->find[width / 2];
    size_t span = pp_matcher_span(count, width);

    return first < len && len - first >= span &&
           data[first + span - 1] == (uint8_t)find[span - 1] &&
           memcmp(data + first, find, span) == 0;
}

static inline bool pp_matcher_zeros_at(const uint8_t *data, size_t len, size_t at, size_t count) {
    if (at > len || len - at < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (data[at + i] != 0)
            return false;
    return true;
}

enum pp_verdict {
    PP_VERDICT_NONE,
    PP_VERDICT_SHORT, /* its last slash is another text's first */
    PP_VERDICT_MATCH,
};

/* Looks at a candidate, `text` whose characters were found at `first`, by the rules. The match is
 * filled in when it is one. */
enum pp_verdict pp_matcher_judge(const struct pp_matcher *matcher, const uint8_t *data, size_t len,
                                 size_t first, size_t width, const struct pp_matcher_text *text,
                                 struct pp_match *match);

#endif
