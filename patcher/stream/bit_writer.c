#include "stream/bit_writer.h"

#include <stdlib.h>

#define CAP_MIN ((size_t)16 << 10)
#define CAP_MAX ((size_t)1 << 20)

static int resize(struct pp_bit_writer *writer, size_t cap, struct pp_err *err) {
    uint8_t *data = realloc(writer->data, cap + sizeof(writer->bits));

    if (data == NULL)
        return pp_err_nomem(err);
    writer->data = data;
    writer->cap = cap;
    return 0;
}

int pp_bit_writer_init(struct pp_bit_writer *writer, struct pp_sink *sink, struct pp_err *err) {
    *writer = (struct pp_bit_writer){.sink = sink};
    return resize(writer, CAP_MIN, err);
}

void pp_bit_writer_done(struct pp_bit_writer *writer) {
    free(writer->data);
    writer->data = NULL;
}

int pp_bit_writer_flush(struct pp_bit_writer *writer, struct pp_err *err) {
    size_t len = writer->len;

    writer->len = 0;
    writer->is_open = false;
    return len > 0 ? pp_sink_write(writer->sink, writer->data, len, err) : 0;
}

int pp_bit_writer_make_room(struct pp_bit_writer *writer, struct pp_err *err) {
    if (writer->is_open && writer->cap < CAP_MAX)
        return resize(writer, 2 * writer->cap, err);
    return pp_bit_writer_flush(writer, err);
}

int pp_bit_writer_put(struct pp_bit_writer *writer, uint64_t bits, unsigned count,
                      struct pp_err *err) {
    writer->bits |= bits << writer->bit_count;
    writer->bit_count += count;
    pp_bit_writer_store(writer, writer->len, writer->bits);
    writer->len += writer->bit_count / 8;
    writer->bits >>= writer->bit_count & ~7u;
    writer->bit_count &= 7;
    return writer->len < writer->cap ? 0 : pp_bit_writer_make_room(writer, err);
}

int pp_bit_writer_align(struct pp_bit_writer *writer, unsigned pad, struct pp_err *err) {
    unsigned count = -writer->bit_count & 7;

    return pp_bit_writer_put(writer, pad & ((1u << count) - 1), count, err);
}

int pp_bit_writer_bytes(struct pp_bit_writer *writer, const void *data, size_t len,
                        struct pp_err *err) {
    int rc = pp_bit_writer_flush(writer, err);

    return rc < 0 || len == 0 ? rc : pp_sink_write(writer->sink, data, len, err);
}

int pp_bit_writer_open(struct pp_bit_writer *writer, struct pp_err *err) {
    int rc = pp_bit_writer_flush(writer, err);

    writer->open_bit = writer->bit_count;
    writer->is_open = true;
    return rc;
}

void pp_bit_writer_close(struct pp_bit_writer *writer) {
    writer->is_open = false;
}

bool pp_bit_writer_clear(struct pp_bit_writer *writer) {
    if (!writer->is_open)
        return false;
    writer->data[0] &= (uint8_t)(0xff ^ 1u << writer->open_bit);
    writer->is_open = false;
    return true;
}
