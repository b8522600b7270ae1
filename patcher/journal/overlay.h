/* One pass over content and the spans that are written over it. */
#ifndef PP_JOURNAL_OVERLAY_H
#define PP_JOURNAL_OVERLAY_H

#include "base/blob.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/sink.h"
#include "tree/inplace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pp_overlay_version {
    PP_OVERLAY_FOUND,   /* the bytes as they are */
    PP_OVERLAY_SHIPPED, /* with the placeholders in the spans */
    PP_OVERLAY_PUT,     /* with the new texts */
    PP_OVERLAY_VERSION_COUNT,
};

struct pp_overlay {
    const struct pp_span *spans;
    const uint8_t *const *shipped; /* a text for each span */
    size_t span_count;
    bool torn;                             /* PP_SPAN_TORN is accepted */
    bool wanted[PP_OVERLAY_VERSION_COUNT]; /* versions to be digested */
    bool md5;                              /* with MD5 */
    struct pp_digest digests[PP_OVERLAY_VERSION_COUNT];
    bool started; /* some span holds bytes that only the new text has */
};

/* Reads the content, digests its versions, and hands the new one to `out` (may be NULL). Other
 * bytes in a span are PP_ERR_CHANGED. */
int pp_overlay_read(struct pp_overlay *overlay, const struct pp_blob *blob, struct pp_sink *out,
                    struct pp_err *err);

#endif
