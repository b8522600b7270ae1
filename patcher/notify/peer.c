#include "notify/peer.h"

#include "base/cleanup.h"
#include "base/io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define OVERFLOW_UID_FILE "/proc/sys/kernel/overflowuid"
#define OVERFLOW_UID_DEFAULT 65534

static uid_t overflow_uid(void) {
    PP_AUTO_CLOSE int fd = open(OVERFLOW_UID_FILE, O_RDONLY | O_CLOEXEC);
    struct pp_err ignored = PP_ERR_INIT;
    char text[16] = "";

    if (fd < 0 || pp_io_read(fd, text, sizeof(text) - 1, &ignored) <= 0)
        return OVERFLOW_UID_DEFAULT;
    return (uid_t)strtoul(text, NULL, 10);
}

int pp_peers_check_uid(const struct pp_peers *peers, uid_t uid, struct pp_err *err) {
    if (uid == overflow_uid())
        return pp_err_set(err, PP_ERR_PEER,
                          "peer has uid %u, which proves nothing: use a token on both sides",
                          (unsigned)uid);
    if (uid == geteuid())
        return 0;
    for (size_t i = 0; i < peers->count; i++)
        if (uid == peers->uids[i])
            return 0;
    return pp_err_set(err, PP_ERR_PEER,
                      "peer has uid %u, not ours: allow it with --peer-uid, or use a token",
                      (unsigned)uid);
}

int pp_peers_check(const struct pp_peers *peers, int fd, struct pp_err *err) {
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return pp_err_sys(err, "cannot tell who the peer is");
    return pp_peers_check_uid(peers, cred.uid, err);
}
