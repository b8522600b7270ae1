#include "values/older.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

void pp_older_done(struct pp_older *older) {
    for (size_t i = 0; i < older->count; i++)
        free(older->items[i].text);
    free(older->items);
    pp_matcher_free(older->forward);
    pp_matcher_free(older->back);
    *older = (struct pp_older)PP_OLDER_INIT(older->values);
}

static size_t stem_len(const char *text) {
    size_t len = strlen(text);

    while (len > 0 && text[len - 1] == '/')
        len--;
    return len;
}

static bool same_stem(const char *left, const char *right) {
    size_t len = stem_len(left);

    return len == stem_len(right) && memcmp(left, right, len) == 0;
}

static bool is_known(const struct pp_older *older, size_t placeholder, const char *text) {
    for (size_t i = 0; i < older->count; i++)
        if (older->items[i].placeholder == placeholder && strcmp(older->items[i].text, text) == 0)
            return true;
    return (!older->own && strcmp(text, older->values->values[placeholder].text) == 0) ||
           strcmp(text, older->values->table->placeholders[placeholder].text) == 0;
}

struct adding {
    struct pp_older *older;
    uint32_t set;
};

static int add_value(void *context, const struct pp_ledger_value *value, struct pp_err *err) {
    const struct adding *adding = context;
    struct pp_older *older = adding->older;
    const struct pp_table *table = older->values->table;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int index = pp_table_find(table, value->name);
    struct pp_older_text *items;

    if (index < 0)
        return 0;
    if (pp_value_pad(&table->placeholders[index], value->value, &text, err) < 0)
        return -(int)err->kind;
    if (is_known(older, (size_t)index, (const char *)text.data))
        return 0;
    items = pp_array_resize(older->items, older->count + 1, sizeof(*items));
    if (items == NULL)
        return pp_err_nomem(err);
    older->items = items;
    items[older->count++] = (struct pp_older_text){
        .text = (char *)text.data, .placeholder = (uint16_t)index, .set = adding->set};
    text = (struct pp_buffer)PP_BUFFER_INIT;
    return 0;
}

int pp_older_add_set(struct pp_older *older, struct pp_ledger *ledger, uint32_t set,
                     struct pp_err *err) {
    struct adding adding = {older, set};
    int rc = pp_ledger_values(ledger, set, add_value, &adding, err);

    return rc < 0 ? rc : 0;
}

/* What follows a text in a run of slashes cannot be told from its padding: texts of one stem are
 * taken for each other. */
static bool is_ambiguous(const struct pp_older *older, const struct pp_older_text *item) {
    const struct pp_table *table = older->values->table;

    for (size_t i = 0; i < older->count; i++)
        if (older->items[i].placeholder != item->placeholder &&
            same_stem(older->items[i].text, item->text))
            return true;
    for (size_t i = 0; i < table->count; i++)
        if (i != item->placeholder && (same_stem(table->placeholders[i].text, item->text) ||
                                       same_stem(older->values->values[i].text, item->text)))
            return true;
    return false;
}

static int make_matchers(struct pp_older *older, struct pp_pattern *patterns, const char **guards,
                         struct pp_err *err) {
    const struct pp_table *table = older->values->table;

    for (size_t i = 0; i < older->count; i++) {
        const struct pp_older_text *item = &older->items[i];

        patterns[i] = (struct pp_pattern){
            .find = item->text,
            .put = item->ambiguous ? NULL : table->placeholders[item->placeholder].text,
            .len = strlen(item->text)};
    }
    for (size_t i = 0; i < table->count; i++)
        guards[i] = table->placeholders[i].text;
    older->back = pp_matcher_new(patterns, older->count, guards, table->count, err);
    if (older->back == NULL)
        return -(int)err->kind;
    for (size_t i = 0; i < older->count; i++)
        if (patterns[i].put != NULL)
            patterns[i].put = older->values->values[older->items[i].placeholder].text;
    older->forward = pp_values_matcher(older->values, patterns, older->count, err);
    return older->forward == NULL ? -(int)err->kind : 0;
}

int pp_older_finish(struct pp_older *older, struct pp_err *err) {
    PP_AUTO_FREE struct pp_pattern *patterns = calloc(older->count + 1, sizeof(*patterns));
    const char *guards[PP_PLACEHOLDER_MAX];

    if (patterns == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < older->count; i++)
        older->items[i].ambiguous = is_ambiguous(older, &older->items[i]);
    return make_matchers(older, patterns, guards, err);
}
