/* Puts blocks and tokens together again: the counterpart of token_reader.h. */
#ifndef PP_STREAM_TOKEN_WRITER_H
#define PP_STREAM_TOKEN_WRITER_H

#include "stream/bit_writer.h"
#include "stream/deflate_block.h"

struct pp_token_writer {
    struct pp_bit_writer out;
    struct pp_huffman_encoder litlen;
    struct pp_huffman_encoder dist;
};

int pp_token_writer_init(struct pp_token_writer *writer, struct pp_sink *sink, struct pp_err *err);
void pp_token_writer_done(struct pp_token_writer *writer);

/* The header of a coded block, whose code the tokens take from then on. */
int pp_token_writer_start(struct pp_token_writer *writer, const struct pp_deflate_block *block,
                          struct pp_err *err);

/* Every symbol that is needed must have a code. */
int pp_token_writer_put(struct pp_token_writer *writer, const pp_token *tokens, size_t token_count,
                        struct pp_err *err);

/* The end of a coded block. */
int pp_token_writer_end(struct pp_token_writer *writer, struct pp_err *err);

/* A whole stored block with `block->stored_len` bytes. */
int pp_token_writer_stored(struct pp_token_writer *writer, const struct pp_deflate_block *block,
                           const uint8_t *text, struct pp_err *err);

#endif
