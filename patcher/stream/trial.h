/* Which encoder made this? The formats do not record the level. A trial keeps the start of a
 * piece, as text and as encoded bytes; an encoder that gives the same bytes for the same text is
 * taken for the original one.
 */
#ifndef PP_STREAM_TRIAL_H
#define PP_STREAM_TRIAL_H

#include "base/buffer.h"
#include "stream/stage.h"

/* Text that is kept. More than one LZMA2 chunk (2 MiB at most): encoders give nothing before. */
#define PP_TRIAL_LEN ((size_t)3 << 20)
/* Memory of a trial: text, encoded bytes, and the patched text that waits for its outcome. */
#define PP_TRIAL_MEMORY ((uint64_t)4 * 3 << 20)

struct pp_trial {
    struct pp_buffer text;
    struct pp_buffer encoded;
    bool whole; /* the piece ended: the text is all of it */
};

void pp_trial_done(struct pp_trial *trial);

/* What a step of the decoder consumed and produced, and whether the piece ends with it. Returns 1
 * when the trial can be run: it is whole, or nothing more is kept. */
int pp_trial_add(struct pp_trial *trial, const uint8_t *encoded, size_t encoded_len,
                 const uint8_t *text, size_t text_len, bool ended, struct pp_err *err);
/* Does this encoder give the original bytes? 1: yes, 0: no. `agreed_len` (may be NULL) is how many
 * bytes it gave that are those of the original. The encoder is freed. */
int pp_trial_run(const struct pp_trial *trial, struct pp_stage *encoder, size_t *agreed_len,
                 struct pp_err *err);

#endif
