/* How fast the replacer goes through content that was made to slow it down, in memory.
 *
 * Prints a line for each kind of content: its name, and GB a second of processor time of the best
 * of five runs.
 */
#include "stream/replacer.h"
#include "values/table.h"
#include "values/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONTENT_LEN ((size_t)64 << 20)
#define RUN_COUNT 5
/* As much as a file is edited in one go. */
#define CHUNK_LEN ((size_t)256 << 10)

static void check(bool fine, const char *what) {
    if (!fine) {
        fprintf(stderr, "hostile: %s\n", what);
        exit(1);
    }
}

static int count_match(void *user, const struct pp_match *match, uint64_t offset, bool written,
                       struct pp_err *err) {
    (void)match;
    (void)offset;
    (void)written;
    (void)err;
    ++*(size_t *)user;
    return 0;
}

static double seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t edit(const struct pp_matcher *matcher, uint8_t *data) {
    struct pp_err err = PP_ERR_INIT;
    size_t count = 0;
    struct pp_replacer replacer = {
        .matcher = matcher, .edit = true, .on_match = count_match, .user = &count};
    size_t at = 0;

    while (at < CONTENT_LEN) {
        size_t len = CONTENT_LEN - at < CHUNK_LEN ? CONTENT_LEN - at : CHUNK_LEN;
        ssize_t settled =
            pp_replacer_edit(&replacer, data + at, len, at + len == CONTENT_LEN, &err);

        check(settled > 0, "nothing is settled");
        at += (size_t)settled;
    }
    return count;
}

/* The first `len` bytes of a text over and over, each followed by zeros up to `width` bytes. */
static void fill(uint8_t *data, const char *text, size_t len, size_t width) {
    size_t done = len * width;

    memset(data, 0, done);
    for (size_t i = 0; i < len; i++)
        data[i * width] = (uint8_t)text[i];
    for (; done < CONTENT_LEN; done *= 2)
        memcpy(data + done, data, done < CONTENT_LEN - done ? done : CONTENT_LEN - done);
}

static void measure(const struct pp_matcher *matcher, const char *name, const char *text,
                    size_t len, size_t width) {
    uint8_t *data = malloc(CONTENT_LEN);
    double best = 1e9;
    size_t count = 0;

    check(data != NULL, "no memory");
    for (int run = 0; run < RUN_COUNT; run++) {
        double begin;
        double end;

        fill(data, text, len, width);
        begin = seconds();
        count = edit(matcher, data);
        end = seconds();
        if (end - begin < best)
            best = end - begin;
    }
    printf("%s: %.2f GB/s, %zu hits\n", name, (double)CONTENT_LEN / best / 1e9, count);
    free(data);
}

int main(void) {
    static const char *const set[] = {"TERMUX_APP__DATA_DIR=/data/user/10/com.termux", NULL};
    struct pp_value_sources sources = {.set = set};
    struct pp_matcher *matcher;
    struct pp_values values;
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;
    const char *plain = "The quick brown fox jumps over the lazy dog.\n";
    const char *prefix;

    check(pp_table_load(&table, NULL, &err) >= 0, err.text);
    check(pp_values_resolve(&values, &table, &sources, &err) >= 0, err.text);
    matcher = pp_values_matcher(&values, NULL, 0, &err);
    check(matcher != NULL, err.text);
    prefix = table.placeholders[pp_table_find(&table, "TERMUX__PREFIX")].text;
    measure(matcher, "text without slashes", plain, strlen(plain), 1);
    measure(matcher, "slashes", "/", 1, 1);
    measure(matcher, "placeholders", prefix, strlen(prefix), 1);
    measure(matcher, "placeholders cut one short", prefix, strlen(prefix) - 1, 1);
    measure(matcher, "runs too short", "x///////////////", 16, 1);
    measure(matcher, "slashes in UTF-16", "/", 1, 2);
    measure(matcher, "placeholders in UTF-16", prefix, strlen(prefix), 2);
    measure(matcher, "placeholders in UTF-32", prefix, strlen(prefix), 4);
    pp_matcher_free(matcher);
    pp_values_done(&values);
    pp_table_done(&table);
    return 0;
}
