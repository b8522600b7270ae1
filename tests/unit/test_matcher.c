/* The matching rules, against a plain and slow statement of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/matcher.h"
#include "stream/replacer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 4

struct set {
    char find[COUNT][128];
    char put[COUNT][128];
    struct pp_pattern patterns[COUNT];
    const char *guards[COUNT];
    struct pp_matcher *matcher;
};

static void pad(char *to, const char *path, size_t len) {
    size_t path_len = strlen(path);

    memcpy(to, path, path_len);
    memset(to + path_len, '/', len - path_len);
    to[len] = '\0';
}

static void set_make(struct set *set, const char *const *stems, const char *const *values,
                     const size_t *lens) {
    struct pp_err err = PP_ERR_INIT;

    for (size_t i = 0; i < COUNT; i++) {
        pad(set->find[i], stems[i], lens[i]);
        pad(set->put[i], values[i], lens[i]);
        set->patterns[i] =
            (struct pp_pattern){.find = set->find[i], .put = set->put[i], .len = lens[i]};
        set->guards[i] = set->put[i];
    }
    set->matcher = pp_matcher_new(set->patterns, COUNT, set->guards, COUNT, &err);
    assert_non_null(set->matcher);
}

static void set_init(struct set *set, size_t run) {
    static const char *const stems[COUNT] = {"/d/d/app", "/d/d/app/files", "/d/d/app/files/usr",
                                             "/d/d/app/files"};
    static const char *const values[COUNT] = {"/u/10/app", "/u/10/app/files", "/u/10/app/files/usr",
                                              "/x"};
    size_t lens[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        lens[i] = strlen(stems[i]) + run + (i == 3 ? 5 : 0);
    set_make(set, stems, values, lens);
}

struct found {
    uint64_t offset;
    size_t pattern;
    enum pp_encoding encoding;
};

struct record {
    struct found found[512];
    size_t count;
};

static int on_match(void *user, const struct pp_match *match, uint64_t offset, bool written,
                    struct pp_err *err) {
    struct record *record = user;

    (void)err;
    assert_true(written);
    assert_true(record->count < 512);
    record->found[record->count++] = (struct found){offset, match->pattern, match->encoding};
    return 0;
}

/* Sends the content through a replacer in chunks; returns the number of matches. */
static size_t edit(const struct set *set, uint8_t *data, size_t len, size_t chunk,
                   struct record *record) {
    struct pp_replacer replacer = {
        .matcher = set->matcher, .edit = true, .on_match = on_match, .user = record};
    struct pp_err err = PP_ERR_INIT;
    uint8_t *work = malloc(len + 1);
    size_t fed = 0;
    size_t done = 0;
    size_t held = 0;

    record->count = 0;
    while (fed < len || done < len) {
        size_t more = len - fed < chunk ? len - fed : chunk;
        ssize_t settled;

        memcpy(work + held, data + fed, more);
        fed += more;
        held += more;
        settled = pp_replacer_edit(&replacer, work, held, fed == len, &err);
        assert_true(settled >= 0);
        memcpy(data + done, work, (size_t)settled);
        done += (size_t)settled;
        held -= (size_t)settled;
        memmove(work, work + settled, held);
    }
    free(work);
    return record->count;
}

static size_t put_wide(uint8_t *to, const char *text, enum pp_encoding encoding) {
    size_t width = pp_encoding_width(encoding);
    size_t shift =
        encoding == PP_ENCODING_UTF16BE || encoding == PP_ENCODING_UTF32BE ? width - 1 : 0;
    size_t len = strlen(text);

    memset(to, 0, len * width);
    for (size_t i = 0; i < len; i++)
        to[i * width + shift] = (uint8_t)text[i];
    return len * width;
}

static const size_t chunks[] = {1, 2, 7, 71, 72, 73, 4096};

/* Edits at every chunk size, compares with what is wanted, and edits again: nothing is found. */
static void check(const struct set *set, const uint8_t *content, size_t len, const uint8_t *want,
                  const struct found *found, size_t count) {
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct record record;
        uint8_t *data = malloc(len + 1);

        memcpy(data, content, len);
        assert_int_equal(edit(set, data, len, chunks[i], &record), count);
        assert_memory_equal(data, want, len);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(record.found[k].offset, found[k].offset);
            assert_int_equal(record.found[k].pattern, found[k].pattern);
            assert_int_equal(record.found[k].encoding, found[k].encoding);
        }
        assert_int_equal(edit(set, data, len, chunks[i], &record), 0);
        free(data);
    }
}

static void check_text(const struct set *set, const char *content, const char *want,
                       const struct found *found, size_t count) {
    assert_int_equal(strlen(content), strlen(want));
    check(set, (const uint8_t *)content, strlen(content), (const uint8_t *)want, found, count);
}

static void test_plain(void **state) {
    static const size_t runs[] = {16, 40, 58, 5};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct set set;
        char content[2048];
        char want[2048];

        set_init(&set, runs[i]);
        /* alone, at both ends; adjacent; in more slashes; followed by a name */
        check_text(&set, set.find[0], set.put[0], (struct found[]){{0, 0, 0}}, 1);
        snprintf(content, sizeof(content), "%s%sX%s", set.find[2], set.find[0], set.find[1]);
        snprintf(want, sizeof(want), "%s%sX%s", set.put[2], set.put[0], set.put[1]);
        {
            size_t second = set.patterns[2].len;
            size_t third = second + set.patterns[0].len + 1;

            check_text(&set, content, want,
                       (struct found[]){{0, 2, 0}, {second, 0, 0}, {third, 1, 0}}, 3);
        }
        snprintf(content, sizeof(content), "a=%s//bin:%sbin\n", set.find[2], set.find[2]);
        snprintf(want, sizeof(want), "a=%s//bin:%sbin\n", set.put[2], set.put[2]);
        check_text(&set, content, want,
                   (struct found[]){{2, 2, 0}, {2 + set.patterns[2].len + 6, 2, 0}}, 2);
        /* the longest of two that start at one place */
        check_text(&set, set.find[3], set.put[3], (struct found[]){{0, 3, 0}}, 1);
        pp_matcher_free(set.matcher);
    }
}

/* One that ends in the first slash of the next is one slash short, and no match. */
static void test_shared_slash(void **state) {
    static const size_t runs[] = {16, 58, 5};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct set set;
        char content[1024];
        char want[1024];
        size_t short_len;

        set_init(&set, runs[i]);
        short_len = set.patterns[2].len - 1;
        snprintf(content, sizeof(content), "%.*s%s", (int)short_len, set.find[2], set.find[0]);
        snprintf(want, sizeof(want), "%.*s%s", (int)short_len, set.find[2], set.put[0]);
        check_text(&set, content, want, (struct found[]){{short_len, 0, 0}}, 1);
        /* one short at the end of the content */
        snprintf(content, sizeof(content), "%.*s", (int)short_len, set.find[2]);
        check_text(&set, content, content, NULL, 0);
        pp_matcher_free(set.matcher);
    }
}

static void test_wide(void **state) {
    static const enum pp_encoding encodings[] = {PP_ENCODING_UTF16LE, PP_ENCODING_UTF16BE,
                                                 PP_ENCODING_UTF32LE, PP_ENCODING_UTF32BE};
    static const size_t runs[] = {16, 58, 5};
    (void)state;

    for (size_t r = 0; r < 3; r++) {
        for (size_t e = 0; e < 4; e++) {
            for (size_t shift = 0; shift < 5; shift++) {
                enum pp_encoding encoding = encodings[e];
                struct found found[2];
                uint8_t content[2048] = "abcdefgh";
                uint8_t want[2048] = "abcdefgh";
                size_t at = shift;
                struct set set;

                /* Non-zero bytes on both sides leave one reading only. */
                set_init(&set, runs[r]);
                for (size_t i = 0; i < 2; i++) {
                    size_t pattern = i == 0 ? 2 : 0;

                    found[i] = (struct found){at, pattern, encoding};
                    put_wide(want + at, set.put[pattern], encoding);
                    at += put_wide(content + at, set.find[pattern], encoding);
                    content[at] = want[at] = 'x';
                    at++;
                }
                check(&set, content, at, want, found, 2);
                pp_matcher_free(set.matcher);
            }
        }
    }
}

/* Text that goes on on both sides: little-endian where both readings hold, and adjacent matches
 * are both found to the end of the content. */
static void test_wide_adjacent(void **state) {
    static const enum pp_encoding encodings[] = {PP_ENCODING_UTF16LE, PP_ENCODING_UTF16BE,
                                                 PP_ENCODING_UTF32LE, PP_ENCODING_UTF32BE};
    (void)state;

    for (size_t e = 0; e < 4; e++) {
        bool big = e == 1 || e == 3;
        size_t width = pp_encoding_width(encodings[e]);
        uint8_t content[2048];
        uint8_t want[2048];
        char text[512];
        struct set set;
        size_t len;
        size_t second;

        set_init(&set, 20);
        snprintf(text, sizeof(text), "%s%s", set.find[0], set.find[1]);
        len = put_wide(content, text, encodings[e]);
        snprintf(text, sizeof(text), "%s%s", set.put[0], set.put[1]);
        put_wide(want, text, encodings[e]);
        second = set.patterns[0].len * width;
        check(&set, content, len, want,
              (struct found[]){
                  /* followed by a leading zero of the next: reads as little-endian */
                  {big ? width - 1 : 0, 0, encodings[big ? e - 1 : e]},
                  {second, 1, encodings[e]},
              },
              2);
        pp_matcher_free(set.matcher);
    }
}

#define RANDOM_LEN_MAX 6000

/* Random text over a small alphabet of pieces: whole and cut patterns, in all encodings. */
static size_t random_content(const struct set *set, uint32_t *seed, uint8_t *content) {
    size_t len = 0;

    while (len < 5000) {
        size_t kind;

        *seed = *seed * 1664525u + 1013904223u;
        kind = *seed >> 28;
        if (kind < 8) {
            size_t full = set->patterns[kind % COUNT].len;
            size_t cut = kind < 4 ? full : (*seed >> 8) % full;

            memcpy(content + len, set->find[kind % COUNT], cut);
            len += cut;
        } else if (kind < 12) {
            len += put_wide(content + len, set->find[kind % COUNT],
                            (enum pp_encoding)(1 + (*seed >> 8) % 4));
        } else {
            content[len++] = kind == 12 ? '\0' : '/';
        }
    }
    return len;
}

/* The result does not depend on the cuts. */
static void test_cuts(void **state) {
    struct set set;
    uint32_t seed = 1;
    (void)state;

    set_init(&set, 17);
    for (size_t round = 0; round < 300; round++) {
        uint8_t content[RANDOM_LEN_MAX];
        size_t len = random_content(&set, &seed, content);
        uint8_t *expected = malloc(len);
        struct record whole;

        memcpy(expected, content, len);
        edit(&set, expected, len, len, &whole);
        for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
            struct record record;
            uint8_t data[RANDOM_LEN_MAX];

            memcpy(data, content, len);
            edit(&set, data, len, chunks[i], &record);
            assert_memory_equal(data, expected, len);
            assert_int_equal(record.count, whole.count);
        }
        assert_int_equal(edit(&set, expected, len, len, &whole), 0);
        free(expected);
    }
    pp_matcher_free(set.matcher);
}

/* A text of few slashes, though it is nowhere, makes each slash be looked at: what is found in runs
 * is found that way, too. */
static void test_runs_and_slashes(void **state) {
    struct pp_pattern patterns[COUNT + 1] = {[COUNT] = {.find = "/z//", .put = "/y//", .len = 4}};
    struct pp_err err = PP_ERR_INIT;
    struct set by_run;
    struct set by_slash;
    uint32_t seed = 2;
    (void)state;

    set_init(&by_run, 17);
    memcpy(patterns, by_run.patterns, sizeof(by_run.patterns));
    by_slash.matcher = pp_matcher_new(patterns, COUNT + 1, by_run.guards, COUNT, &err);
    assert_non_null(by_slash.matcher);
    for (size_t round = 0; round < 300; round++) {
        uint8_t content[RANDOM_LEN_MAX];
        size_t len = random_content(&by_run, &seed, content);

        for (size_t skip = 0; skip < 8; skip++) {
            uint8_t one[RANDOM_LEN_MAX];
            uint8_t other[RANDOM_LEN_MAX];
            struct record found = {.count = 0};
            struct record wanted = {.count = 0};

            memcpy(one, content + skip, len - skip);
            memcpy(other, content + skip, len - skip);
            edit(&by_run, one, len - skip, len, &found);
            edit(&by_slash, other, len - skip, len, &wanted);
            assert_int_equal(found.count, wanted.count);
            assert_memory_equal(one, other, len - skip);
            for (size_t i = 0; i < found.count; i++) {
                assert_int_equal(found.found[i].offset, wanted.found[i].offset);
                assert_int_equal(found.found[i].pattern, wanted.found[i].pattern);
                assert_int_equal(found.found[i].encoding, wanted.found[i].encoding);
            }
        }
    }
    pp_matcher_free(by_run.matcher);
    pp_matcher_free(by_slash.matcher);
}

/* Every offset modulo the probe's distance. */
static void test_offsets(void **state) {
    static uint8_t content[8192];
    static uint8_t want[8192];
    struct set set;
    (void)state;

    set_init(&set, 47);
    for (size_t at = 0; at < 200; at++) {
        memset(content, '.', sizeof(content));
        memset(want, '.', sizeof(want));
        memcpy(content + at, set.find[2], set.patterns[2].len);
        memcpy(want + at, set.put[2], set.patterns[2].len);
        check(&set, content, at + set.patterns[2].len + 1, want, (struct found[]){{at, 2, 0}}, 1);
    }
    pp_matcher_free(set.matcher);
}

static void test_not_ascii(void **state) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_pattern pattern = {
        .find = "/a////////////////////", .put = "/\xc3\xa9///////////////////", .len = 22};
    struct pp_matcher *matcher = pp_matcher_new(&pattern, 1, NULL, 0, &err);
    struct pp_matcher_walk walk = {0};
    struct pp_match match;
    uint8_t content[64] = {0};
    size_t len = put_wide(content, pattern.find, PP_ENCODING_UTF16LE);
    (void)state;

    assert_true(pp_matcher_next(matcher, content, len, len, &walk, &match));
    assert_false(pp_matcher_write(matcher, content, &match));
    assert_int_equal(content[2], 'a');
    pp_matcher_free(matcher);
}

/* A candidate that holds what was written is none: not the end of a path that is a value. With few
 * slashes and with many. */
static void test_what_was_written_is_no_padding(void **state) {
    static const char *const stems[COUNT] = {"/a", "/a", "/c/usr", "/d"};
    static const char *const values[COUNT] = {"/.", "/bb", "/usr", "/y"};
    static const size_t runs[] = {4, 20};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        size_t run = runs[i];
        struct set set;
        char content[512];
        char want[512];
        size_t tail;

        set_make(&set, stems, values, (size_t[]){2 + run, 3 + run, 6 + run, 2 + run});
        snprintf(content, sizeof(content), "/a//%s", set.find[0]);
        snprintf(want, sizeof(want), "/a//%s", set.put[0]);
        check_text(&set, content, want, (struct found[]){{4, 0, 0}}, 1);
        snprintf(content, sizeof(content), "/c%s", set.find[2]);
        snprintf(want, sizeof(want), "/c%s", set.put[2]);
        check_text(&set, content, want, (struct found[]){{2, 2, 0}}, 1);
        /* what is written is a placeholder's end, and begins in another one's last slash */
        tail = set.patterns[3].len - 1;
        snprintf(content, sizeof(content), "%.*s%s", (int)tail, set.find[3], set.find[2]);
        snprintf(want, sizeof(want), "%.*s%s", (int)tail, set.find[3], set.put[2]);
        check_text(&set, content, want, (struct found[]){{tail, 2, 0}}, 1);
        pp_matcher_free(set.matcher);
    }
}

/* In a candidate that is one slash short nothing is found, in the next one neither. */
static void test_nothing_in_a_short_one(void **state) {
    static const char *const stems[COUNT] = {"/a/b", "/b", "/e", "/f"};
    static const char *const values[COUNT] = {"/x", "/y", "/z", "/w"};
    (void)state;

    for (size_t run = 5; run < 40; run += 20) {
        struct set set;
        char content[512];
        char want[512];
        size_t len;

        set_make(&set, stems, values, (size_t[]){5 + run, 1 + run, 2 + run, 2 + run});
        len = set.patterns[0].len - 1;
        snprintf(content, sizeof(content), "%.*s%.*s%s", (int)len, set.find[0], (int)len,
                 set.find[0], set.find[2]);
        snprintf(want, sizeof(want), "%.*s%.*s%s", (int)len, set.find[0], (int)len, set.find[0],
                 set.put[2]);
        check_text(&set, content, want, (struct found[]){{2 * len, 2, 0}}, 1);
        pp_matcher_free(set.matcher);
    }
}

/* What stays as it is is found again beside slashes that were written, and keeps what it covers. */
static void test_a_default_keeps_its_place(void **state) {
    static const char *const stems[COUNT] = {"/a", "/a", "/c", "/d"};
    static const char *const values[COUNT] = {"/.", "/a", "/x", "/y"};
    struct set set;
    struct record record;
    char content[512];
    char want[512];
    size_t second;
    (void)state;

    set_make(&set, stems, values, (size_t[]){22, 23, 22, 22});
    second = set.patterns[1].len;
    snprintf(content, sizeof(content), "%s%s", set.find[1], set.find[0]);
    snprintf(want, sizeof(want), "%s%s", set.find[1], set.put[0]);
    assert_int_equal(edit(&set, (uint8_t *)content, strlen(content), 4096, &record), 2);
    assert_string_equal(content, want);
    assert_int_equal(record.found[1].offset, second);
    assert_int_equal(edit(&set, (uint8_t *)content, strlen(content), 4096, &record), 1);
    assert_string_equal(content, want);
    assert_int_equal(record.found[0].pattern, 1);
    pp_matcher_free(set.matcher);
}

static void test_pattern_of_slashes(void **state) {
    struct pp_err err = PP_ERR_INIT;
    static const char *const guard = "////";
    struct pp_pattern pattern = {.find = "////", .len = 4};
    (void)state;

    assert_null(pp_matcher_new(&pattern, 1, NULL, 0, &err));
    assert_int_equal(err.kind, PP_ERR_USAGE);
    pattern.find = "/a//";
    assert_null(pp_matcher_new(&pattern, 1, &guard, 1, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_shared_slash),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_wide_adjacent),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_runs_and_slashes),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_not_ascii),
        cmocka_unit_test(test_what_was_written_is_no_padding),
        cmocka_unit_test(test_nothing_in_a_short_one),
        cmocka_unit_test(test_a_default_keeps_its_place),
        cmocka_unit_test(test_pattern_of_slashes),
    };

    return cmocka_run_group_tests_name("matcher", tests, NULL, NULL);
}
