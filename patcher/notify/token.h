/* The token: a secret that patcher and app share, for where a uid proves nothing.
 *
 * The proofs are HMAC-SHA256 as 64 lower-case hex digits, over text:
 *
 *     server's proof   "PP1-S\n" name "\n" cn "\n" sn
 *     client's line    "PP1-C\n" name "\n" cn sn "\n" json
 *     server's answer  "PP1-A\n" name "\n" cn sn "\n" sha256(client's json) "\n" json
 *
 * cn and sn are nonces of client and server, they and the SHA-256 as lower-case hex text.
 */
#ifndef PP_NOTIFY_TOKEN_H
#define PP_NOTIFY_TOKEN_H

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_TOKEN_MIN 32
#define PP_TOKEN_MAX 4096
/* Hex digits of a nonce, of a proof. */
#define PP_PROOF_LEN (2 * PP_SHA256_LEN)

struct pp_token {
    uint8_t key[PP_TOKEN_MAX + 1];
    size_t len;
};

/* Read a token; one LF at its end is not part of it. A file must be ours and closed to others.
 * The descriptor is borrowed, and read to its end. Everything wrong is PP_ERR_ADDRESS. */
int pp_token_read_file(struct pp_token *token, const char *path, struct pp_err *err);
int pp_token_read_fd(struct pp_token *token, int fd, struct pp_err *err);
/* Forgets it. */
void pp_token_wipe(struct pp_token *token);

/* What the proofs of one connection are made with. */
struct pp_handshake {
    const struct pp_token *token; /* borrowed */
    const char *name;             /* borrowed */
    char cn[PP_PROOF_LEN + 1];
    char sn[PP_PROOF_LEN + 1];
};

/* A fresh nonce. */
int pp_handshake_nonce(char nonce[PP_PROOF_LEN + 1], struct pp_err *err);

/* The three proofs. */
void pp_handshake_server(const struct pp_handshake *handshake, char proof[PP_PROOF_LEN + 1]);
void pp_handshake_line(const struct pp_handshake *handshake, const char *json,
                       char proof[PP_PROOF_LEN + 1]);
void pp_handshake_answer(const struct pp_handshake *handshake, const char *line_json,
                         const char *json, char proof[PP_PROOF_LEN + 1]);

/* Are PP_PROOF_LEN digits the same? Takes the same time wherever they differ. */
bool pp_proof_equal(const char *a, const char *b);
/* Cuts " PROOF" off the end of a line. Returns the proof, or NULL when there is none. */
const char *pp_proof_split(char *line);
/* Is it as long as a nonce and all hex digits? */
bool pp_proof_valid(const char *text);

#endif
