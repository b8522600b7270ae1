/* The replacer: any cut of the content gives the same output and the same matches, and a second run
 * finds nothing. Byte 0 tells how the content is cut; the others are bytes of it, or stand for the
 * words that matter. */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "stream/replacer.h"

#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct pp_pattern patterns[] = {
    {.find = "/d/app/////////", .put = "/u/10/app//////", .len = 15},
    {.find = "/d/app/files/////////", .put = "/u/10/app/files//////", .len = 21},
    {.find = "/d/app/files/usr////////////",
     .put = "/mnt/\xc3\xa9/files/usr///////////",
     .len = 28},
};

static const char *const words[] = {"/",           "//",
                                    "////////",    "/d/app",
                                    "/files",      "/usr",
                                    "/u/10/app",   "/d/app/////////",
                                    "/d/app/fil",  "/d/app/files/////////",
                                    "/d/a",        "/d/app/files/usr////////////",
                                    "pp/////////", "/u/10/app/files//////"};

struct result {
    struct pp_buffer text;
    struct pp_buffer matches; /* struct pp_match, with their offsets in the content */
    size_t written;
};

static void demand(bool holds) {
    if (!holds)
        abort();
}

/* 0x80 and above: a word; its bits 4 to 6 tell how wide a character is. */
static void append(struct pp_buffer *content, uint8_t byte) {
    struct pp_err err = PP_ERR_INIT;
    const char *word = words[(byte & 15) % PP_ARRAY_LEN(words)];
    size_t width = (byte & 0x40) == 0 ? 1 : (byte & 0x20) == 0 ? 2 : 4;
    size_t at = (byte & 0x10) == 0 ? 0 : width - 1;

    if (byte < 0x80) {
        demand(pp_buffer_append(content, &byte, 1, &err) == 0);
        return;
    }
    for (; *word != '\0'; word++) {
        uint8_t wide[4] = {0};

        wide[at] = (uint8_t)*word;
        demand(pp_buffer_append(content, wide, width, &err) == 0);
    }
}

static int on_match(void *user, const struct pp_match *match, uint64_t offset, bool written,
                    struct pp_err *err) {
    struct result *result = user;
    const uint64_t kept[] = {match->pattern, match->encoding, offset, written};

    result->written += written;
    return pp_buffer_append(&result->matches, kept, sizeof(kept), err);
}

/* `cut`: how many bytes come at once, changed after each. 0: all. */
static void replace(const struct pp_matcher *matcher, const struct pp_buffer *content, size_t cut,
                    struct result *result) {
    struct pp_replacer replacer = {
        .matcher = matcher, .edit = true, .on_match = on_match, .user = result};
    PP_AUTO_BUFFER struct pp_buffer held = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    size_t at = 0;
    bool last = false;

    while (!last) {
        size_t count = cut == 0 ? content->len : 1 + (cut * 7 + at * 13) % cut;
        ssize_t settled;

        if (count > content->len - at)
            count = content->len - at;
        last = at + count == content->len && (cut % 2 == 0 || count == 0);
        demand(pp_buffer_append(&held, content->data + at, count, &err) == 0);
        at += count;
        settled = pp_replacer_edit(&replacer, held.data, held.len, last, &err);
        demand(settled >= 0 && (size_t)settled <= held.len &&
               (!last || (size_t)settled == held.len));
        demand(pp_buffer_append(&result->text, held.data, (size_t)settled, &err) == 0);
        held.len -= (size_t)settled;
        memmove(held.data, held.data + settled, held.len);
    }
}

static void done(struct result *result) {
    pp_buffer_done(&result->text);
    pp_buffer_done(&result->matches);
}

static bool same(const struct pp_buffer *one, const struct pp_buffer *other) {
    return one->len == other->len &&
           (one->len == 0 || memcmp(one->data, other->data, one->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static struct pp_matcher *matcher;
    PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
    PP_AUTO(done) struct result whole = {.text = PP_BUFFER_INIT, .matches = PP_BUFFER_INIT};
    PP_AUTO(done) struct result cut = {.text = PP_BUFFER_INIT, .matches = PP_BUFFER_INIT};
    PP_AUTO(done) struct result again = {.text = PP_BUFFER_INIT, .matches = PP_BUFFER_INIT};
    const char *guards[PP_ARRAY_LEN(patterns)];
    struct pp_err err = PP_ERR_INIT;

    if (matcher == NULL) {
        for (size_t i = 0; i < PP_ARRAY_LEN(patterns); i++)
            guards[i] = patterns[i].put;
        matcher =
            pp_matcher_new(patterns, PP_ARRAY_LEN(patterns), guards, PP_ARRAY_LEN(guards), &err);
        demand(matcher != NULL);
    }
    if (len == 0)
        return 0;
    demand(pp_buffer_reserve(&content, 1, &err) == 0);
    for (size_t i = 1; i < len && content.len < CONTENT_MAX; i++)
        append(&content, data[i]);
    replace(matcher, &content, 0, &whole);
    replace(matcher, &content, 1 + data[0], &cut);
    demand(whole.text.len == content.len);
    demand(same(&whole.text, &cut.text) && same(&whole.matches, &cut.matches));
    replace(matcher, &whole.text, 0, &again);
    demand(again.written == 0 && same(&whole.text, &again.text));
    return 0;
}
