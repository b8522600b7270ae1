/* The parts of a .deb: members of the ar archive, decoded and encoded again. */
#ifndef PP_DEB_DEB_PART_H
#define PP_DEB_DEB_PART_H

#include "base/blob.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/sink.h"
#include "base/spool.h"
#include "deb/deb.h"
#include "stream/codec.h"

#include <stdbool.h>
#include <stdint.h>

struct pp_deb_part {
    char name[17];                /* of the ar member; "" while there is none */
    const struct pp_codec *codec; /* NULL: stored as it is */
    struct pp_spool stored;
    struct pp_spool plain;   /* the tar in it, if it is compressed */
    struct pp_spool written; /* what stands for it in the new archive, if `rewritten` */
    char written_name[17];
    bool rewritten;
};

struct pp_deb_parts {
    struct pp_deb_part control;
    struct pp_deb_part data;
};

#define PP_AUTO_DEB_PARTS PP_AUTO(pp_deb_parts_done)

void pp_deb_parts_init(struct pp_deb_parts *parts);
void pp_deb_parts_done(struct pp_deb_parts *parts);

/* Takes the archive apart and decodes both. */
int pp_deb_parts_read(struct pp_deb_parts *parts, const struct pp_blob *in,
                      struct pp_budget *budget, struct pp_err *err);
/* The tar in a part; borrowed. */
struct pp_blob pp_deb_part_tar(const struct pp_deb_part *part);
/* Encodes another tar for a part, with the parameters that it had. */
int pp_deb_part_encode(struct pp_deb_part *part, const struct pp_blob *tar,
                       struct pp_budget *budget, struct pp_err *err);
/* Is the part compressed like that? */
bool pp_deb_part_is(const struct pp_deb_part *part, enum pp_deb_compression compression);
/* Encodes a tar for a part with another compression than it had. */
int pp_deb_part_compress(struct pp_deb_part *part, const struct pp_blob *tar,
                         enum pp_deb_compression compression, struct pp_budget *budget,
                         struct pp_err *err);
/* Writes the archive with the parts that were encoded; everything else is copied. */
int pp_deb_parts_write(const struct pp_deb_parts *parts, const struct pp_blob *in,
                       struct pp_sink *out, struct pp_err *err);

#endif
