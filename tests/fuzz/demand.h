/* What must hold. */
#ifndef PP_FUZZ_DEMAND_H
#define PP_FUZZ_DEMAND_H

#include "base/error.h"

#include <stdbool.h>
#include <stdlib.h>

static inline void demand(bool holds) {
    if (!holds)
        abort();
}

/* A function has failed, and says why. */
static inline bool failed(int rc, const struct pp_err *err) {
    demand(rc >= 0 || (rc == -(int)err->kind && err->text[0] != '\0'));
    return rc < 0;
}

#endif
