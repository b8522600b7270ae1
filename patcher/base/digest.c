#include "base/digest.h"

void pp_digester_init(struct pp_digester *digester) {
    sha256_init(&digester->sha256);
    md5_init(&digester->md5);
}

void pp_digester_update(struct pp_digester *digester, const void *data, size_t len) {
    sha256_update(&digester->sha256, len, data);
    md5_update(&digester->md5, len, data);
}

void pp_digester_final(struct pp_digester *digester, struct pp_digest *digest) {
    sha256_digest(&digester->sha256, sizeof(digest->sha256), digest->sha256);
    md5_digest(&digester->md5, sizeof(digest->md5), digest->md5);
}

int pp_digest_source(struct pp_source *source, struct pp_digest *digest, struct pp_err *err) {
    struct pp_digester digester;
    uint8_t data[65536];
    ssize_t count;

    pp_digester_init(&digester);
    while ((count = pp_source_read(source, data, sizeof(data), err)) > 0)
        pp_digester_update(&digester, data, (size_t)count);
    if (count < 0)
        return (int)count;
    pp_digester_final(&digester, digest);
    return 0;
}

void pp_hex(const uint8_t *bytes, size_t len, char *text) {
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}
