#include "ledger/hit.h"

#include <stdbool.h>
#include <stdlib.h>

/* Head: placeholder << 5 | encoding << 2 | was << 1 | member. */
#define HEAD_MEMBER 1U
#define HEAD_WAS 2U
#define HEAD_ENCODING_SHIFT 2
#define HEAD_ENCODING_MASK 7U
#define HEAD_PLACEHOLDER_SHIFT 5

#define VARINT_LEN_MAX 10
#define HIT_LEN_MAX (4 * VARINT_LEN_MAX)

static size_t put_varint(uint8_t *out, uint64_t number) {
    size_t len = 0;

    for (; number >= 0x80; number >>= 7)
        out[len++] = (uint8_t)(number | 0x80);
    out[len++] = (uint8_t)number;
    return len;
}

int pp_hits_pack(const struct pp_hit *hits, size_t hit_count, struct pp_buffer *packed,
                 struct pp_err *err) {
    uint64_t offset = 0;
    uint32_t member = 0;

    for (size_t i = 0; i < hit_count; i++) {
        const struct pp_hit *hit = &hits[i];
        bool moved = hit->member != member;
        uint64_t head = (uint64_t)hit->placeholder << HEAD_PLACEHOLDER_SHIFT |
                        (hit->encoding & HEAD_ENCODING_MASK) << HEAD_ENCODING_SHIFT |
                        (hit->was != 0 ? HEAD_WAS : 0) | (moved ? HEAD_MEMBER : 0);
        uint8_t bytes[HIT_LEN_MAX];
        size_t len = put_varint(bytes, head);
        int rc;

        if (moved) {
            member = hit->member;
            offset = 0;
            len += put_varint(bytes + len, member);
        }
        if (hit->was != 0)
            len += put_varint(bytes + len, hit->was);
        len += put_varint(bytes + len, hit->offset - offset);
        offset = hit->offset;
        rc = pp_buffer_append(packed, bytes, len, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool get_varint(struct cursor *cursor, uint64_t max, uint64_t *number) {
    *number = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;

        if (shift == 63 && byte > 1)
            return false;
        *number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return *number <= max;
    }
    return false;
}

static bool get_hit(struct cursor *cursor, struct pp_hit *hit) {
    uint64_t offset = hit->offset;
    uint64_t head;
    uint64_t number;

    if (!get_varint(cursor, UINT64_MAX, &head) || head >> HEAD_PLACEHOLDER_SHIFT > UINT32_MAX)
        return false;
    hit->placeholder = (uint32_t)(head >> HEAD_PLACEHOLDER_SHIFT);
    hit->encoding = (uint32_t)(head >> HEAD_ENCODING_SHIFT) & HEAD_ENCODING_MASK;
    if ((head & HEAD_MEMBER) != 0) {
        if (!get_varint(cursor, UINT32_MAX, &number))
            return false;
        hit->member = (uint32_t)number;
        offset = 0;
    }
    hit->was = 0;
    if ((head & HEAD_WAS) != 0) {
        if (!get_varint(cursor, UINT32_MAX, &number))
            return false;
        hit->was = (uint32_t)number;
    }
    if (!get_varint(cursor, UINT64_MAX - offset, &number))
        return false;
    hit->offset = offset + number;
    return true;
}

int pp_hits_unpack(const uint8_t *packed, size_t packed_len, struct pp_hit **hits,
                   size_t *hit_count, struct pp_err *err) {
    struct cursor cursor = {packed, packed_len > 0 ? packed + packed_len : packed};
    struct pp_hit hit = {0};
    struct pp_hit *list = NULL;
    size_t count = 0;
    size_t cap = 0;

    while (cursor.at < cursor.end) {
        if (!get_hit(&cursor, &hit)) {
            free(list);
            return pp_err_set(err, PP_ERR_DAMAGED, "the recorded hits are damaged");
        }
        if (count == cap) {
            struct pp_hit *grown;

            cap = cap == 0 ? 8 : 2 * cap;
            grown = cap <= SIZE_MAX / sizeof(*grown) ? realloc(list, cap * sizeof(*grown)) : NULL;
            if (grown == NULL) {
                free(list);
                return pp_err_nomem(err);
            }
            list = grown;
        }
        list[count++] = hit;
    }
    *hits = list;
    *hit_count = count;
    return 0;
}
