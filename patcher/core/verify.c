#include "core/verify.h"

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "content/content.h"
#include "journal/make.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct verify {
    struct pp_record *record;
    void (*tell)(void *context, const struct pp_verified *verified);
    void *context;
    struct pp_verify_tally *tally;
};

/* What could not be looked at is not gone. */
static enum pp_verify_state state_after(const struct pp_err *err) {
    if (err->kind == PP_ERR_REFUSED || err->sys == ENOENT || err->sys == ENOTDIR)
        return PP_VERIFY_GONE;
    return err->kind == PP_ERR_CHANGED ? PP_VERIFY_CHANGED : PP_VERIFY_UNREADABLE;
}

/* Nothing is told of what cannot be looked into any more. */
static void look_inside(const struct pp_record *record, const struct pp_place *place,
                        const struct stat *st, struct pp_findings *findings) {
    PP_AUTO_CLOSE int fd =
        openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_blob blob = pp_blob_file(fd, 0, (uint64_t)st->st_size);
    struct pp_err err = PP_ERR_INIT;

    if (fd < 0 ||
        pp_content_scan(&record->session->policy, &blob, st->st_mode & 07777, findings, &err) < 0)
        pp_findings_done(findings);
}

static enum pp_verify_state state_of(const struct pp_record *record,
                                     const struct pp_ledger_file *file,
                                     struct pp_findings *findings, struct pp_err *err) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_identity identity;
    struct pp_digest digest;
    struct stat st;
    int rc = pp_beneath_find(record->session->root, file->path, PP_BENEATH_STRICT, &place, err);

    if (rc >= 0 && fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        rc = pp_err_sys(err, "cannot look at it");
    if (rc < 0)
        return state_after(err);
    identity = pp_identity_of(&st);
    if (S_ISLNK(st.st_mode) != (file->kind == PP_LEDGER_SYMLINK))
        return PP_VERIFY_CHANGED;
    if (pp_make_digest(place.dir, place.name, &identity, false, &digest, err) < 0)
        return state_after(err);
    if (memcmp(digest.sha256, file->current.sha256, sizeof(digest.sha256)) == 0)
        return PP_VERIFY_PATCHED;
    if (S_ISREG(st.st_mode))
        look_inside(record, &place, &st, findings);
    if (memcmp(digest.sha256, file->shipped.sha256, sizeof(digest.sha256)) == 0)
        return PP_VERIFY_SHIPPED;
    return PP_VERIFY_CHANGED;
}

static int verify_file(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct verify *verify = context;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_err why = PP_ERR_INIT;
    enum pp_verify_state state = state_of(verify->record, file, &findings, &why);

    (void)err;
    verify->tally->counts[state]++;
    verify->tell(verify->context, &(struct pp_verified){.path = file->path,
                                                        .package = file->package,
                                                        .state = state,
                                                        .findings = &findings,
                                                        .why = &why});
    return 0;
}

int pp_verify(struct pp_record *record,
              void (*tell)(void *context, const struct pp_verified *verified), void *context,
              struct pp_verify_tally *tally, struct pp_err *err) {
    struct verify verify = {.record = record, .tell = tell, .context = context, .tally = tally};
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    int rc = pp_ledger_check(ledger, err);

    *tally = (struct pp_verify_tally){{0}};
    return rc < 0
               ? rc
               : pp_ledger_files(ledger, &(struct pp_ledger_filter){0}, verify_file, &verify, err);
}
