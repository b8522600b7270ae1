/* Makes tokens give another text of the same length.
 *
 * Tokens that still give the patched text stay. Between them the text is told anew: with the
 * distance that the broken token had, with that of a run, or with the last place where the same
 * four bytes stood; else with literals. No search beyond that: nearly all tokens stay.
 */
#ifndef PP_STREAM_TOKEN_MENDER_H
#define PP_STREAM_TOKEN_MENDER_H

#include "stream/deflate_block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_MENDER_HASH_BITS 12

struct pp_token_mender {
    uint32_t places[1 << PP_MENDER_HASH_BITS]; /* low 32 bits of the offset in the stream */
    uint64_t indexed;                          /* offset up to which `places` knows the text */
};

/* A stretch of text and its tokens. */
struct pp_mend {
    const uint8_t *text; /* patched; from the start of the stream or 32 KiB before `start` on */
    uint64_t base;       /* offset of text[0] in the stream */
    size_t start;        /* of the stretch, in `text` */
    size_t end;
    size_t change_start; /* of all changes that a token of the stretch can see, in `text` */
    size_t change_end;
    const pp_token *tokens;               /* that gave the text before it was patched */
    const struct pp_deflate_block *block; /* its code tells what a token costs */
    pp_token *mended;                     /* room for end - start tokens */
    size_t mended_count;
    bool fits; /* the block has a code for all of them */
};

void pp_token_mender_init(struct pp_token_mender *mender);

/* Fills `mended`, sets `fits`. Stretches come in order; those whose tokens all hold may be left
 * out. */
void pp_token_mender_run(struct pp_token_mender *mender, struct pp_mend *mend);

#endif
