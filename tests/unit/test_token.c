/* The token and its proofs. The vectors are from Python's hmac and hashlib. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "notify/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPEAT4(text) text text text text

static void vectors_init(struct pp_token *token, struct pp_handshake *handshake) {
    for (size_t i = 0; i < 32; i++)
        token->key[i] = (uint8_t)i;
    token->len = 32;
    handshake->token = token;
    handshake->name = "houston";
    strcpy(handshake->cn, REPEAT4("0123456789abcdef"));
    strcpy(handshake->sn, REPEAT4("fedcba9876543210"));
}

static void test_proofs(void **state) {
    static const char line[] =
        "{\"v\":1,\"type\":\"start\",\"run\":\"00112233445566778899aabbccddeeff\",\"seq\":1}";
    static const char answer[] = "{\"v\":1,\"ack\":1,\"run\":\"00112233445566778899aabbccddeeff\"}";
    struct pp_token token;
    struct pp_handshake handshake;
    char proof[PP_PROOF_LEN + 1];

    (void)state;
    vectors_init(&token, &handshake);
    pp_handshake_server(&handshake, proof);
    assert_string_equal(proof, "0a9cfbbe5eadcd5c887efa69b73b37a4f54cd0fff8bfbcbb66eab39f93bc67ac");
    pp_handshake_line(&handshake, line, proof);
    assert_string_equal(proof, "ad1f85e59fb885ed98a4682e05ba2a1265812f0ee1572b37fe8b4b04dc7d393e");
    pp_handshake_answer(&handshake, line, answer, proof);
    assert_string_equal(proof, "5b2ac349d819d915200b919de5b0d30f48c267d16701f28151e72a36fb3a450f");
}

static void test_split(void **state) {
    char hex[PP_PROOF_LEN + 1];
    char line[256];

    (void)state;
    memset(hex, 'a', PP_PROOF_LEN);
    hex[PP_PROOF_LEN] = '\0';
    snprintf(line, sizeof(line), "{} %s", hex);
    assert_string_equal(pp_proof_split(line), hex);
    assert_string_equal(line, "{}");
    snprintf(line, sizeof(line), "{}%s", hex);
    assert_null(pp_proof_split(line));
    snprintf(line, sizeof(line), "{} %s ", hex);
    assert_null(pp_proof_split(line));
    assert_null(pp_proof_split(hex));
    hex[10] = 'A';
    snprintf(line, sizeof(line), "{} %s", hex);
    assert_null(pp_proof_split(line));
}

static void test_equal(void **state) {
    char a[PP_PROOF_LEN + 1] = REPEAT4("0123456789abcdef");
    char b[PP_PROOF_LEN + 1] = REPEAT4("0123456789abcdef");

    (void)state;
    assert_true(pp_proof_equal(a, b));
    for (size_t i = 0; i < PP_PROOF_LEN; i++) {
        b[i] ^= 1;
        assert_false(pp_proof_equal(a, b));
        b[i] ^= 1;
    }
}

static void test_nonces(void **state) {
    struct pp_err err = PP_ERR_INIT;
    char a[PP_PROOF_LEN + 1];
    char b[PP_PROOF_LEN + 1];

    (void)state;
    assert_int_equal(pp_handshake_nonce(a, &err), 0);
    assert_int_equal(pp_handshake_nonce(b, &err), 0);
    assert_true(pp_proof_valid(a));
    assert_string_not_equal(a, b);
}

/* Writes a file of `len` letters and `tail`, and reads it as a token. */
static int read_file(struct pp_token *token, size_t len, const char *tail, mode_t mode) {
    char path[] = "/tmp/test_token.XXXXXX";
    struct pp_err err = PP_ERR_INIT;
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    int rc;

    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        fputc('k', file);
    fputs(tail, file);
    fchmod(fd, mode);
    fclose(file);
    rc = pp_token_read_file(token, path, &err);
    assert_int_equal(rc, -(int)err.kind);
    unlink(path);
    return rc;
}

static void test_files(void **state) {
    struct pp_token token;
    static const struct pp_token empty;

    (void)state;
    assert_int_equal(read_file(&token, 32, "", 0600), 0);
    assert_int_equal(token.len, 32);
    assert_int_equal(read_file(&token, 32, "\n", 0600), 0);
    assert_int_equal(token.len, 32);
    assert_int_equal(read_file(&token, 32, "\n\n", 0600), 0);
    assert_int_equal(token.len, 33);
    assert_int_equal(read_file(&token, PP_TOKEN_MAX, "\n", 0600), 0);
    assert_int_equal(token.len, PP_TOKEN_MAX);
    assert_int_equal(read_file(&token, 31, "\n", 0600), -PP_ERR_ADDRESS);
    assert_int_equal(read_file(&token, PP_TOKEN_MAX + 1, "", 0600), -PP_ERR_ADDRESS);
    assert_int_equal(read_file(&token, PP_TOKEN_MAX + 1000, "", 0600), -PP_ERR_ADDRESS);
    assert_int_equal(read_file(&token, 32, "", 0640), -PP_ERR_ADDRESS);
    assert_int_equal(read_file(&token, 32, "", 0604), -PP_ERR_ADDRESS);

    assert_int_equal(read_file(&token, 32, "", 0600), 0);
    pp_token_wipe(&token);
    assert_memory_equal(&token, &empty, sizeof(token));
}

static void test_other_places(void **state) {
    char folder[] = "/tmp/test_token.XXXXXX";
    char path[64];
    struct pp_err err = PP_ERR_INIT;
    struct pp_token token;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(pp_token_read_file(&token, folder, &err), -PP_ERR_ADDRESS);
    snprintf(path, sizeof(path), "%s/absent", folder);
    assert_int_equal(pp_token_read_file(&token, path, &err), -PP_ERR_ADDRESS);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pp_token_read_file(&token, path, &err), -PP_ERR_ADDRESS);
    unlink(path);
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_equal(pp_token_read_file(&token, path, &err), -PP_ERR_ADDRESS);
    unlink(path);
    rmdir(folder);
    assert_int_equal(pp_token_read_fd(&token, -1, &err), -PP_ERR_ADDRESS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proofs), cmocka_unit_test(test_split),
        cmocka_unit_test(test_equal),  cmocka_unit_test(test_nonces),
        cmocka_unit_test(test_files),  cmocka_unit_test(test_other_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
