/* sd_notify(3): a datagram of VARIABLE=value lines. Nobody answers, and nobody is known to have
 * read it: the receiver is unauthenticated. */
#ifndef PP_NOTIFY_DATAGRAM_H
#define PP_NOTIFY_DATAGRAM_H

#include "notify/address.h"
#include "notify/message.h"

#include <sys/types.h>

/* PP_ERR_UNDELIVERED as in channel.h. */
int pp_datagram_send(const struct pp_address *address, const struct pp_message *message,
                     struct pp_err *err);

/* The other side, on a bound socket that does not block. Takes one datagram of less than
 * PP_LINE_MAX bytes, and who sent it, by the kernel's word. Returns its length (`text` is
 * NUL-terminated), or 0 when there is none now. */
int pp_datagram_receive(int fd, char text[PP_LINE_MAX], uid_t *uid, struct pp_err *err);
/* Makes the kernel tell the sender; before the first datagram comes. */
int pp_datagram_ask_uid(int fd, struct pp_err *err);

#endif
