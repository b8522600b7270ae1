/* What was found in a file, as the ledger records it. */
#ifndef PP_CORE_RECORD_HITS_H
#define PP_CORE_RECORD_HITS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "content/findings.h"
#include "ledger/hit.h"

#include <stddef.h>

struct pp_record_hits {
    struct pp_hit *items; /* sorted by member, then offset */
    size_t count;
    const char **members; /* names that the hits' `member` counts from 1; of the findings */
    size_t member_count;
};

#define PP_RECORD_HITS_INIT                                                                        \
    { .items = NULL, .members = NULL }
#define PP_AUTO_RECORD_HITS PP_AUTO(pp_record_hits_done)

/* Takes the hits that are to be patched. The findings are borrowed. */
int pp_record_hits_take(struct pp_record_hits *hits, const struct pp_findings *findings,
                        struct pp_err *err);
void pp_record_hits_done(struct pp_record_hits *hits);

#endif
