/* STATE/pristine/<sha256>: shipped bytes of files that were rewritten. What compressed content was
 * cannot be told from what became of it. */
#ifndef PP_LEDGER_PRISTINE_H
#define PP_LEDGER_PRISTINE_H

#include "base/blob.h"
#include "base/digest.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/state.h"

#include <stdbool.h>

/* Keeps shipped bytes under their digest, which is set (`md5`: with MD5). They have that name only
 * when they are whole. `temporary`: a name that no other thread uses. `sync`: it is on the disk
 * when this returns; else that is the caller's. Threads may share the state. */
int pp_pristine_keep(const struct pp_state *state, const struct pp_blob *shipped,
                     const char *temporary, bool sync, bool md5, struct pp_digest *digest,
                     struct pp_err *err);

/* Opens shipped bytes for reading. Returns the fd. */
int pp_pristine_open(const struct pp_state *state, const uint8_t sha256[PP_SHA256_LEN],
                     struct pp_err *err);

/* Drops the shipped bytes that no row and no intent names. */
int pp_pristine_sweep(const struct pp_state *state, struct pp_ledger *ledger, struct pp_err *err);

#endif
