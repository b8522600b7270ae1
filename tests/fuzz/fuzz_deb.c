/* pathpatch deb --relocate: a package is either written or refused with a reason; what was written
 * is a package again, in which there is nothing left to move. */
#include "base/cleanup.h"
#include "base/spool.h"
#include "deb/deb_values.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void demand(bool holds) {
    if (!holds)
        abort();
}

static void drop(void *context, const struct pp_report *report) {
    (void)context;
    (void)report;
}

static const struct pp_reporter reporter = {.report = drop};

/* Returns whether the package was written. */
static bool write_deb(struct pp_session *session, const struct pp_blob *in, struct pp_sink *out,
                      struct pp_tally *tally) {
    const struct pp_deb_options options = {.name = "x", .relocate = true, .reporter = &reporter};
    struct pp_err err = PP_ERR_INIT;
    int rc = pp_deb_values(session, &options, in, out, tally, &err);

    demand(rc >= 0 || (rc == -(int)err.kind && err.text[0] != '\0'));
    demand(rc >= 0 || err.kind == PP_ERR_DAMAGED || err.kind == PP_ERR_UNSUPPORTED ||
           err.kind == PP_ERR_LIMIT);
    demand(session->budget.taken_len == 0);
    return rc >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const char *const set[] = {"TERMUX_APP__DATA_DIR=/data/user/10/org.example", NULL};
    static struct pp_session session = {.root = -1};
    static bool open;
    PP_AUTO_SPOOL struct pp_spool written;
    struct pp_blob in = pp_blob_memory(data, len);
    struct pp_tally tally = {0};
    struct pp_tally again = {0};

    if (!open) {
        struct pp_session_options options = PP_SESSION_OPTIONS_INIT;
        struct pp_err err = PP_ERR_INIT;

        options.set = set;
        options.fresh = true;
        options.environment = PP_ENVIRONMENT_IGNORED;
        demand(pp_session_open(&session, &options, &err) >= 0);
        open = true;
    }
    pp_spool_init(&written);
    if (!write_deb(&session, &in, &written.sink, &tally))
        return 0;
    in = pp_spool_blob(&written);
    demand(write_deb(&session, &in, NULL, &again));
    demand(again.files == tally.files);
    demand(again.patched == 0);
    return 0;
}
