#include "bootstrap/bootstrap_record.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "core/record_hits.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void pp_bootstrap_record_done(struct pp_bootstrap_record *record) {
    pp_ledger_close(record->ledger);
    pp_state_done(&record->state);
    pp_place_done(&record->place);
    *record = (struct pp_bootstrap_record)PP_BOOTSTRAP_RECORD_INIT;
}

static int add_set(struct pp_bootstrap_record *record, struct pp_err *err) {
    const struct pp_table *table = &record->session->table;
    struct pp_ledger_value values[PP_PLACEHOLDER_MAX];

    for (size_t i = 0; i < table->count; i++)
        values[i] = (struct pp_ledger_value){.name = table->placeholders[i].name,
                                             .value = record->session->values.values[i].path};
    return pp_ledger_set(record->ledger, values, table->count, &record->set, err);
}

int pp_bootstrap_record_open(struct pp_bootstrap_record *record, const struct pp_session *session,
                             const struct pp_bootstrap_dest *dest, bool each, struct pp_err *err) {
    PP_AUTO_FREE char *path = NULL;
    int rc;

    *record = (struct pp_bootstrap_record)PP_BOOTSTRAP_RECORD_INIT;
    record->session = session;
    record->dest = dest;
    record->each = each;
    if (asprintf(&path, "%s/" PP_BOOTSTRAP_STAGING "/%s", dest->work.path, dest->state) < 0) {
        path = NULL;
        return pp_err_nomem(err);
    }
    rc = pp_state_open(&record->state, path, false, NULL, NULL, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return pp_err_set(err, PP_ERR_CHANGED, "%s: somebody removed it", path);
    record->ledger = pp_ledger_open(&record->state, each, err);
    if (record->ledger == NULL)
        return -(int)err->kind;
    rc = pp_ledger_begin(record->ledger, err);
    return rc < 0 ? rc : add_set(record, err);
}

int pp_bootstrap_record_path(const struct pp_bootstrap_record *record, const char *path,
                             struct pp_buffer *row, struct pp_err *err) {
    row->len = 0;
    return pp_buffer_printf(row, err, "%s/%s", record->dest->relative, path);
}

static int put_row(struct pp_bootstrap_record *record, const struct pp_bootstrap_item *item,
                   const struct stat *st, const struct pp_record_hits *hits, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer packed = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer members = PP_BUFFER_INIT;
    struct pp_ledger_file file = {.package = "",
                                  .kind = item->kind == PP_BOOTSTRAP_SYMLINK ? PP_LEDGER_SYMLINK
                                          : item->rewritten                  ? PP_LEDGER_REWRITTEN
                                                                             : PP_LEDGER_PLAIN,
                                  .size = item->size,
                                  .mtime = st->st_mtim,
                                  .shipped = item->shipped,
                                  .current = item->current,
                                  .set = record->set};
    int rc = pp_bootstrap_record_path(record, item->path, &path, err);

    if (rc >= 0)
        rc = pp_hits_pack(hits->items, hits->count, &packed, err);
    for (size_t i = 0; rc >= 0 && i < hits->member_count; i++)
        rc = pp_buffer_append(&members, hits->members[i], strlen(hits->members[i]) + 1, err);
    if (rc < 0)
        return rc;
    file.path = (const char *)path.data;
    file.hits = packed.data;
    file.hits_len = packed.len;
    file.members = (const char *)members.data;
    file.members_len = members.len;
    return pp_ledger_put(record->ledger, &file, err);
}

int pp_bootstrap_record_item(struct pp_bootstrap_record *record,
                             const struct pp_bootstrap_stage *stage,
                             const struct pp_bootstrap_item *item, struct pp_err *err) {
    PP_AUTO_RECORD_HITS struct pp_record_hits hits = PP_RECORD_HITS_INIT;
    struct stat st;
    int rc = pp_record_hits_take(&hits, &item->findings, err);

    if (rc >= 0)
        rc = pp_beneath_find(stage->dir, item->path, PP_BENEATH_STRICT, &record->place, err);
    if (rc < 0)
        return rc;
    if (fstatat(record->place.dir, record->place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "%s: cannot look at it", item->path);
    return put_row(record, item, &st, &hits, err);
}

int pp_bootstrap_record_link(struct pp_bootstrap_record *record,
                             const struct pp_bootstrap_item *item, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer from = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer to = PP_BUFFER_INIT;
    int rc = pp_bootstrap_record_path(record, item->target, &from, err);

    if (rc >= 0)
        rc = pp_bootstrap_record_path(record, item->path, &to, err);
    return rc < 0 ? rc
                  : pp_ledger_copy(record->ledger, (const char *)from.data, (const char *)to.data,
                                   err);
}

/* An env-file: the first variable of every placeholder that has one, and whom the hook tells. A
 * volatile value would soon be wrong. */
static int write_environment(struct pp_bootstrap_record *record, const char *hook_environment,
                             struct pp_err *err) {
    const struct pp_table *table = &record->session->table;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_CLOSE int fd = -1;
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < table->count; i++) {
        const char *names = table->placeholders[i].env;

        if (names[0] != '\0' && !table->placeholders[i].is_volatile)
            rc = pp_buffer_printf(&text, err, "%.*s=%s\n", (int)strcspn(names, " "), names,
                                  record->session->values.values[i].path);
    }
    if (rc >= 0)
        rc = pp_buffer_append(&text, hook_environment, strlen(hook_environment), err);
    if (rc < 0)
        return rc;
    fd = openat(record->state.dir, PP_STATE_ENVIRONMENT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                0600);
    if (fd < 0)
        return pp_err_sys(err, PP_STATE_ENVIRONMENT ": cannot create it");
    rc = pp_io_write(fd, text.data, text.len, err);
    if (rc >= 0 && record->each && fdatasync(fd) < 0)
        rc = pp_err_sys(err, PP_STATE_ENVIRONMENT ": cannot get it onto the disk");
    return rc;
}

static int write_values(struct pp_bootstrap_record *record, struct pp_err *err) {
    const struct pp_table *table = &record->session->table;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < table->count; i++)
        rc = pp_buffer_printf(&text, err, "%s=%s\n", table->placeholders[i].name,
                              record->session->values.values[i].path);
    return rc < 0 ? rc : pp_state_write_values(&record->state, &text, record->each, err);
}

int pp_bootstrap_record_finish(struct pp_bootstrap_record *record, const char *hook_environment,
                               struct pp_err *err) {
    int rc = write_values(record, err);

    if (rc >= 0)
        rc = write_environment(record, hook_environment, err);
    if (rc >= 0)
        rc = pp_ledger_commit(record->ledger, err);
    /* Closing brings the log into the database, and removes it. */
    if (rc >= 0)
        pp_bootstrap_record_done(record);
    return rc;
}
