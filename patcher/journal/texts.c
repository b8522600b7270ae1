#include "journal/texts.h"

#include "stream/matcher.h"

#include <stdlib.h>
#include <string.h>

static void text_done(struct pp_text *text) {
    for (size_t i = 0; i < PP_TEXT_WIDTH_COUNT; i++)
        free(text->wide[i]);
}

static size_t wide_len(size_t len, size_t width) {
    return (len - 1) * width + 1;
}

static int text_init(struct pp_text *text, const struct pp_buffer *from, struct pp_err *err) {
    if (from->len == 0 || wide_len(from->len, 4) > PP_SPAN_LEN_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "a padded text of %zu bytes", from->len);
    text->len = from->len;
    for (size_t i = 0; i < PP_TEXT_WIDTH_COUNT; i++) {
        size_t width = (size_t)1 << i;

        text->wide[i] = calloc(1, wide_len(from->len, width));
        if (text->wide[i] == NULL)
            return pp_err_nomem(err);
        for (size_t k = 0; k < from->len; k++)
            text->wide[i][k * width] = from->data[k];
    }
    return 0;
}

static void set_free(struct pp_text_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        free(set->pairs[i].name);
        text_done(&set->pairs[i].placeholder);
        text_done(&set->pairs[i].value);
    }
    free(set->pairs);
    free(set);
}

void pp_texts_done(struct pp_texts *texts) {
    for (size_t i = 0; i < texts->count; i++)
        set_free(texts->sets[i]);
    free(texts->sets);
    texts->sets = NULL;
    texts->count = 0;
}

struct loading {
    struct pp_texts *texts;
    struct pp_text_set *set;
};

static int load_pair(void *context, const struct pp_ledger_value *value, struct pp_err *err) {
    struct loading *loading = context;
    struct pp_texts *texts = loading->texts;
    struct pp_text_set *set = loading->set;
    PP_AUTO_BUFFER struct pp_buffer placeholder = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer padded = PP_BUFFER_INIT;
    struct pp_text_pair *pairs = realloc(set->pairs, (set->count + 1) * sizeof(*pairs));
    struct pp_err refused = PP_ERR_INIT;
    struct pp_text_pair *pair;
    int rc;

    if (pairs == NULL)
        return pp_err_nomem(err);
    set->pairs = pairs;
    pair = &pairs[set->count++];
    *pair = (struct pp_text_pair){.name = strdup(value->name)};
    if (pair->name == NULL)
        return pp_err_nomem(err);
    rc = texts->text(texts->context, value->name, NULL, &placeholder, &refused);
    if (rc >= 0)
        rc = texts->text(texts->context, value->name, value->value, &padded, &refused);
    /* A table may be gone, and what it had in the set with it: that concerns only its own hits. */
    if (rc < 0 && refused.kind == PP_ERR_REFUSED)
        return 0;
    if (rc < 0)
        *err = refused;
    if (rc >= 0 && placeholder.len != padded.len)
        rc =
            pp_err_set(err, PP_ERR_REFUSED, "%s: the padded value has another length", value->name);
    if (rc >= 0)
        rc = text_init(&pair->placeholder, &placeholder, err);
    return rc < 0 ? rc : text_init(&pair->value, &padded, err);
}

const struct pp_text_set *pp_texts_find(const struct pp_texts *texts, uint32_t number) {
    for (size_t i = 0; i < texts->count; i++)
        if (texts->sets[i]->number == number)
            return texts->sets[i];
    return NULL;
}

const struct pp_text_set *pp_texts_load(struct pp_texts *texts, uint32_t number,
                                        struct pp_err *err) {
    const struct pp_text_set *found = pp_texts_find(texts, number);
    struct loading loading = {.texts = texts};
    struct pp_text_set **sets;
    int rc;

    if (found != NULL)
        return found;
    sets = realloc(texts->sets, (texts->count + 1) * sizeof(struct pp_text_set *));
    if (sets != NULL)
        texts->sets = sets;
    loading.set = sets != NULL ? calloc(1, sizeof(*loading.set)) : NULL;
    if (loading.set == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    loading.set->number = number;
    rc = pp_ledger_values(texts->ledger, number, load_pair, &loading, err);
    if (rc < 0) {
        set_free(loading.set);
        return NULL;
    }
    sets[texts->count++] = loading.set;
    return loading.set;
}

size_t pp_text_set_index(const struct pp_text_set *set, const char *name) {
    size_t i = 0;

    while (i < set->count && strcmp(set->pairs[i].name, name) != 0)
        i++;
    return i;
}

/* The text that a hit says stands there. */
static int old_text(const struct pp_texts *texts, const struct pp_text_pair *pair, uint32_t was,
                    const struct pp_text **text, struct pp_err *err) {
    const struct pp_text_set *set;
    size_t i;

    if (was == 0) {
        *text = &pair->placeholder;
        return 0;
    }
    set = pp_texts_find(texts, was);
    i = set != NULL ? pp_text_set_index(set, pair->name) : 0;
    if (set == NULL || i == set->count)
        return pp_err_set(err, PP_ERR_USAGE, "%s has no value in value set %u", pair->name,
                          (unsigned)was);
    *text = &set->pairs[i].value;
    if ((*text)->len != pair->placeholder.len)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "%s had another length before", pair->name);
    return 0;
}

static bool same_pair(const struct pp_text_pair *left, const struct pp_text_pair *right) {
    return strcmp(left->name, right->name) == 0 && left->value.len == right->value.len &&
           memcmp(left->value.wide[0], right->value.wide[0], left->value.len) == 0;
}

bool pp_texts_same(const struct pp_text_set *left, const struct pp_text_set *right,
                   const struct pp_hit *hits, size_t hit_count) {
    for (size_t i = 0; i < hit_count; i++) {
        size_t index = hits[i].placeholder;

        if (index >= left->count || index >= right->count ||
            !same_pair(&left->pairs[index], &right->pairs[index]))
            return false;
    }
    return true;
}

int pp_texts_spans(const struct pp_texts *texts, const struct pp_text_set *set, bool undo,
                   const struct pp_hit *hits, size_t hit_count, struct pp_span *spans,
                   const uint8_t **shipped, struct pp_err *err) {
    uint64_t end = 0;

    for (size_t i = 0; i < hit_count; i++) {
        const struct pp_hit *hit = &hits[i];
        const struct pp_text_pair *pair;
        const struct pp_text *old, *put;
        enum pp_encoding encoding = (enum pp_encoding)hit->encoding;
        size_t width = hit->encoding <= PP_ENCODING_UTF32BE ? pp_encoding_width(encoding) : 0;
        size_t wide = width / 2; /* 1, 2, 4: index 0, 1, 2 */

        if (hit->placeholder >= set->count || width == 0)
            return pp_err_set(err, PP_ERR_DAMAGED, "a recorded hit makes no sense");
        pair = &set->pairs[hit->placeholder];
        if (pair->placeholder.len == 0)
            return pp_err_set(err, PP_ERR_REFUSED,
                              "it was patched for %s, which no table here has, or whose value is "
                              "refused; use a table that has it",
                              pair->name);
        old = &pair->value;
        put = undo ? &pair->placeholder : &pair->value;
        if (!undo) {
            int rc = old_text(texts, pair, hit->was, &old, err);

            if (rc < 0)
                return rc;
        }
        spans[i].offset = hit->offset;
        if (encoding == PP_ENCODING_UTF16BE || encoding == PP_ENCODING_UTF32BE)
            spans[i].offset += width - 1;
        spans[i].len = wide_len(pair->placeholder.len, width);
        spans[i].old = old->wide[wide];
        spans[i].put = put->wide[wide];
        shipped[i] = pair->placeholder.wide[wide];
        if (spans[i].offset < end || spans[i].offset > INT64_MAX - PP_SPAN_LEN_MAX)
            return pp_err_set(err, PP_ERR_DAMAGED, "recorded hits overlap");
        end = spans[i].offset + spans[i].len;
    }
    return 0;
}
