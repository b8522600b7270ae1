/* Text whose paths may change their length: where a default path stands without its padding,
 * another text is written; a padded placeholder is written over at its length, as everywhere. Of
 * slashes behind a path that gets padding one stays: they are what was left of another padding.
 *
 * Text is content without a NUL byte, as it is or in gzip, bzip2, xz, lzma or zstd. In any other
 * content nothing may move.
 */
#ifndef PP_CONTENT_RETEXT_H
#define PP_CONTENT_RETEXT_H

#include "base/blob.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/sink.h"
#include "content/content.h"
#include "values/table.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/* All borrowed. */
struct pp_retext {
    const struct pp_policy *policy; /* its matcher finds the padded placeholders of the table */
    const struct pp_table *table;
    const char *put[PP_PLACEHOLDER_MAX]; /* what stands for each default path without padding */
};

/* Appends the text as it shall be, and adds the paths that are not what they were to the findings.
 * Returns how many. */
int pp_retext_text(const struct pp_retext *retext, const uint8_t *text, size_t len,
                   struct pp_buffer *out, struct pp_findings *findings, struct pp_err *err);

/* The same for a file: `out` gets all of it when there was something to change. `mode`: its
 * permission bits. Returns how many paths changed, or PP_RETEXT_NO_TEXT for content that is no
 * text, an executable by the policy, or text of more than 64 MiB. */
#define PP_RETEXT_NO_TEXT INT_MAX
int pp_retext_content(const struct pp_retext *retext, const struct pp_blob *content, uint32_t mode,
                      struct pp_sink *out, struct pp_findings *findings, struct pp_err *err);

#endif
