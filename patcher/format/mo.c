/* gettext .mo: translations are offered as texts. So are message ids, but as keys that stay as they
 * are: programs look messages up by the ids that they were compiled with. So the table of hashes,
 * made of ids, stays right.
 * Strings that depend on the system (minor revision 1) are put together from pieces when they are
 * loaded; they are left alone.
 * Source: GNU gettext manual, "The Format of GNU MO Files"; gettext, gmo.h. */
#include "base/bytes.h"
#include "format/pass.h"

#include <stdlib.h>
#include <string.h>

#define MO_MAX ((size_t)64 << 20)
#define MAGIC 0x950412deU
#define HEADER_LEN 28
#define DESCRIPTOR_LEN 8

enum field {
    REVISION = 4,
    COUNT = 8,
    IDS = 12,
    TRANSLATIONS = 16,
    HASH_COUNT = 20,
    HASHES = 24,
};

/* Bytes that must not change. */
struct range {
    uint64_t start;
    uint64_t end;
};

struct mo {
    struct pp_buffer data;
    bool big_endian;
    uint32_t count; /* of messages */
    uint64_t ids;   /* offsets of the tables of descriptors: length, offset */
    uint64_t translations;
    struct range *fixed; /* sorted by start; each end is the highest so far */
    size_t fixed_count;
};

static uint32_t number_at(const uint8_t *bytes, bool big_endian) {
    if (big_endian)
        return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
               bytes[3];
    return pp_le32(bytes);
}

static uint32_t mo_number(const struct mo *mo, uint64_t offset) {
    return number_at(mo->data.data + offset, mo->big_endian);
}

static bool bid(const uint8_t *head, size_t len) {
    return len >= HEADER_LEN && (number_at(head, false) == MAGIC || number_at(head, true) == MAGIC);
}

static bool inside(const struct mo *mo, uint64_t offset, uint64_t len) {
    return offset <= mo->data.len && len <= mo->data.len - offset;
}

/* The string of a descriptor, its NUL not counted. */
static int string_at(const struct mo *mo, uint64_t descriptor, struct range *string,
                     struct pp_err *err) {
    uint64_t len = mo_number(mo, descriptor);
    uint64_t start = mo_number(mo, descriptor + 4);

    if (!inside(mo, start, len + 1) || mo->data.data[start + len] != '\0')
        return pp_err_set(err, PP_ERR_DAMAGED, "a message catalogue with a string outside of it");
    *string = (struct range){start, start + len};
    return 0;
}

static int open_header(struct mo *mo, struct pp_err *err) {
    uint32_t revision;

    if (!bid(mo->data.data, mo->data.len))
        return pp_err_set(err, PP_ERR_DAMAGED, "not a message catalogue");
    mo->big_endian = number_at(mo->data.data, true) == MAGIC;
    revision = mo_number(mo, REVISION);
    if (revision >> 16 > 1)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "a message catalogue of revision %u.%u",
                          (unsigned)(revision >> 16), (unsigned)(revision & 0xffff));
    mo->count = mo_number(mo, COUNT);
    mo->ids = mo_number(mo, IDS);
    mo->translations = mo_number(mo, TRANSLATIONS);
    if (!inside(mo, mo->ids, (uint64_t)mo->count * DESCRIPTOR_LEN) ||
        !inside(mo, mo->translations, (uint64_t)mo->count * DESCRIPTOR_LEN))
        return pp_err_set(err, PP_ERR_DAMAGED, "a message catalogue with a table outside of it");
    return 0;
}

static int compare_ranges(const void *left, const void *right) {
    const struct range *a = left;
    const struct range *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

/* Most catalogues have their ids in order already. */
static void sort_fixed(struct mo *mo) {
    for (size_t i = 1; i < mo->fixed_count; i++) {
        if (mo->fixed[i].start < mo->fixed[i - 1].start) {
            qsort(mo->fixed, mo->fixed_count, sizeof(*mo->fixed), compare_ranges);
            return;
        }
    }
}

/* Collects the header, the tables and the ids. */
static int find_fixed(struct mo *mo, struct pp_err *err) {
    uint64_t table_len = (uint64_t)mo->count * DESCRIPTOR_LEN;
    uint64_t hashes = mo_number(mo, HASHES);
    uint64_t hashes_len = 4 * (uint64_t)mo_number(mo, HASH_COUNT);
    struct range *range;

    if (hashes_len > 0 && !inside(mo, hashes, hashes_len))
        return pp_err_set(err, PP_ERR_DAMAGED, "a message catalogue with a table outside of it");
    mo->fixed = calloc((size_t)mo->count + 4, sizeof(*mo->fixed));
    if (mo->fixed == NULL)
        return pp_err_nomem(err);
    range = mo->fixed;
    *range++ = (struct range){0, HEADER_LEN};
    *range++ = (struct range){mo->ids, mo->ids + table_len};
    *range++ = (struct range){mo->translations, mo->translations + table_len};
    *range++ = (struct range){hashes, hashes + hashes_len};
    for (uint32_t i = 0; i < mo->count; i++) {
        int rc = string_at(mo, mo->ids + (uint64_t)i * DESCRIPTOR_LEN, range, err);

        if (rc < 0)
            return rc;
        range->end++;
        range++;
    }
    mo->fixed_count = (size_t)(range - mo->fixed);
    sort_fixed(mo);
    for (size_t i = 1; i < mo->fixed_count; i++)
        if (mo->fixed[i].end < mo->fixed[i - 1].end)
            mo->fixed[i].end = mo->fixed[i - 1].end;
    return 0;
}

static bool is_fixed(const struct mo *mo, const struct range *string) {
    size_t low = 0;
    size_t high = mo->fixed_count;

    /* The last range that starts before the string's end has the highest end of those. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (mo->fixed[middle].start < string->end)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && mo->fixed[low - 1].end > string->start;
}

/* The strings of one of the two tables. */
static int walk_table(struct mo *mo, uint64_t table, const struct pp_member *member,
                      struct pp_pass *pass, struct pp_err *err) {
    int rc = 0;

    for (uint32_t i = 0; rc >= 0 && i < mo->count; i++) {
        struct range string = {0, 0};

        rc = string_at(mo, table + (uint64_t)i * DESCRIPTOR_LEN, &string, err);
        /* A string that is an id as well is told of as one. */
        if (rc >= 0 && (member->is_key || !is_fixed(mo, &string)))
            rc = pp_pass_text(pass, member, string.start, mo->data.data + string.start,
                              (size_t)(string.end - string.start), err);
    }
    return rc < 0 ? rc : 0;
}

static int walk_strings(struct mo *mo, struct pp_pass *pass, struct pp_err *err) {
    static const struct pp_member id = {.name = "", .kind = PP_MEMBER_OTHER, .is_key = true};
    static const struct pp_member translation = {.name = "", .kind = PP_MEMBER_OTHER};
    int rc = walk_table(mo, mo->ids, &id, pass, err);

    return rc < 0 ? rc : walk_table(mo, mo->translations, &translation, pass, err);
}

static int read_all(struct mo *mo, struct pp_source *in, struct pp_err *err) {
    const size_t part_len = (size_t)64 << 10;

    for (;;) {
        ssize_t count;
        int rc = pp_buffer_reserve(&mo->data, part_len, err);

        if (rc < 0)
            return rc;
        count = pp_source_read(in, mo->data.data + mo->data.len, part_len, err);
        if (count <= 0)
            return (int)count;
        mo->data.len += (size_t)count;
        if (mo->data.len > MO_MAX)
            return pp_err_set(err, PP_ERR_LIMIT, "a message catalogue of more than %zu bytes",
                              MO_MAX);
    }
}

static int walk(struct pp_source *in, struct pp_sink *out, struct pp_visitor *visitor,
                struct pp_err *err) {
    struct pp_pass pass = {.in = in, .out = out, .visitor = visitor};
    struct mo mo = {.data = PP_BUFFER_INIT};
    int rc = read_all(&mo, in, err);

    if (rc >= 0)
        rc = open_header(&mo, err);
    if (rc >= 0)
        rc = find_fixed(&mo, err);
    if (rc >= 0)
        rc = walk_strings(&mo, &pass, err);
    if (rc >= 0)
        rc = pp_pass_write(&pass, mo.data.data, mo.data.len, err);
    free(mo.fixed);
    pp_buffer_done(&mo.data);
    return rc;
}

const struct pp_container pp_container_mo = {.name = "mo", .bid = bid, .walk = walk};
