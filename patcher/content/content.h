/* Content: finds and patches placeholders through every layer of compression and archives.
 *
 * pp_content_scan() looks, pp_content_write() writes the patched content, pp_content_rewrite() also
 * reads what was written again. All walk the same way through the same parsers.
 */
#ifndef PP_CONTENT_CONTENT_H
#define PP_CONTENT_CONTENT_H

#include "base/blob.h"
#include "base/budget.h"
#include "base/helpers.h"
#include "base/sink.h"
#include "content/findings.h"
#include "content/kind.h"
#include "stream/codec.h"
#include "stream/matcher.h"
#include "values/older.h"

#include <stdbool.h>
#include <stdint.h>

/* Nesting that is looked into; the file itself is 0. Deeper content is left and reported, as what
 * is past the limits on what is decoded (stream/codec.h). */
#define PP_DEPTH_MAX 4

struct pp_policy {
    const struct pp_matcher *matcher; /* borrowed */
    /* Older values that the matcher has patterns for, behind those of the placeholders; borrowed.
     */
    const struct pp_older *older;
    struct pp_budget *budget; /* borrowed */
    /* NULL, or who may walk or decode parts of one large file beside the caller; borrowed. */
    struct pp_helpers *helpers;
    enum pp_executables executables;
    bool decode;     /* false: compressed content stays closed */
    bool leave_debs; /* a .deb is left to `pathpatch deb`, which mends its md5sums */
    /* NULL, or what tells the placeholder and the mark of a match by what stands around it: for
     * patterns that are not those of the placeholders. `offset` is the match's in the content. */
    void (*judge)(const void *context, const struct pp_match *match, uint64_t offset,
                  struct pp_finding *finding);
    const void *judge_context; /* borrowed */
};

/* Scans a file or other bytes. `mode`: its permission bits. Adds to `findings`; what cannot be read
 * as what it seems to be is a problem in there, not an error. */
int pp_content_scan(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                    struct pp_findings *findings, struct pp_err *err);

/* Scans a short text that is no file, the target of a symlink. `patched`: the text with the values
 * written in, the caller's to free; NULL when there is no hit. */
int pp_content_scan_text(const struct pp_policy *policy, const char *text, size_t len,
                         struct pp_findings *findings, char **patched, struct pp_err *err);

/* Writes the patched content of what was scanned. `findings` is what the scan gave. */
int pp_content_write(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                     struct pp_findings *findings, struct pp_sink *out, struct pp_err *err);

/* The same, but `out` gets something only once the result was decoded again and compared with the
 * patched text. */
int pp_content_rewrite(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                       struct pp_findings *findings, struct pp_sink *out, struct pp_err *err);

/* Scans and rewrites. */
int pp_content_patch(const struct pp_policy *policy, const struct pp_blob *blob, uint32_t mode,
                     struct pp_sink *out, struct pp_err *err);

#endif
