#include "notify/datagram.h"

#include "base/buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

static int datagram_text(const struct pp_message *message, struct pp_buffer *text,
                         struct pp_err *err) {
    int rc = 0;

    switch (message->type) {
    case PP_MESSAGE_START:
        rc = pp_buffer_printf(text, err, "STATUS=Patching.\n");
        break;
    case PP_MESSAGE_PROGRESS:
        rc =
            pp_buffer_printf(text, err, "STATUS=Patched %" PRId64 " of %" PRId64 " files so far.\n",
                             message->patched, message->files);
        break;
    case PP_MESSAGE_COMPLETE:
        rc = pp_buffer_printf(text, err,
                              "READY=1\nSTATUS=Patched %" PRId64 " of %" PRId64 " files.\n",
                              message->patched, message->files);
        break;
    case PP_MESSAGE_FAILED:
        rc = pp_buffer_printf(text, err, "STATUS=Failed with status %d.\nERRNO=%d\n",
                              message->status, message->status);
        break;
    }
    if (rc < 0)
        return rc;
    return pp_buffer_printf(text, err, "X_PATHPATCH_RUN=%s\n", message->run);
}

int pp_datagram_send(const struct pp_address *address, const struct pp_message *message,
                     struct pp_err *err) {
    PP_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    int rc;

    if (fd < 0)
        return pp_err_sys(err, "cannot make a socket");
    rc = datagram_text(message, &text, err);
    if (rc < 0)
        return rc;
    if (sendto(fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&address->sun, address->sun_len) >= 0)
        return 0;
    rc = pp_err_sys(err, "cannot send");
    /* ENOENT is the ECONNREFUSED of a path; EAGAIN and ENOBUFS: its queue is full. */
    if (err->sys == ECONNREFUSED || err->sys == ENOENT)
        return pp_err_set(err, PP_ERR_UNDELIVERED, "nobody listens there");
    if (err->sys == EAGAIN || err->sys == ENOBUFS)
        return pp_err_set(err, PP_ERR_UNDELIVERED, "the receiver is too slow");
    return rc;
}

int pp_datagram_ask_uid(int fd, struct pp_err *err) {
    int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
        return pp_err_sys(err, "cannot ask who sends");
    return 0;
}

int pp_datagram_receive(int fd, char text[PP_LINE_MAX], uid_t *uid, struct pp_err *err) {
    /* Room for the credentials alone: the kernel closes descriptors that come along, which is what
     * the senders of BARRIER=1 wait for. */
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec data = {.iov_base = text, .iov_len = PP_LINE_MAX - 1};
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    const struct cmsghdr *header;
    struct ucred cred;
    ssize_t len = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (len < 0)
        return pp_err_sys(err, "cannot receive");
    text[len] = '\0';
    header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS)
        return pp_err_set(err, PP_ERR_PEER, "a datagram of an unknown sender");
    memcpy(&cred, CMSG_DATA(header), sizeof(cred));
    *uid = cred.uid;
    if (len == 0 || (message.msg_flags & MSG_TRUNC) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "a datagram that is empty, or longer than %d bytes",
                          PP_LINE_MAX - 1);
    return (int)len;
}
