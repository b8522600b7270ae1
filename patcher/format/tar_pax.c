#include "format/tar_pax.h"

#include <stdio.h>
#include <string.h>

bool pp_pax_number(const uint8_t *text, size_t len, uint64_t *number) {
    uint64_t sum = 0;

    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || sum > (UINT64_MAX - 9) / 10)
            return false;
        sum = sum * 10 + (uint64_t)(text[i] - '0');
    }
    *number = sum;
    return true;
}

int pp_pax_next(const uint8_t *data, size_t len, size_t *at, struct pp_pax_record *record,
                struct pp_err *err) {
    const uint8_t *text = data + *at;
    size_t left = len - *at;
    const uint8_t *space;
    const uint8_t *equals;
    uint64_t record_len;

    /* Some writers fill up with NULs. */
    if (left == 0 || text[0] == '\0')
        return 0;
    space = memchr(text, ' ', left);
    if (space == NULL || !pp_pax_number(text, (size_t)(space - text), &record_len) ||
        record_len > left || record_len <= (uint64_t)(space - text) + 1 ||
        text[record_len - 1] != '\n')
        return pp_err_set(err, PP_ERR_DAMAGED, "a pax header record is damaged");
    record->at = *at;
    record->len = (size_t)record_len;
    record->key = (const char *)space + 1;
    equals = memchr(space, '=', record->len - (size_t)(space - text));
    if (equals == NULL)
        return pp_err_set(err, PP_ERR_DAMAGED, "a pax header record has no value");
    record->key_len = (size_t)(equals - space) - 1;
    record->value_at = (size_t)(equals - data) + 1;
    record->value_len = record->at + record->len - 1 - record->value_at;
    *at += record->len;
    return 1;
}

bool pp_pax_is(const struct pp_pax_record *record, const char *key) {
    return record->key_len == strlen(key) && memcmp(record->key, key, record->key_len) == 0;
}

size_t pp_pax_size_print(char text[PP_PAX_SIZE_MAX], uint64_t size) {
    size_t rest_len =
        (size_t)snprintf(text, PP_PAX_SIZE_MAX, " size=%llu\n", (unsigned long long)size);
    /* At most 27 bytes: the length has one digit, or two. */
    size_t len = rest_len + 1 < 10 ? rest_len + 1 : rest_len + 2;

    snprintf(text, PP_PAX_SIZE_MAX, "%zu size=%llu\n", len, (unsigned long long)size);
    return len;
}
