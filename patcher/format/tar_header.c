#include "format/tar_header.h"

#include <stdio.h>
#include <string.h>

/* Both sums: old writers add up signed bytes. The checksum itself counts as spaces. */
static void checksums(const uint8_t *block, uint64_t *plain, uint64_t *with_sign) {
    uint64_t sum = 0;
    uint64_t high_count = 0;

    for (size_t i = 0; i < PP_TAR_BLOCK_LEN; i++) {
        if (i >= PP_TAR_CHECKSUM && i < PP_TAR_CHECKSUM + PP_TAR_CHECKSUM_LEN) {
            sum += ' ';
            continue;
        }
        sum += block[i];
        high_count += block[i] >> 7;
    }
    *plain = sum;
    *with_sign = sum - 256 * high_count;
}

bool pp_tar_sound(const uint8_t *block) {
    uint64_t plain;
    uint64_t with_sign;
    uint64_t stored;

    if (!pp_tar_number(block + PP_TAR_CHECKSUM, PP_TAR_CHECKSUM_LEN, &stored))
        return false;
    checksums(block, &plain, &with_sign);
    return stored == plain || stored == with_sign;
}

bool pp_tar_is_gnu(const uint8_t *block) {
    return memcmp(block + PP_TAR_MAGIC, "ustar  ", 8) == 0;
}

void pp_tar_checksum_mend(uint8_t *block, const uint8_t *was) {
    uint64_t plain;
    uint64_t with_sign;
    uint64_t stored = 0;
    bool by_sign;

    pp_tar_number(was + PP_TAR_CHECKSUM, PP_TAR_CHECKSUM_LEN, &stored);
    checksums(was, &plain, &with_sign);
    by_sign = stored != plain;
    checksums(block, &plain, &with_sign);
    /* It always fits: 512 times 255 has six octal digits, as many as the field has room for. */
    pp_tar_number_put(block + PP_TAR_CHECKSUM, PP_TAR_CHECKSUM_LEN, by_sign ? with_sign : plain);
}

static bool base256(const uint8_t *field, size_t len, uint64_t *number) {
    uint64_t sum = field[0] & 0x7f;

    if ((sum & 0x40) != 0)
        return false;
    for (size_t i = 1; i < len; i++) {
        if (sum >> 55 != 0)
            return false;
        sum = sum << 8 | field[i];
    }
    *number = sum;
    return true;
}

/* Where the octal digits are. A writer's overflow may have left a NUL in front. */
static void find_digits(const uint8_t *field, size_t len, size_t *first, size_t *end) {
    size_t at = field[0] == '\0' ? 1 : 0;

    while (at < len && field[at] == ' ')
        at++;
    *first = at;
    while (at < len && field[at] >= '0' && field[at] <= '7')
        at++;
    *end = at;
}

bool pp_tar_number(const uint8_t *field, size_t len, uint64_t *number) {
    size_t first;
    size_t end;
    uint64_t sum = 0;

    if (field[0] >= 0x80)
        return base256(field, len, number);
    find_digits(field, len, &first, &end);
    if (end < len && field[end] != '\0' && field[end] != ' ')
        return false;
    for (size_t i = first; i < end; i++)
        sum = sum << 3 | (uint64_t)(field[i] - '0');
    *number = sum;
    return true;
}

bool pp_tar_number_put(uint8_t *field, size_t len, uint64_t number) {
    char digits[24];
    size_t digit_count;
    size_t first;
    size_t end;
    uint8_t fill = field[0] == ' ' ? ' ' : '0';
    uint8_t terminator;

    if (field[0] >= 0x80) {
        for (size_t i = len; i-- > 1; number >>= 8)
            field[i] = (uint8_t)number;
        field[0] = 0x80;
        return true;
    }
    find_digits(field, len, &first, &end);
    if (first == end) {
        end = len - 1;
        field[end] = fill == ' ' ? ' ' : '\0';
    }
    digit_count = (size_t)snprintf(digits, sizeof(digits), "%llo", (unsigned long long)number);
    if (digit_count > end) {
        /* Grows to the right, up to the terminator. */
        if (digit_count >= len)
            return false;
        terminator = field[end];
        end = digit_count;
        field[end] = terminator;
    }
    memset(field, fill, end - digit_count);
    memcpy(field + end - digit_count, digits, digit_count);
    return true;
}

static size_t prefix_cap(const uint8_t *block) {
    if (memcmp(block + PP_TAR_MAGIC, "ustar", 6) != 0)
        return 0;
    if (memcmp(block + 508, "tar", 4) == 0)
        return PP_TAR_XSTAR_PREFIX_LEN;
    return PP_TAR_PREFIX_LEN;
}

static size_t prefix_len(const uint8_t *block) {
    return strnlen((const char *)block + PP_TAR_PREFIX, prefix_cap(block));
}

size_t pp_tar_name(const uint8_t *block, uint8_t name[PP_TAR_FULL_NAME_LEN], size_t *at) {
    size_t len = prefix_len(block);
    size_t name_len = strnlen((const char *)block + PP_TAR_NAME, PP_TAR_NAME_LEN);

    *at = PP_TAR_NAME;
    if (len > 0) {
        *at = PP_TAR_PREFIX;
        memcpy(name, block + PP_TAR_PREFIX, len);
        name[len++] = '/';
    }
    memcpy(name + len, block + PP_TAR_NAME, name_len);
    return len + name_len;
}

void pp_tar_prefix_clear(uint8_t *block) {
    memset(block + PP_TAR_PREFIX, 0, prefix_cap(block));
}

bool pp_tar_name_put(uint8_t *block, const uint8_t *name, size_t len) {
    size_t cap = prefix_cap(block);
    size_t parting = prefix_len(block);

    if (parting == 0) {
        memcpy(block + PP_TAR_NAME, name, len);
        return true;
    }
    if (name[parting] != '/') {
        /* The name part takes as much as it can hold. */
        parting = len > PP_TAR_NAME_LEN ? len - PP_TAR_NAME_LEN - 1 : 1;
        while (parting < len && (parting == 0 || name[parting] != '/'))
            parting++;
        if (parting > cap || parting + 1 >= len)
            return false;
    }
    memset(block + PP_TAR_NAME, 0, PP_TAR_NAME_LEN);
    memset(block + PP_TAR_PREFIX, 0, cap);
    memcpy(block + PP_TAR_PREFIX, name, parting);
    memcpy(block + PP_TAR_NAME, name + parting + 1, len - parting - 1);
    return true;
}
