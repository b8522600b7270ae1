/* The walk through the layers of one file: shared by the content_*.c files, for nobody else. */
#ifndef PP_CONTENT_CONTENT_WALK_H
#define PP_CONTENT_CONTENT_WALK_H

#include "base/sink.h"
#include "base/source.h"
#include "content/content.h"
#include "format/container.h"
#include "format/wheel.h"

#include <stdatomic.h>
#include <xxhash.h>

/* One walk over one file. */
struct pp_walk_run {
    const struct pp_policy *policy;
    struct pp_findings *findings;
    bool writing;                  /* the findings are known; a sink gets the patched content */
    bool holding;                  /* some layer around holds a part of the memory budget */
    bool in_part;                  /* of an archive; other threads walk the others */
    atomic_uint_fast64_t *decoded; /* bytes decoded in this file so far; borrowed */
};

/* Where in the file the walk is. */
struct pp_walk_place {
    const char *path; /* as in struct pp_leaf */
    unsigned depth;   /* 0: the file itself */
    int layer;        /* codecs and containers around it */
    int coded_layer;  /* innermost of them that may change its size; -1 none */
    uint32_t mode;
    bool itself;                 /* a file or member, not what a codec around it holds */
    bool unhashed;               /* its text is not part of the digest */
    bool len_fixed;              /* its container cannot take another length */
    const char *left;            /* why nothing in here can be patched, or NULL */
    const char *left_path;       /* the part around it that this is said of */
    enum pp_left_kind left_kind; /* of an executable or what is signed; else PP_LEFT_NOT */
};

/* Tells what the content is and walks it. Without a sink (scanning) damage and the like is noted
 * as a problem, and the source is read to its end. */
int pp_walk_content(struct pp_walk_run *run, const struct pp_walk_place *place,
                    struct pp_source *in, struct pp_sink *out, struct pp_err *err);

/* A step of the walk; `arg` is the caller's. */
typedef int pp_walk_fn(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                       struct pp_source *in, struct pp_sink *out, struct pp_err *err);

/* Takes a step. While scanning, an error that is the content's own is noted as a problem of this
 * place, what the step found is forgotten, and the source is read to its end. */
int pp_walk_part(struct pp_walk_run *run, const struct pp_walk_place *place, pp_walk_fn *step,
                 void *arg, struct pp_source *in, struct pp_sink *out, struct pp_err *err);

/* A step through a codec: what stands inside is walked by `inside`. */
struct pp_walk_coding {
    const struct pp_codec *codec;
    bool len_kept; /* the text keeps its length */
    pp_walk_fn *inside;
    void *arg; /* for `inside` */
};
pp_walk_fn pp_walk_coded; /* arg: struct pp_walk_coding */

/* The place inside a codec at `place`. */
struct pp_walk_place pp_walk_inside(const struct pp_walk_place *place);

/* The text inside the codec at `place` keeps its length: nothing in there may change its size. */
bool pp_walk_len_kept(const struct pp_walk_run *run, const struct pp_walk_place *place);

pp_walk_fn pp_walk_container; /* arg: const struct pp_container */

/* What is known of a zip while its members are walked. */
struct pp_walk_zip {
    struct pp_wheel_change *changes; /* of members that were written, in case it is a wheel */
    size_t change_count;
    XXH128_hash_t digest; /* of its members' texts; it does not depend on their order */
};
void pp_walk_zip_done(struct pp_walk_zip *zip);

/* One member, as content() of a visitor gets it; returns what that returns. */
int pp_walk_zip_member(struct pp_walk_run *run, struct pp_walk_zip *zip,
                       const struct pp_walk_place *place, struct pp_member *member,
                       struct pp_source *in, struct pp_sink *out, struct pp_err *err);

/* Do these bytes, which do not start as a zip, end as one? Returns 1 if so. `long_comment`: also
 * with a comment of more than 1 KiB, for which 64 KiB are looked through. */
int pp_walk_ends_as_zip(const struct pp_blob *blob, bool long_comment, struct pp_err *err);

/* Plain bytes, unless a zip turns up at their end: PP_ERR_UNSUPPORTED. */
pp_walk_fn pp_walk_plain; /* arg: unused */

/* Bytes as they are: through the replacer, and on. `left` as in struct pp_leaf. */
int pp_walk_leaf(struct pp_walk_run *run, const struct pp_walk_place *place, const char *left,
                 struct pp_source *in, struct pp_sink *out, struct pp_err *err);

/* One text of a container, edited where it is. Returns 1 when it was changed. `left` as in struct
 * pp_leaf. */
int pp_walk_text(struct pp_walk_run *run, const struct pp_walk_place *place, const char *left,
                 bool in_place, uint64_t offset, uint8_t *data, size_t len, struct pp_err *err);

/* Says why a part is left as it is; once for what stands below it. */
int pp_walk_note_left(struct pp_walk_run *run, const char *path, const char *why,
                      struct pp_err *err);

/* Folds the digest of one more text into the digest of all. */
void pp_walk_fold(struct pp_findings *findings, XXH128_hash_t digest);

int pp_walk_skip(struct pp_source *in, struct pp_err *err);

#endif
