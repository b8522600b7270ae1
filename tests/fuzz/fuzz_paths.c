/* The matcher as lint has it, with plain paths beside padded ones and both in pieces: any cut of
 * the content gives the same matches. Byte 0 tells how the content is cut; the others are bytes of
 * it, or stand for the words that matter. */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "stream/replacer.h"

#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX ((size_t)1 << 12)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct pp_pattern patterns[] = {
    {.find = "/d/a.b/////////", .put = "/d/a.b/////////", .len = 15},
    {.find = "/d/a.b/usr////////////", .put = "/d/a.b/usr////////////", .len = 22},
    {.find = "/d/a.b", .put = "/d/a.b", .len = 6, .is_path = true},
    {.find = "/d/a.b/usr", .put = "/d/a.b/usr", .len = 10, .is_path = true},
};

static const char *const words[] = {
    "/",       "////////", "/d",    "/a.b",   "/usr",  "%2F", "&#x2F;",
    "\\u002f", "=2F",      "\\",    "\\\n ",  "=\r\n", "-\n", "\xe2\x80\x90\n",
    "\n",      "<wbr>",    "&shy;", "\xad\n", "\\:",   "\\-", "x",
    "~",       " ",        "\\\\/",
};

static void demand(bool holds) {
    if (!holds)
        abort();
}

static void append(struct pp_buffer *content, uint8_t byte) {
    struct pp_err err = PP_ERR_INIT;
    const char *word = words[(byte & 0x7f) % PP_ARRAY_LEN(words)];

    if (byte < 0x80)
        demand(pp_buffer_append(content, &byte, 1, &err) == 0);
    else
        demand(pp_buffer_append(content, word, strlen(word), &err) == 0);
}

static int on_match(void *user, const struct pp_match *match, uint64_t offset, bool written,
                    struct pp_err *err) {
    const uint64_t kept[] = {match->pattern, match->encoding, match->broken, offset,
                             match->end - match->first};

    demand(!written || !match->broken);
    demand(match->first < match->end && match->end <= match->len);
    return pp_buffer_append(user, kept, sizeof(kept), err);
}

/* `cut`: how many bytes come at once, changed after each. 0: all. */
static void find(const struct pp_matcher *matcher, const struct pp_buffer *content, size_t cut,
                 struct pp_buffer *matches) {
    struct pp_replacer replacer = {.matcher = matcher, .on_match = on_match, .user = matches};
    struct pp_err err = PP_ERR_INIT;
    size_t from = 0;
    size_t to = 0;

    do {
        size_t count = cut == 0 ? content->len : 1 + (cut * 7 + to * 13) % cut;
        ssize_t settled;
        /* Of the length that is at hand, so that reading past it is seen. */
        PP_AUTO_BUFFER struct pp_buffer held = PP_BUFFER_INIT;

        to = count > content->len - to ? content->len : to + count;
        demand(pp_buffer_append(&held, content->data + from, to - from, &err) == 0);
        settled = pp_replacer_edit(&replacer, held.data, held.len, to == content->len, &err);
        demand(settled >= 0 && (size_t)settled <= held.len);
        from += (size_t)settled;
    } while (to < content->len);
    demand(from == content->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static struct pp_matcher *matcher;
    PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer whole = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer cut = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;

    if (matcher == NULL)
        matcher = pp_matcher_new(patterns, PP_ARRAY_LEN(patterns), NULL, 0, &err);
    demand(matcher != NULL);
    if (len == 0)
        return 0;
    demand(pp_buffer_reserve(&content, 1, &err) == 0);
    for (size_t i = 1; i < len && content.len < CONTENT_MAX; i++)
        append(&content, data[i]);
    find(matcher, &content, 0, &whole);
    find(matcher, &content, 1 + data[0], &cut);
    demand(whole.len == cut.len &&
           (whole.len == 0 || memcmp(whole.data, cut.data, whole.len) == 0));
    return 0;
}
