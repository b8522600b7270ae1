#include "stream/bit_reader.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_LEN ((size_t)65536)

int pp_bit_reader_init(struct pp_bit_reader *reader, struct pp_source *source, struct pp_err *err) {
    *reader = (struct pp_bit_reader){.source = source, .cap = WINDOW_LEN};
    reader->data = malloc(WINDOW_LEN + PP_BIT_READER_SLACK);
    return reader->data != NULL ? 0 : pp_err_nomem(err);
}

void pp_bit_reader_done(struct pp_bit_reader *reader) {
    free(reader->data);
    reader->data = NULL;
}

int pp_bit_reader_truncated(struct pp_err *err) {
    return pp_err_set(err, PP_ERR_DAMAGED, "truncated: unexpected end of file");
}

static int grow(struct pp_bit_reader *reader, struct pp_err *err) {
    uint8_t *data = realloc(reader->data, 2 * reader->cap + PP_BIT_READER_SLACK);

    if (data == NULL)
        return pp_err_nomem(err);
    reader->data = data;
    reader->cap *= 2;
    return 0;
}

int pp_bit_reader_fill(struct pp_bit_reader *reader, size_t len, struct pp_err *err) {
    size_t kept = reader->bit_count / 8; /* bytes that align() may put back */

    if (reader->eof || pp_bit_reader_left(reader) >= len)
        return 0;
    memmove(reader->data, reader->data + reader->at - kept, pp_bit_reader_left(reader) + kept);
    reader->end = pp_bit_reader_left(reader) + kept;
    reader->at = kept;
    while (pp_bit_reader_left(reader) < len && !reader->eof) {
        ssize_t count;

        if (reader->end == reader->cap) {
            int rc = grow(reader, err);

            if (rc < 0)
                return rc;
        }
        count = pp_source_read(reader->source, reader->data + reader->end,
                               reader->cap - reader->end, err);
        if (count < 0)
            return (int)count;
        reader->end += (size_t)count;
        reader->eof = count == 0;
    }
    if (reader->eof)
        memset(reader->data + reader->end, 0, PP_BIT_READER_SLACK);
    return 0;
}

int pp_bit_reader_bytes(struct pp_bit_reader *reader, void *data, size_t len, struct pp_err *err) {
    uint8_t *to = data;

    while (len > 0) {
        size_t count;
        int rc = pp_bit_reader_fill(reader, 1, err);

        if (rc < 0)
            return rc;
        count = pp_bit_reader_left(reader);
        if (count == 0)
            return pp_bit_reader_truncated(err);
        if (count > len)
            count = len;
        memcpy(to, reader->data + reader->at, count);
        reader->at += count;
        to += count;
        len -= count;
    }
    return 0;
}

unsigned pp_bit_reader_align(struct pp_bit_reader *reader) {
    unsigned pad = reader->bits & ((1u << (reader->bit_count & 7)) - 1);

    reader->at -= reader->bit_count / 8;
    reader->bits = 0;
    reader->bit_count = 0;
    return pad;
}
