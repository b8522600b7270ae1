/* A zstd frame: what its header says, and how the writer encodes it.
 *
 * Kept are the content size, the checksum and the window; the level is chosen by the caller. The
 * encoder has one worker, as in the zstd tool: text longer than 512 KiB gives other bytes then.
 */
#ifndef PP_STREAM_ZSTD_FRAME_H
#define PP_STREAM_ZSTD_FRAME_H

#include "stream/recoder.h"

#define ZSTD_STATIC_LINKING_ONLY /* frame headers, memory estimates */
#include <zstd.h>
#include <zstd_errors.h>

/* The level when no other gives the original bytes. */
#define PP_ZSTD_LEVEL 19

struct pp_zstd_frame {
    bool size_told;
    uint64_t text_len; /* when told */
    bool checksum;
    int window_log; /* 0: the header tells none, the whole text is the window */
};

struct pp_zstd_piece {
    struct pp_piece piece;
    struct pp_zstd_frame frame;
    int level;
    bool worker;
};

/* The error for what libzstd returned. */
int pp_zstd_error(size_t code, struct pp_err *err);

/* Reads what the writer keeps. `head` are the bytes of the header. */
void pp_zstd_frame_read(struct pp_zstd_frame *frame, const ZSTD_frameHeader *header,
                        const uint8_t *head);
/* Memory of the encoder. */
uint64_t pp_zstd_frame_memory(const struct pp_zstd_frame *frame, int level, bool worker);
/* Does a worker take less than half of what the process may? */
bool pp_zstd_frame_worker(const struct pp_zstd_frame *frame, int level, uint64_t limit_len);

/* The encoder of the frame. `len_kept`: the text has the length that the frame tells. */
int pp_zstd_stage_new(const struct pp_zstd_frame *frame, int level, bool worker, bool len_kept,
                      struct pp_stage **stage, struct pp_err *err);

#endif
