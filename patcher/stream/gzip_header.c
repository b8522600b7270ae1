#include "stream/gzip_header.h"

#include "base/bytes.h"

#include <libdeflate.h>
#include <string.h>

enum gzip_flag {
    FLAG_HCRC = 2,
    FLAG_EXTRA = 4,
    FLAG_NAME = 8,
    FLAG_COMMENT = 16,
    FLAG_RESERVED = 0xe0,
};

#define FIXED_LEN 10

void pp_gzip_header_done(struct pp_gzip_header *header) {
    pp_buffer_done(&header->bytes);
}

/* Takes `len` bytes more into the header. */
static int take(struct pp_gzip_header *header, struct pp_bit_reader *reader, size_t len,
                struct pp_err *err) {
    uint8_t bytes[256];
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t count = len < sizeof(bytes) ? len : sizeof(bytes);

        rc = pp_bit_reader_bytes(reader, bytes, count, err);
        if (rc == 0)
            rc = pp_buffer_append(&header->bytes, bytes, count, err);
        len -= count;
    }
    return rc;
}

static unsigned u16_at(const struct pp_gzip_header *header, size_t at) {
    return pp_le16(header->bytes.data + at);
}

static int take_string(struct pp_gzip_header *header, struct pp_bit_reader *reader,
                       struct pp_err *err) {
    do {
        int rc;

        if (header->bytes.len == PP_GZIP_HEADER_MAX)
            return pp_err_set(err, PP_ERR_LIMIT, "a gzip header of more than %zu bytes",
                              PP_GZIP_HEADER_MAX);
        rc = take(header, reader, 1, err);
        if (rc < 0)
            return rc;
    } while (header->bytes.data[header->bytes.len - 1] != 0);
    return 0;
}

/* Subfields (SI1, SI2, length, data) that hold offsets into the stream: no longer true when it is
 * written anew. RA: dictzip(1). BC: BGZF, SAM/BAM specification 4.1. */
static const char *find_index(const struct pp_gzip_header *header, size_t at, size_t end) {
    while (end - at >= 4) {
        const uint8_t *id = header->bytes.data + at;
        size_t len = 4 + (size_t)u16_at(header, at + 2);

        if (memcmp(id, "RA", 2) == 0)
            return "dictzip: its table of offsets (extra field RA) would not hold";
        if (memcmp(id, "BC", 2) == 0)
            return "BGZF: its block sizes (extra field BC) would not hold";
        if (len > end - at)
            break;
        at += len;
    }
    return NULL;
}

static int take_extra(struct pp_gzip_header *header, struct pp_bit_reader *reader,
                      struct pp_err *err) {
    size_t at = header->bytes.len + 2;
    int rc = take(header, reader, 2, err);

    if (rc == 0)
        rc = take(header, reader, u16_at(header, at - 2), err);
    if (rc == 0)
        header->index = find_index(header, at, header->bytes.len);
    return rc;
}

static int check_crc(struct pp_gzip_header *header, struct pp_bit_reader *reader,
                     struct pp_err *err) {
    size_t len = header->bytes.len;
    unsigned crc = libdeflate_crc32(0, header->bytes.data, len) & 0xffff;
    int rc = take(header, reader, 2, err);

    if (rc == 0 && u16_at(header, len) != crc)
        rc = pp_err_set(err, PP_ERR_DAMAGED, "header crc mismatch");
    return rc;
}

int pp_gzip_header_read(struct pp_gzip_header *header, struct pp_bit_reader *reader,
                        struct pp_err *err) {
    const uint8_t *fixed;
    uint8_t flags;
    int rc = take(header, reader, FIXED_LEN, err);

    if (rc < 0)
        return rc;
    fixed = header->bytes.data;
    if (memcmp(fixed, PP_GZIP_MAGIC, 2) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "not in gzip format");
    if (fixed[2] != PP_GZIP_MAGIC[2])
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "unknown compression method %u", fixed[2]);
    flags = fixed[3];
    if ((flags & FLAG_RESERVED) != 0)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "unknown header flags set");
    header->level = fixed[8] == 4 ? 1 : fixed[8] == 2 ? 9 : 6;
    if ((flags & FLAG_EXTRA) != 0)
        rc = take_extra(header, reader, err);
    if (rc == 0 && (flags & FLAG_NAME) != 0)
        rc = take_string(header, reader, err);
    if (rc == 0 && (flags & FLAG_COMMENT) != 0)
        rc = take_string(header, reader, err);
    if (rc == 0 && (flags & FLAG_HCRC) != 0)
        rc = check_crc(header, reader, err);
    return rc;
}
