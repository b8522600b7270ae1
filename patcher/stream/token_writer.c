#include "stream/token_writer.h"

#include "base/bytes.h"

int pp_token_writer_init(struct pp_token_writer *writer, struct pp_sink *sink, struct pp_err *err) {
    return pp_bit_writer_init(&writer->out, sink, err);
}

void pp_token_writer_done(struct pp_token_writer *writer) {
    pp_bit_writer_done(&writer->out);
}

static int put_block_kind(struct pp_token_writer *writer, const struct pp_deflate_block *block,
                          struct pp_err *err) {
    return pp_bit_writer_put(&writer->out, (unsigned)block->final | (unsigned)block->kind << 1, 3,
                             err);
}

int pp_token_writer_start(struct pp_token_writer *writer, const struct pp_deflate_block *block,
                          struct pp_err *err) {
    int rc = put_block_kind(writer, block, err);

    for (unsigned at = 0; rc == 0 && at < block->header_bits; at += 8) {
        unsigned count = block->header_bits - at;

        rc = pp_bit_writer_put(&writer->out, block->header[at / 8], count < 8 ? count : 8, err);
    }
    pp_huffman_encoder_build(&writer->litlen, block->litlen_lens, PP_HUFFMAN_SYMBOL_MAX);
    pp_huffman_encoder_build(&writer->dist, block->dist_lens, PP_DIST_COUNT);
    return rc;
}

/* A code and the extra bits behind it, appended to `bits`. */
static inline unsigned add_symbol(const struct pp_huffman_encoder *code,
                                  struct pp_deflate_symbol symbol, uint64_t *bits, unsigned count) {
    *bits |= (uint64_t)code->codes[symbol.symbol] << count;
    count += code->lens[symbol.symbol];
    *bits |= (uint64_t)symbol.extra << count;
    return count + symbol.extra_len;
}

/* All bits of a token: 48 at most. Returns their number. */
static inline unsigned token_bits(const struct pp_token_writer *writer, pp_token token,
                                  uint64_t *bits) {
    unsigned distance = pp_token_distance(token);
    unsigned count;

    if (distance == 0) {
        *bits = writer->litlen.codes[pp_token_value(token)];
        return writer->litlen.lens[pp_token_value(token)];
    }
    *bits = 0;
    count = add_symbol(&writer->litlen, pp_token_length_symbol(token), bits, 0);
    return add_symbol(&writer->dist, pp_distance_symbol(distance), bits, count);
}

int pp_token_writer_put(struct pp_token_writer *writer, const pp_token *tokens, size_t token_count,
                        struct pp_err *err) {
    /* Copies, so that the compiler may keep them in registers. */
    struct pp_bit_writer *out = &writer->out;
    uint64_t pending = out->bits;
    unsigned pending_count = out->bit_count;
    size_t len = out->len;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < token_count; i++) {
        uint64_t bits;
        unsigned count = token_bits(writer, tokens[i], &bits);

        pending |= bits << pending_count;
        pending_count += count;
        pp_bit_writer_store(out, len, pending);
        len += pending_count / 8;
        pending >>= pending_count & ~7u;
        pending_count &= 7;
        if (len >= out->cap) {
            out->len = len;
            rc = pp_bit_writer_make_room(out, err);
            len = out->len;
        }
    }
    out->bits = pending;
    out->bit_count = pending_count;
    out->len = len;
    return rc;
}

int pp_token_writer_end(struct pp_token_writer *writer, struct pp_err *err) {
    return pp_bit_writer_put(&writer->out, writer->litlen.codes[PP_LITLEN_END],
                             writer->litlen.lens[PP_LITLEN_END], err);
}

int pp_token_writer_stored(struct pp_token_writer *writer, const struct pp_deflate_block *block,
                           const uint8_t *text, struct pp_err *err) {
    uint8_t lens[4];
    int rc = put_block_kind(writer, block, err);

    pp_le16_put(lens, block->stored_len);
    pp_le16_put(lens + 2, (uint16_t)~block->stored_len);
    if (rc == 0)
        rc = pp_bit_writer_align(&writer->out, block->stored_pad, err);
    if (rc == 0)
        rc = pp_bit_writer_bytes(&writer->out, lens, sizeof(lens), err);
    return rc == 0 ? pp_bit_writer_bytes(&writer->out, text, block->stored_len, err) : rc;
}
