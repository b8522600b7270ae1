#include "core/record.h"

#include "base/cleanup.h"
#include "ledger/ledger.h"
#include "tree/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void pp_record_done(struct pp_record *record) {
    if (record->journal != NULL)
        pp_journal_close(record->journal);
    record->journal = NULL;
    pp_envfile_done(&record->kept);
    pp_buffer_done(&record->refused);
}

bool pp_record_has_refused(const struct pp_record *record, const char *path) {
    const char *paths = (const char *)record->refused.data;

    for (size_t at = 0; at < record->refused.len; at += strlen(paths + at) + 1)
        if (strcmp(paths + at, path) == 0)
            return true;
    return false;
}

void pp_record_take_tally(struct pp_record *record, struct pp_tally *tally) {
    pp_tally_add(tally, &record->tally);
    record->tally = (struct pp_tally){0};
}

/* Texts come from the table and checked values, never from a row. */
static int make_text(void *context, const char *name, const char *value, struct pp_buffer *text,
                     struct pp_err *err) {
    const struct pp_record *record = context;
    const struct pp_table *table = &record->session->table;
    int index = pp_table_find(table, name);

    if (index < 0)
        return pp_err_set(
            err, PP_ERR_REFUSED,
            "it was patched for %s, which the table '%s' does not have; use a table that does",
            name, table->name);
    if (value == NULL)
        return pp_buffer_append(text, table->placeholders[index].text,
                                table->placeholders[index].len, err);
    return pp_value_pad(&table->placeholders[index], value, text, err);
}

static void note_copy(const struct pp_record *record, const char *path) {
    const struct pp_reporter *reporter = record->options.reporter;
    struct pp_err note = PP_ERR_INIT;

    pp_err_set(&note, PP_ERR_UNSUPPORTED,
               "%s: hard links are refused here: it is a copy of the file that it was a name of",
               path);
    if (reporter->note != NULL)
        reporter->note(reporter->context, note.text);
}

static void on_result(void *context, const struct pp_journal_result *result) {
    struct pp_record *record = context;
    const struct pp_reporter *reporter = record->options.reporter;
    bool left = result->outcome == PP_JOURNAL_LEFT;
    struct pp_report report = {.path = result->path,
                               .outcome = left             ? PP_OUTCOME_LEFT
                                          : result->undone ? PP_OUTCOME_RESTORED
                                                           : PP_OUTCOME_PATCHED,
                               .err = result->err};

    if (result->copied)
        note_copy(record, result->path);
    if (record->take != NULL && record->take(record->take_context, result))
        return;
    /* Without memory it is told twice. */
    if (left && result->err->kind == PP_ERR_REFUSED)
        pp_buffer_append(&record->refused, result->path, strlen(result->path) + 1,
                         &(struct pp_err)PP_ERR_INIT);
    if (left)
        pp_tally_leave(&record->tally, result->err);
    else if (result->undone)
        record->tally.restored++;
    else
        record->tally.patched++;
    reporter->report(reporter->context, &report);
}

static void on_waiting(void *context, long pid) {
    struct pp_record *record = context;
    const struct pp_reporter *reporter = record->options.reporter;

    record->waited = true;
    if (reporter->waiting != NULL)
        reporter->waiting(reporter->context, pid);
}

static void run_parallel(void *context, size_t count, void (*job)(void *arg, size_t i), void *arg) {
    const struct pp_record *record = context;

    pp_helpers_each(&record->session->helpers, count, job, arg);
}

static void take_values(struct pp_record *record) {
    const struct pp_session *session = record->session;

    for (size_t i = 0; i < session->table.count; i++)
        record->values[i] = (struct pp_ledger_value){.name = session->table.placeholders[i].name,
                                                     .value = session->values.values[i].path};
}

/* Once, before the journal is opened: it counts the values. */
static int keep_values(struct pp_record *record, struct pp_err *err) {
    const struct pp_session *session = record->session;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < session->recorded.count; i++) {
        const struct pp_env_entry *entry = &session->recorded.entries[i];

        if (pp_table_find(&session->table, entry->key) < 0)
            rc = pp_buffer_printf(&text, err, "%s=%s\n", entry->key, entry->value);
    }
    if (rc >= 0 && text.len > 0)
        rc = pp_envfile_parse(&record->kept, (char *)text.data, err);
    record->value_count = session->table.count;
    for (size_t i = 0; i < record->kept.count && record->value_count < PP_PLACEHOLDER_MAX; i++)
        record->values[record->value_count++] =
            (struct pp_ledger_value){record->kept.entries[i].key, record->kept.entries[i].value};
    return rc < 0 ? rc : 0;
}

/* A reader would take half of what was begun for somebody's change. */
static int refuse_pending(const struct pp_record *record, struct pp_err *err) {
    int rc = pp_journal_recovery_pending(record->journal, err);

    if (rc <= 0)
        return rc;
    return pp_err_set(err, PP_ERR_CHANGED,
                      "%s: recovery pending: a run was interrupted; the next apply, restore or "
                      "dpkg run ends it",
                      record->session->state);
}

/* Where the answer is not to be had, it may be there. */
static bool has_dpkg(const struct pp_session *session) {
    struct stat st;

    return stat(session->admindir, &st) == 0 || errno != ENOENT;
}

int pp_record_open(struct pp_record *record, struct pp_session *session,
                   const struct pp_record_options *options, struct pp_err *err) {
    struct pp_journal_options journal = {
        .root = session->root,
        .root_path = session->root_path,
        .state_path = session->state,
        .durability = options->durability,
        .always_replace = options->always_replace,
        .dry_run = options->dry_run,
        .md5 = has_dpkg(session),
        .values = record->values,
        .text = make_text,
        .result = on_result,
        .waiting = on_waiting,
        .parallel = run_parallel,
        .context = record,
    };

    *record = (struct pp_record){.session = session, .options = *options};
    if (session->table_problem.kind != PP_ERR_NONE && options->reporter->note != NULL)
        options->reporter->note(options->reporter->context, session->table_problem.text);
    if (keep_values(record, err) < 0)
        return -(int)err->kind;
    journal.value_count = record->value_count;
    take_values(record);
    record->journal = pp_journal_open(&journal, err);
    if (record->journal == NULL && err->kind == PP_ERR_DAMAGED && options->renew_ledger) {
        const struct pp_reporter *reporter = options->reporter;

        if (reporter->note != NULL)
            reporter->note(reporter->context, err->text);
        pp_err_clear(err);
        journal.renew_ledger = true;
        record->journal = pp_journal_open(&journal, err);
    }
    if (record->journal == NULL || pp_session_refresh(session, err) < 0)
        return -(int)err->kind;
    take_values(record);
    return options->dry_run ? refuse_pending(record, err) : 0;
}
