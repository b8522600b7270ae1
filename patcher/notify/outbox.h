/* Messages that nobody has acknowledged yet, in STATE/spool/: one file a run, `<run>.json`, which
 * holds the message and LF. A message is put here before it is sent, and dropped when it is acked,
 * so no crash loses it; the app may read the folder too, once it listens.
 *
 * The folder is ours, mode 0700.
 */
#ifndef PP_NOTIFY_OUTBOX_H
#define PP_NOTIFY_OUTBOX_H

#include "notify/message.h"

#include <stddef.h>

#define PP_OUTBOX_NAME "spool"

struct pp_outbox {
    int fd;
};

#define PP_OUTBOX_INIT                                                                             \
    { .fd = -1 }
#define PP_AUTO_OUTBOX PP_AUTO(pp_outbox_done)

/* Opens the folder below `state_fd` (borrowed); makes it when it is missing. PP_ERR_REFUSED when it
 * belongs to another user or is open to others. */
int pp_outbox_open(struct pp_outbox *outbox, int state_fd, struct pp_err *err);
void pp_outbox_done(struct pp_outbox *outbox);

/* Keeps the message: it has reached the disk when this returns. */
int pp_outbox_put(const struct pp_outbox *outbox, const struct pp_message *message,
                  struct pp_err *err);
int pp_outbox_get(const struct pp_outbox *outbox, const char *run, struct pp_message *message,
                  struct pp_err *err);
/* Lets it go; one that is not there is no error. */
int pp_outbox_drop(const struct pp_outbox *outbox, const char *run, struct pp_err *err);

struct pp_outbox_entry {
    char run[PP_RUN_LEN + 1];
    int64_t mtime_ns;
};

/* What is kept, oldest first. The caller frees `entries`. */
int pp_outbox_list(const struct pp_outbox *outbox, struct pp_outbox_entry **entries, size_t *count,
                   struct pp_err *err);

#endif
