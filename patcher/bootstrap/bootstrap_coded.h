/* How much there is in a compressed file, by what its format tells without decoding it. */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_CODED_H
#define PP_BOOTSTRAP_BOOTSTRAP_CODED_H

#include "base/blob.h"
#include "base/error.h"

#include <stdint.h>

/* Decoded bytes: of xz by its index, of zstd by the head of its first frame, of gzip by the end of
 * its last member (modulo 4 GiB). `len` is 0 where nothing is told, or the file is none of these or
 * damaged. An error is one of reading. */
int pp_bootstrap_coded_len(const struct pp_blob *blob, uint64_t *len, struct pp_err *err);

#endif
