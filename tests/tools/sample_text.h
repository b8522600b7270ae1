/* Text with placeholders for tests of codecs: always the same for the same seed (not 0). */
#ifndef TESTS_TOOLS_SAMPLE_TEXT_H
#define TESTS_TOOLS_SAMPLE_TEXT_H

#include "base/buffer.h"

#include <assert.h>
#include <string.h>

#define SAMPLE_PLACEHOLDER_LEN 89
#define SAMPLE_DEFAULT "/data/data/com.termux/files/usr"
#define SAMPLE_VALUE "/data/user/10/com.termux/files/usr"

static inline uint32_t sample_random(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static inline void sample_append(struct pp_buffer *text, const void *data, size_t len) {
    struct pp_err err;
    int rc = pp_buffer_append(text, data, len, &err);

    assert(rc == 0);
    (void)rc;
}

static inline void sample_fill(struct pp_buffer *text, char byte, size_t len) {
    struct pp_err err;
    int rc = pp_buffer_reserve(text, len, &err);

    assert(rc == 0);
    (void)rc;
    memset(text->data + text->len, byte, len);
    text->len += len;
}

static inline void sample_padded(char placeholder[SAMPLE_PLACEHOLDER_LEN], const char *path) {
    memset(placeholder, '/', SAMPLE_PLACEHOLDER_LEN);
    memcpy(placeholder, path, strlen(path));
}

/* Words, and a placeholder now and then: one in `rarity` words. */
static inline void sample_words(struct pp_buffer *text, size_t len, unsigned rarity,
                                uint32_t seed) {
    static const char *const words[] = {
        "configure ", "the ", "prefix", "=",    "install\n", "/share/man/", "/lib", "com.termux",
        "files/usr",  "----", "/data/", "user", "\n\n",      "of ",         "////", "zip"};
    char placeholder[SAMPLE_PLACEHOLDER_LEN];

    sample_padded(placeholder, SAMPLE_DEFAULT);
    while (text->len < len) {
        uint32_t number = sample_random(&seed);
        const char *word = words[number % (sizeof(words) / sizeof(*words))];

        if (number / 16 % rarity == 0)
            sample_append(text, placeholder, sizeof(placeholder));
        else
            sample_append(text, word, strlen(word));
    }
}

static inline void sample_noise(struct pp_buffer *text, size_t len, uint32_t seed) {
    while (text->len < len) {
        uint8_t byte = (uint8_t)sample_random(&seed);

        sample_append(text, &byte, 1);
    }
}

/* Writes the value over every placeholder. Returns how many there were. */
static inline size_t sample_patch(struct pp_buffer *text) {
    char from[SAMPLE_PLACEHOLDER_LEN];
    char to[SAMPLE_PLACEHOLDER_LEN];
    size_t count = 0;

    sample_padded(from, SAMPLE_DEFAULT);
    sample_padded(to, SAMPLE_VALUE);
    for (size_t at = 0; at + sizeof(from) <= text->len; at++) {
        if (memcmp(text->data + at, from, sizeof(from)) != 0)
            continue;
        memcpy(text->data + at, to, sizeof(to));
        count++;
    }
    return count;
}

/* Replaces all `from` by `to`, of any length. */
static inline void sample_replace(struct pp_buffer *text, const char *from, const char *to) {
    struct pp_buffer old = *text;
    size_t at = 0;

    *text = (struct pp_buffer)PP_BUFFER_INIT;
    while (at < old.len) {
        const uint8_t *hit = memmem(old.data + at, old.len - at, from, strlen(from));
        size_t end = hit == NULL ? old.len : (size_t)(hit - old.data);

        sample_append(text, old.data + at, end - at);
        if (hit != NULL)
            sample_append(text, to, strlen(to));
        at = hit == NULL ? end : end + strlen(from);
    }
    pp_buffer_done(&old);
}

#endif
