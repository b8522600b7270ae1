/* SHA-256 of what passes by (nettle), and MD5 for dpkg, which records that. MD5 takes three times
 * as long: it is computed where it is asked for. */
#ifndef PP_BASE_DIGEST_H
#define PP_BASE_DIGEST_H

#include "base/error.h"
#include "base/source.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_SHA256_LEN ((size_t)32)
#define PP_MD5_LEN ((size_t)16)

struct pp_digest {
    uint8_t sha256[PP_SHA256_LEN];
    uint8_t md5[PP_MD5_LEN]; /* all zero: not known */
};

struct pp_digester {
    struct sha256_ctx sha256;
    struct md5_ctx md5;
    bool has_md5;
};

/* `md5`: of both, else of SHA-256 alone. */
void pp_digester_init(struct pp_digester *digester, bool md5);
void pp_digester_update(struct pp_digester *digester, const void *data, size_t len);
void pp_digester_final(struct pp_digester *digester, struct pp_digest *digest);

/* Digest of all that the source still gives. */
int pp_digest_source(struct pp_source *source, bool md5, struct pp_digest *digest,
                     struct pp_err *err);

bool pp_digest_has_md5(const struct pp_digest *digest);

/* Lower-case hex of `len` bytes; `text` has room for 2 × len + 1. */
void pp_hex(const uint8_t *bytes, size_t len, char *text);

#endif
