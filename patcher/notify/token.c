#include "notify/token.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/secret.h"

#include <fcntl.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int pp_token_read_file(struct pp_token *token, const char *path, struct pp_err *err) {
    /* O_NONBLOCK: a FIFO in its place must not hold us up. */
    PP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        pp_err_sys(err, "token: cannot open %s", path);
        err->kind = PP_ERR_ADDRESS;
        return -PP_ERR_ADDRESS;
    }
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return pp_err_set(err, PP_ERR_ADDRESS, "token: %s is not a file of ours", path);
    if ((st.st_mode & 077) != 0)
        return pp_err_set(err, PP_ERR_ADDRESS, "token: %s is open to others: chmod 600 it", path);
    return pp_token_read_fd(token, fd, err);
}

int pp_token_read_fd(struct pp_token *token, int fd, struct pp_err *err) {
    ssize_t count = pp_io_read(fd, token->key, sizeof(token->key), err);

    token->len = 0;
    if (count < 0) {
        err->kind = PP_ERR_ADDRESS;
        return pp_err_context(err, "token");
    }
    token->len = (size_t)count;
    if (token->len > 0 && token->key[token->len - 1] == '\n')
        token->len--;
    if (token->len >= PP_TOKEN_MIN && token->len <= PP_TOKEN_MAX)
        return 0;
    pp_token_wipe(token);
    return pp_err_set(err, PP_ERR_ADDRESS, "token: give it %d to %d bytes", PP_TOKEN_MIN,
                      PP_TOKEN_MAX);
}

void pp_token_wipe(struct pp_token *token) {
    pp_secret_wipe(token, sizeof(*token));
}

int pp_handshake_nonce(char nonce[PP_PROOF_LEN + 1], struct pp_err *err) {
    uint8_t bytes[PP_PROOF_LEN / 2];
    int rc = pp_secret_random(bytes, sizeof(bytes), err);

    if (rc < 0)
        return rc;
    pp_hex(bytes, sizeof(bytes), nonce);
    return 0;
}

/* The MAC of `parts`, put one after the other up to NULL. */
static void handshake_mac(const struct pp_handshake *handshake, const char *const *parts,
                          char proof[PP_PROOF_LEN + 1]) {
    struct hmac_sha256_ctx hmac;
    uint8_t digest[PP_SHA256_LEN];

    hmac_sha256_set_key(&hmac, handshake->token->len, handshake->token->key);
    for (; *parts != NULL; parts++)
        hmac_sha256_update(&hmac, strlen(*parts), (const uint8_t *)*parts);
    hmac_sha256_digest(&hmac, sizeof(digest), digest);
    pp_hex(digest, sizeof(digest), proof);
    pp_secret_wipe(&hmac, sizeof(hmac));
}

void pp_handshake_server(const struct pp_handshake *handshake, char proof[PP_PROOF_LEN + 1]) {
    const char *const parts[] = {
        "PP1-S\n", handshake->name, "\n", handshake->cn, "\n", handshake->sn, NULL,
    };

    handshake_mac(handshake, parts, proof);
}

void pp_handshake_line(const struct pp_handshake *handshake, const char *json,
                       char proof[PP_PROOF_LEN + 1]) {
    const char *const parts[] = {
        "PP1-C\n", handshake->name, "\n", handshake->cn, handshake->sn, "\n", json, NULL,
    };

    handshake_mac(handshake, parts, proof);
}

void pp_handshake_answer(const struct pp_handshake *handshake, const char *line_json,
                         const char *json, char proof[PP_PROOF_LEN + 1]) {
    char line_sha256[PP_PROOF_LEN + 1];
    const char *const parts[] = {
        "PP1-A\n", handshake->name, "\n", handshake->cn, handshake->sn,
        "\n",      line_sha256,     "\n", json,          NULL,
    };
    struct sha256_ctx sha256;
    uint8_t digest[PP_SHA256_LEN];

    sha256_init(&sha256);
    sha256_update(&sha256, strlen(line_json), (const uint8_t *)line_json);
    sha256_digest(&sha256, sizeof(digest), digest);
    pp_hex(digest, sizeof(digest), line_sha256);
    handshake_mac(handshake, parts, proof);
}

bool pp_proof_equal(const char *a, const char *b) {
    return memeql_sec(a, b, PP_PROOF_LEN);
}

const char *pp_proof_split(char *line) {
    size_t len = strlen(line);
    char *space;

    if (len < PP_PROOF_LEN + 1)
        return NULL;
    space = line + len - PP_PROOF_LEN - 1;
    if (*space != ' ' || !pp_proof_valid(space + 1))
        return NULL;
    *space = '\0';
    return space + 1;
}

bool pp_proof_valid(const char *text) {
    return strspn(text, "0123456789abcdef") == PP_PROOF_LEN && text[PP_PROOF_LEN] == '\0';
}
