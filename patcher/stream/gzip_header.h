/* The header of a gzip member (RFC 1952, 2.3). */
#ifndef PP_STREAM_GZIP_HEADER_H
#define PP_STREAM_GZIP_HEADER_H

#include "base/buffer.h"
#include "stream/bit_reader.h"

#include <stdbool.h>

/* A header longer than this is refused (PP_ERR_LIMIT): name and comment have no limit of their
 * own. */
#define PP_GZIP_HEADER_MAX ((size_t)1 << 18)

/* The first bytes of every member: magic and the one method, deflate. */
#define PP_GZIP_MAGIC "\x1f\x8b\x08"
#define PP_GZIP_MAGIC_LEN 3

struct pp_gzip_header {
    struct pp_buffer bytes; /* as they stand in the file */
    int level;              /* of the encoder, as far as XFL tells: 1, 6 or 9 */
    const char *index;      /* words for an extra field that describes the stream, or NULL */
};

#define PP_GZIP_HEADER_INIT                                                                        \
    { .bytes = PP_BUFFER_INIT }

void pp_gzip_header_done(struct pp_gzip_header *header);

/* Takes one header from the reader. PP_ERR_DAMAGED, PP_ERR_UNSUPPORTED (another method, flags that
 * nobody knows). */
int pp_gzip_header_read(struct pp_gzip_header *header, struct pp_bit_reader *reader,
                        struct pp_err *err);

#endif
