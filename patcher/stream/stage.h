/* The stage contract: bytes in, bytes out, one step at a time.
 *
 * A step may consume nothing or produce nothing, but never both forever. Its output never depends
 * on how the input was cut. The libraries' decoders and encoders are wrapped as stages.
 */
#ifndef PP_STREAM_STAGE_H
#define PP_STREAM_STAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Advanced by the step: `in` past what was consumed, `out` past what was produced. */
struct pp_stage_io {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_len;
    bool last; /* no input will follow `in` */
};

enum pp_stage_status {
    PP_STAGE_MORE = 0, /* wants input or room for output */
    PP_STAGE_END = 1,  /* all output was given; the rest of the input is not ours */
};

struct pp_stage;

struct pp_stage_ops {
    int (*step)(struct pp_stage *stage, struct pp_stage_io *io, struct pp_err *err);
    void (*free)(struct pp_stage *stage);
};

struct pp_stage {
    const struct pp_stage_ops *ops;
};

#endif
