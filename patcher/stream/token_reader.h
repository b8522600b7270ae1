/* Takes a coded block apart into its tokens and the text that they stand for. */
#ifndef PP_STREAM_TOKEN_READER_H
#define PP_STREAM_TOKEN_READER_H

#include "stream/bit_reader.h"
#include "stream/deflate_block.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes behind `text_stop` that may be written: a match and what is copied past its end. */
#define PP_TOKEN_READER_SLACK (PP_MATCH_MAX + 8)

struct pp_token_reader {
    struct pp_huffman_decoder litlen;
    struct pp_huffman_decoder dist;
    pp_huffman_entry litlen_entries[PP_HUFFMAN_SYMBOL_MAX];
    pp_huffman_entry dist_entries[32];
};

/* Where a run of tokens goes. `text` and `tokens` are advanced. */
struct pp_token_run {
    uint8_t *text;
    const uint8_t *text_start; /* the first byte that a match may reach, of 32 KiB at most */
    const uint8_t *text_stop;  /* ends the run when reached, at the next whole token */
    pp_token *tokens;
    const pp_token *tokens_stop;
};

void pp_token_reader_init(struct pp_token_reader *reader);

/* Takes over the code of a block. */
int pp_token_reader_start(struct pp_token_reader *reader, const struct pp_deflate_block *block,
                          struct pp_err *err);

/* Returns 1 at the end of the block, 0 when a stop was reached. */
int pp_token_reader_run(const struct pp_token_reader *reader, struct pp_bit_reader *in,
                        struct pp_token_run *run, struct pp_err *err);

#endif
