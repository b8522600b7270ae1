#include "core/revalue.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "core/edited.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct revalue {
    struct pp_record *record;
    const struct pp_journal_rows *rows;
    uint32_t *sets; /* that rows were written with */
    size_t set_count;
    struct pp_edited edited;
};

static void revalue_done(struct revalue *revalue) {
    pp_edited_done(&revalue->edited);
    free(revalue->sets);
}

static int add_set(void *context, uint32_t set, struct pp_err *err) {
    struct revalue *revalue = context;
    uint32_t *sets = pp_array_resize(revalue->sets, revalue->set_count + 1, sizeof(*sets));

    if (sets == NULL)
        return pp_err_nomem(err);
    revalue->sets = sets;
    sets[revalue->set_count++] = set;
    return 0;
}

/* The sets other than the run's. */
static int find_sets(struct revalue *revalue, struct pp_err *err) {
    struct pp_record *record = revalue->record;
    size_t kept = 0;
    uint32_t own;
    int rc = pp_ledger_sets_used(pp_journal_ledger(record->journal), add_set, revalue, err);

    if (rc < 0 || revalue->set_count == 0)
        return rc;
    rc = pp_journal_set(record->journal, record->values, record->value_count, &own, err);
    for (size_t i = 0; i < revalue->set_count; i++)
        if (revalue->sets[i] != own)
            revalue->sets[kept++] = revalue->sets[i];
    revalue->set_count = kept;
    return rc;
}

/* Takes the results of files that are not as they were left: they are looked into afterwards. */
static bool take_edited(void *context, const struct pp_journal_result *result) {
    struct revalue *revalue = context;

    if (result->outcome != PP_JOURNAL_LEFT || result->err->kind != PP_ERR_CHANGED)
        return false;
    pp_edited_add(&revalue->edited, result->path, "");
    return true;
}

/* What a file is rewritten with. */
struct target {
    const struct pp_values *values;
    struct pp_policy policy;
};

/* The content for the target's values, from the bytes as shipped. */
static int rewrite_shipped(void *context, const char *path, int fd, uint64_t len,
                           struct pp_sink *out, struct pp_err *err) {
    const struct target *target = context;
    struct pp_policy policy = target->policy;
    struct pp_blob shipped = pp_blob_file(fd, 0, len);
    PP_AUTO_SOURCE struct pp_source *source = NULL;

    (void)path;
    if (pp_values_are_default(target->values)) {
        source = pp_source_from_blob(&shipped, err);
        return source == NULL ? -(int)err->kind : pp_sink_copy(out, source, err);
    }
    /* It was patched before: whatever its mode is now, it is content, and it was opened. */
    policy.decode = true;
    return pp_content_patch(&policy, &shipped, 0, out, err);
}

static int run(struct revalue *revalue, struct pp_tally *tally, struct pp_err *err) {
    struct pp_record *record = revalue->record;
    struct target target = {&record->session->values, record->session->policy};
    int rc = find_sets(revalue, err);

    if (rc < 0 || revalue->set_count == 0)
        return rc;
    record->take = take_edited;
    record->take_context = revalue;
    rc = pp_journal_revalue(record->journal, revalue->rows, 0, rewrite_shipped, &target, err);
    record->take = NULL;
    pp_record_take_tally(record, tally);
    return rc < 0 ? rc : pp_edited_patch(&revalue->edited, record, tally, err);
}

int pp_revalue_rows(struct pp_record *record, const struct pp_journal_rows *rows,
                    struct pp_tally *tally, struct pp_err *err) {
    PP_AUTO(revalue_done) struct revalue revalue = {.record = record, .rows = rows};

    return run(&revalue, tally, err);
}

int pp_revalue(struct pp_record *record, struct pp_tally *tally, struct pp_err *err) {
    return pp_revalue_rows(record, &(struct pp_journal_rows){.wants = NULL}, tally, err);
}

/* ---- back to a set ---- */

/* The values of a set as words of --set. */
struct words {
    const struct pp_table *table;
    const char *items[PP_PLACEHOLDER_MAX + 1];
    size_t count;
};

static void words_done(struct words *words) {
    for (size_t i = 0; i < words->count; i++)
        free((char *)words->items[i]);
}

static int add_word(void *context, const struct pp_ledger_value *value, struct pp_err *err) {
    struct words *words = context;
    char *word;

    if (pp_table_find(words->table, value->name) < 0 || words->count == PP_PLACEHOLDER_MAX)
        return 0;
    if (asprintf(&word, "%s=%s", value->name, value->value) < 0)
        return pp_err_nomem(err);
    words->items[words->count++] = word;
    return 0;
}

int pp_revalue_back(struct pp_record *record, const char *path, uint32_t set, struct pp_err *err) {
    struct pp_session *session = record->session;
    PP_AUTO(words_done) struct words words = {.table = &session->table};
    PP_AUTO_VALUES struct pp_values values = {.table = NULL};
    struct pp_value_sources sources = {.set = words.items, .any_bytes = true};
    struct pp_journal_rows rows = {.filter.under = path};
    struct target target = {&session->values, session->policy};
    struct pp_matcher *matcher = NULL;
    int rc = 1;

    if (set != 0)
        rc = pp_ledger_values(pp_journal_ledger(record->journal), set, add_word, &words, err);
    if (rc <= 0)
        return rc;
    if (set != 0) {
        if (pp_values_resolve(&values, &session->table, &sources, err) < 0)
            return -(int)err->kind;
        matcher = pp_values_matcher(&values, NULL, 0, err);
        if (matcher == NULL)
            return -(int)err->kind;
        target.values = &values;
        target.policy.matcher = matcher;
    }
    rc = pp_journal_revalue(record->journal, &rows, set, rewrite_shipped, &target, err);
    pp_matcher_free(matcher);
    return rc < 0 ? rc : 1;
}

int pp_revalue_add_was(struct pp_record *record, struct pp_older *older, struct pp_err *err) {
    const struct pp_session *session = record->session;
    struct pp_ledger_value values[PP_PLACEHOLDER_MAX];
    uint32_t set;
    int rc;

    if (session->options.was == NULL)
        return 0;
    for (size_t i = 0; i < session->table.count; i++)
        values[i] = (struct pp_ledger_value){.name = session->table.placeholders[i].name,
                                             .value = session->was.values[i].path};
    rc = pp_journal_set(record->journal, values, session->table.count, &set, err);
    return rc < 0 ? rc : pp_older_add_set(older, pp_journal_ledger(record->journal), set, err);
}

struct adding {
    struct pp_older *older;
    struct pp_ledger *ledger;
};

static int add_older_set(void *context, uint32_t set, struct pp_err *err) {
    const struct adding *adding = context;

    return pp_older_add_set(adding->older, adding->ledger, set, err);
}

int pp_revalue_add_older(struct pp_record *record, struct pp_older *older, struct pp_err *err) {
    struct adding adding = {older, pp_journal_ledger(record->journal)};
    int rc = pp_ledger_sets_used(adding.ledger, add_older_set, &adding, err);

    return rc < 0 ? rc : pp_revalue_add_was(record, older, err);
}
