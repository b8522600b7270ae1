/* Who may be at the other end of a socket.
 *
 * Abstract sockets have no permissions: anybody may bind the name first. So the kernel's word
 * (SO_PEERCRED) decides before a byte is sent. It is
 * the uid of who called listen(2) or connect(2), and the uid that stands for "unmapped" in a user
 * namespace (overflowuid) proves nothing at all.
 */
#ifndef PP_NOTIFY_PEER_H
#define PP_NOTIFY_PEER_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Uids that are trusted besides our own; borrowed. */
struct pp_peers {
    const uid_t *uids;
    size_t count;
};

/* PP_ERR_PEER when `uid` is neither ours nor listed. */
int pp_peers_check_uid(const struct pp_peers *peers, uid_t uid, struct pp_err *err);
/* The same for who is at the other end of a connected stream socket. */
int pp_peers_check(const struct pp_peers *peers, int fd, struct pp_err *err);

#endif
