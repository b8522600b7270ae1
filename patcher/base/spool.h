/* A sink that keeps what it gets, to be read again as a blob: in memory while it is small, then in
 * an unlinked temporary file (TMPDIR, else /tmp). */
#ifndef PP_BASE_SPOOL_H
#define PP_BASE_SPOOL_H

#include "base/blob.h"
#include "base/buffer.h"
#include "base/sink.h"

/* Content up to this many bytes stays in memory. */
#define PP_SPOOL_MEMORY_MAX ((size_t)1 << 20)

struct pp_spool {
    struct pp_sink sink; /* write here */
    struct pp_buffer memory;
    int fd; /* -1 while in memory */
    uint64_t len;
};

#define PP_AUTO_SPOOL PP_AUTO(pp_spool_done)

/* An unlinked temporary file, of the process's own. */
int pp_spool_open_temporary(struct pp_err *err);

void pp_spool_init(struct pp_spool *spool);
void pp_spool_done(struct pp_spool *spool);
/* A view of all that was written; good until the next write. */
struct pp_blob pp_spool_blob(const struct pp_spool *spool);

#endif
