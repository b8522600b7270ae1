#include "core/verify.h"

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/source.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct verify {
    struct pp_record *record;
    void (*tell)(void *context, const char *path, const char *package, enum pp_verify_state state);
    void *context;
    struct pp_verify_tally *tally;
};

static int digest_target(const struct pp_place *place, struct pp_digest *digest,
                         struct pp_err *err) {
    char target[PATH_MAX + 1];
    ssize_t len = readlinkat(place->dir, place->name, target, sizeof(target));
    struct pp_digester digester;

    if (len < 0)
        return pp_err_sys(err, "cannot read the symlink");
    pp_digester_init(&digester);
    pp_digester_update(&digester, target, (size_t)len);
    pp_digester_final(&digester, digest);
    return 0;
}

static int digest_file(const struct pp_place *place, struct pp_digest *digest, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    PP_AUTO_SOURCE struct pp_source *source = NULL;
    struct pp_blob blob;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot open");
    blob = pp_blob_file(fd, 0, (uint64_t)st.st_size);
    source = pp_source_from_blob(&blob, err);
    return source == NULL ? -(int)err->kind : pp_digest_source(source, digest, err);
}

static enum pp_verify_state state_of(const struct pp_record *record,
                                     const struct pp_ledger_file *file) {
    PP_AUTO_PLACE struct pp_place place = PP_PLACE_INIT;
    struct pp_err err = PP_ERR_INIT;
    struct pp_digest digest;
    struct stat st;

    if (pp_beneath_find(record->session->root, file->path, PP_BENEATH_STRICT, &place, &err) < 0 ||
        fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return PP_VERIFY_GONE;
    if (S_ISLNK(st.st_mode) != (file->kind == PP_LEDGER_SYMLINK) ||
        (S_ISLNK(st.st_mode) ? digest_target(&place, &digest, &err)
                             : digest_file(&place, &digest, &err)) < 0)
        return PP_VERIFY_CHANGED;
    if (memcmp(digest.sha256, file->current.sha256, sizeof(digest.sha256)) == 0)
        return PP_VERIFY_PATCHED;
    if (memcmp(digest.sha256, file->shipped.sha256, sizeof(digest.sha256)) == 0)
        return PP_VERIFY_SHIPPED;
    return PP_VERIFY_CHANGED;
}

static int verify_file(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    struct verify *verify = context;
    enum pp_verify_state state = state_of(verify->record, file);

    (void)err;
    verify->tally->counts[state]++;
    verify->tell(verify->context, file->path, file->package, state);
    return 0;
}

int pp_verify(struct pp_record *record,
              void (*tell)(void *context, const char *path, const char *package,
                           enum pp_verify_state state),
              void *context, struct pp_verify_tally *tally, struct pp_err *err) {
    struct verify verify = {.record = record, .tell = tell, .context = context, .tally = tally};

    *tally = (struct pp_verify_tally){{0}};
    return pp_ledger_files(pp_journal_ledger(record->journal), &(struct pp_ledger_filter){0},
                           verify_file, &verify, err);
}
