/* Verify: is every patched file still as it was left? */
#ifndef PP_CORE_VERIFY_H
#define PP_CORE_VERIFY_H

#include "base/error.h"
#include "content/findings.h"
#include "core/record.h"

#include <stdint.h>

enum pp_verify_state {
    PP_VERIFY_PATCHED, /* as we left it */
    PP_VERIFY_SHIPPED, /* as it was before, with its placeholders */
    PP_VERIFY_CHANGED, /* somebody changed it since */
    PP_VERIFY_GONE,
    PP_VERIFY_UNREADABLE, /* it cannot be known */
};

struct pp_verify_tally {
    uint64_t counts[PP_VERIFY_UNREADABLE + 1]; /* by state */
};

/* Of one file; all is borrowed. */
struct pp_verified {
    const char *path;
    const char *package;
    enum pp_verify_state state;
    const struct pp_findings *findings; /* placeholders that stand in it; of SHIPPED and CHANGED */
    const struct pp_err *why;           /* of UNREADABLE */
};

/* Reads every file of the ledger and tells its state, by path. */
int pp_verify(struct pp_record *record,
              void (*tell)(void *context, const struct pp_verified *verified), void *context,
              struct pp_verify_tally *tally, struct pp_err *err);

#endif
