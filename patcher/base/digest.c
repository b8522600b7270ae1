#include "base/digest.h"

#include <string.h>

void pp_digester_init(struct pp_digester *digester, bool md5) {
    digester->has_md5 = md5;
    sha256_init(&digester->sha256);
    md5_init(&digester->md5);
}

void pp_digester_update(struct pp_digester *digester, const void *data, size_t len) {
    sha256_update(&digester->sha256, len, data);
    if (digester->has_md5)
        md5_update(&digester->md5, len, data);
}

void pp_digester_final(struct pp_digester *digester, struct pp_digest *digest) {
    sha256_digest(&digester->sha256, sizeof(digest->sha256), digest->sha256);
    memset(digest->md5, 0, sizeof(digest->md5));
    if (digester->has_md5)
        md5_digest(&digester->md5, sizeof(digest->md5), digest->md5);
}

int pp_digest_source(struct pp_source *source, bool md5, struct pp_digest *digest,
                     struct pp_err *err) {
    struct pp_digester digester;
    uint8_t data[65536];
    ssize_t count;

    pp_digester_init(&digester, md5);
    while ((count = pp_source_read(source, data, sizeof(data), err)) > 0)
        pp_digester_update(&digester, data, (size_t)count);
    if (count < 0)
        return (int)count;
    pp_digester_final(&digester, digest);
    return 0;
}

bool pp_digest_has_md5(const struct pp_digest *digest) {
    static const uint8_t unknown[PP_MD5_LEN];

    return memcmp(digest->md5, unknown, sizeof(unknown)) != 0;
}

void pp_hex(const uint8_t *bytes, size_t len, char *text) {
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}
