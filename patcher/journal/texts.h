/* The texts of value sets: what stands in a file for a placeholder, before and after. */
#ifndef PP_JOURNAL_TEXTS_H
#define PP_JOURNAL_TEXTS_H

#include "base/buffer.h"
#include "base/error.h"
#include "ledger/hit.h"
#include "ledger/ledger.h"
#include "tree/inplace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_TEXT_WIDTH_COUNT 3 /* 1, 2 and 4 bytes a character */

/* A padded text in every width, from its first byte to its last that is not zero: the same for
 * both byte orders. */
struct pp_text {
    size_t len; /* characters */
    uint8_t *wide[PP_TEXT_WIDTH_COUNT];
};

struct pp_text_pair {
    char *name;
    struct pp_text placeholder;
    struct pp_text value;
};

struct pp_text_set {
    uint32_t number;
    size_t count;
    struct pp_text_pair *pairs; /* as the set counts its placeholders */
};

/* The sets that were asked for so far. */
struct pp_texts {
    struct pp_ledger *ledger; /* borrowed */
    /* pp_journal_options.text */
    int (*text)(void *context, const char *name, const char *value, struct pp_buffer *text,
                struct pp_err *err);
    void *context;
    struct pp_text_set **sets;
    size_t count;
};

void pp_texts_done(struct pp_texts *texts);

/* Reads a set from the ledger, unless it was read before; its values are checked by `text`. NULL
 * on failure. Borrowed, good until pp_texts_done(). */
const struct pp_text_set *pp_texts_load(struct pp_texts *texts, uint32_t number,
                                        struct pp_err *err);
/* A set that was loaded, else NULL. Threads may call this while nobody loads. */
const struct pp_text_set *pp_texts_find(const struct pp_texts *texts, uint32_t number);
/* Index of a name in a set, or its count. */
size_t pp_text_set_index(const struct pp_text_set *set, const char *name);

/* Do two sets give the same texts for these hits, and count them alike? */
bool pp_texts_same(const struct pp_text_set *left, const struct pp_text_set *right,
                   const struct pp_hit *hits, size_t hit_count);

/* Makes spans of the hits in a file. `undo`: from values to placeholders; else from what the hits
 * say to the values of `set`, which also counts their placeholders. `spans` and `shipped` (the
 * text of the placeholder for each) have room for all of them. Sets named by the hits are
 * loaded. */
int pp_texts_spans(const struct pp_texts *texts, const struct pp_text_set *set, bool undo,
                   const struct pp_hit *hits, size_t hit_count, struct pp_span *spans,
                   const uint8_t **shipped, struct pp_err *err);

#endif
