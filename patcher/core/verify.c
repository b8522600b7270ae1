#include "core/verify.h"

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "journal/make.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct verify {
    struct pp_record *record;
    void (*tell)(void *context, const char *path, const char *package, enum pp_verify_state state,
                 const struct pp_err *why);
    void *context;
    struct pp_verify_tally *tally;
};

/* What could not be looked at is not gone. */
static enum pp_verify_state state_after(const struct pp_err *err) {
    if (err->kind == PP_ERR_REFUSED || err->sys == ENOENT || err->sys == ENOTDIR)
        return PP_VERIFY_GONE;
    return err->kind == PP_ERR_CHANGED ? PP_VERIFY_CHANGED : PP_VERIFY_UNREADABLE;
}

static enum pp_verify_state state_of(const struct pp_record *record,
                                     const struct pp_ledger_file *file, struct pp_err *err) {
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
    if (pp_make_digest(place.dir, place.name, &identity, &digest, err) < 0)
        return state_after(err);
    if (memcmp(digest.sha256, file->current.sha256, sizeof(digest.sha256)) == 0)
        return PP_VERIFY_PATCHED;
    if (memcmp(digest.sha256, file->shipped.sha256, sizeof(digest.sha256)) == 0)
        return PP_VERIFY_SHIPPED;
    return PP_VERIFY_CHANGED;
}

static int verify_file(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct verify *verify = context;
    struct pp_err why = PP_ERR_INIT;
    enum pp_verify_state state = state_of(verify->record, file, &why);

    (void)err;
    verify->tally->counts[state]++;
    verify->tell(verify->context, file->path, file->package, state, &why);
    return 0;
}

int pp_verify(struct pp_record *record,
              void (*tell)(void *context, const char *path, const char *package,
                           enum pp_verify_state state, const struct pp_err *why),
              void *context, struct pp_verify_tally *tally, struct pp_err *err) {
    struct verify verify = {.record = record, .tell = tell, .context = context, .tally = tally};
    struct pp_ledger *ledger = pp_journal_ledger(record->journal);
    int rc = pp_ledger_check(ledger, err);

    *tally = (struct pp_verify_tally){{0}};
    return rc < 0
               ? rc
               : pp_ledger_files(ledger, &(struct pp_ledger_filter){0}, verify_file, &verify, err);
}
