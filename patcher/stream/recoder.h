/* The driver that the codecs of whole libraries share (bzip2, xz, lzma, zstd).
 *
 * Encoded content is a row of pieces: a stream, a member, a frame, a block, or bytes that are kept
 * as they are. The codec's decoder says where each begins. The writer encodes the patched text
 * piece by piece with the parameters of the original. Pieces meet the text at decoded offsets;
 * when the length may change, the last piece that takes text takes what is left.
 *
 *     pp_recoder_init(&self->recoder, &ops, env, in, out);    in the codec's open()
 *     pp_recoder_need(), pp_recoder_begin()                   in decode()
 */
#ifndef PP_STREAM_RECODER_H
#define PP_STREAM_RECODER_H

#include "base/buffer.h"
#include "base/spool.h"
#include "stream/codec.h"
#include "stream/stage.h"

/* Bytes of encoded content that are handled in one go. */
#define PP_RECODER_CHUNK_LEN ((size_t)1 << 16)
/* Pieces that wait for the writer at the same time. */
#define PP_RECODER_PIECE_MAX ((size_t)1 << 18)

/* The codec's own struct embeds it as its first member. */
struct pp_piece {
    struct pp_piece *next;
    struct pp_spool kept; /* written as they are, ahead of the text */
    uint64_t text_len;    /* decoded so far */
    bool takes_text;
    bool ready; /* its parameters are known before it ends: the writer may begin */
    bool ended;
};

struct pp_recoder;

struct pp_recoder_ops {
    /* One step of the decoder, as of a stage. The text that a step produces belongs to the piece
     * that was begun last. PP_STAGE_END: the input ends here and every check has passed. */
    int (*decode)(struct pp_recoder *recoder, struct pp_stage_io *io, struct pp_err *err);
    /* The encoder of a piece; NULL in `stage` when there is only what was kept. */
    int (*encoder)(struct pp_recoder *recoder, struct pp_piece *piece, struct pp_stage **stage,
                   struct pp_err *err);
    void (*free_piece)(struct pp_piece *piece);
    /* Frees what the codec added, then calls pp_recoder_done() and frees the whole. */
    void (*free)(struct pp_recoder *recoder);
};

/* The codec's own struct embeds it as its first member. */
struct pp_recoder {
    struct pp_recode recode;
    const struct pp_recoder_ops *ops;
    struct pp_codec_env env;
    struct pp_source *in;
    struct pp_sink *out;

    uint64_t decoder_len; /* what was taken from the budget */
    uint64_t encoder_len;

    const uint8_t *input_at;
    size_t input_len;
    bool input_ended;
    struct pp_err input_err; /* why, if it is not its end */
    bool text_ended;

    struct pp_piece *first; /* the writer is here */
    struct pp_piece *last;  /* the decoder is here */
    struct pp_piece *last_text;
    size_t piece_count;

    struct pp_stage *encoder; /* of `first`, once it was begun */
    bool begun;
    uint64_t written_len;     /* text of `first` that was encoded */
    struct pp_buffer waiting; /* text that no piece takes yet */
    uint8_t input[PP_RECODER_CHUNK_LEN];
    uint8_t output[PP_RECODER_CHUNK_LEN];
};

void pp_recoder_init(struct pp_recoder *recoder, const struct pp_recoder_ops *ops,
                     const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out);
/* Frees the pieces and the encoder and gives the memory back to the budget. */
void pp_recoder_done(struct pp_recoder *recoder);

/* Makes sure that at least so many bytes are taken from the budget: for the decoder, and for the
 * encoder when there is a sink. Called before the library allocates. `encoder_len`: UINT64_MAX when
 * the library has no encoder for it; else both are below 2^62. */
int pp_recoder_need(struct pp_recoder *recoder, uint64_t decoder_len, uint64_t encoder_len,
                    struct pp_err *err);

/* A new piece begins here, and the one before it has ended. `piece` comes from calloc(), with its
 * `takes_text` and `ready` set; it belongs to the recoder afterwards, even on failure. */
int pp_recoder_begin(struct pp_recoder *recoder, struct pp_piece *piece, struct pp_err *err);

/* The writer never looks into a piece that is neither ready nor ended, so the codec may still add
 * to what is kept. Nothing is kept when there is no sink. */
int pp_recoder_keep(struct pp_recoder *recoder, struct pp_piece *piece, const void *data,
                    size_t len, struct pp_err *err);

#endif
