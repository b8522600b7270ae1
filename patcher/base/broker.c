#include "base/broker.h"

#include "base/spool.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum request { TEMPORARY = 't', LAST = 'l' };

/* The one of this process; -1: none. */
static struct {
    int socket;
    pid_t pid;
} broker = {-1, 0};

bool pp_broker_is_there(void) {
    return broker.socket >= 0;
}

/* An answer is an errno, and where that is 0 an open file. */
union answer_control {
    struct cmsghdr align;
    char data[CMSG_SPACE(sizeof(int))];
};

static void make_answer(struct msghdr *message, struct iovec *bytes, int *error,
                        union answer_control *control) {
    *bytes = (struct iovec){error, sizeof(*error)};
    memset(control, 0, sizeof(*control));
    *message = (struct msghdr){.msg_iov = bytes,
                               .msg_iovlen = 1,
                               .msg_control = control->data,
                               .msg_controllen = sizeof(control->data)};
}

/* ---- the child ---- */

static void give_temporary(int socket) {
    struct pp_err err = PP_ERR_INIT;
    int fd = pp_spool_open_temporary(&err);
    int error = fd < 0 ? err.sys : 0;
    union answer_control control;
    struct msghdr message;
    struct iovec bytes;

    make_answer(&message, &bytes, &error, &control);
    if (fd < 0) {
        message.msg_controllen = 0;
    } else {
        control.align = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
    }
    sendmsg(socket, &message, MSG_NOSIGNAL);
    if (fd >= 0)
        close(fd);
}

/* Ends with _exit(): what is in buffers of stdio is the parent's. */
static _Noreturn void serve(int socket, pp_broker_last_fn *last, void *context) {
    char request;
    ssize_t len;

    for (;;) {
        len = recv(socket, &request, 1, 0);
        if (len == 1 && request == TEMPORARY)
            give_temporary(socket);
        else if (len >= 0 || errno != EINTR)
            break;
    }
    _exit(last != NULL ? last(context, len == 1 && request == LAST) : 0);
}

/* ---- the process ---- */

int pp_broker_start(pp_broker_last_fn *last, void *context, struct pp_err *err) {
    int ends[2];
    pid_t pid;

    if (pp_broker_is_there())
        return pp_err_set(err, PP_ERR_USAGE, "there is a broker already");
    /* A message is whole or not there. */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return pp_err_sys(err, "cannot make a socket for the broker");
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        serve(ends[1], last, context);
    }
    close(ends[1]);
    if (pid < 0) {
        pp_err_sys(err, "cannot start the broker");
        close(ends[0]);
        return -(int)err->kind;
    }
    broker.socket = ends[0];
    broker.pid = pid;
    return 0;
}

static int ask(enum request request, struct pp_err *err) {
    char byte = (char)request;

    if (send(broker.socket, &byte, 1, MSG_NOSIGNAL) < 0)
        return pp_err_sys(err, "the broker does not hear");
    return 0;
}

/* Threads may get one another's answer: one is as good as the other. */
int pp_broker_temporary(struct pp_err *err) {
    union answer_control control;
    struct msghdr message;
    struct iovec bytes;
    ssize_t len;
    int error = 0;
    int fd = -1;

    if (ask(TEMPORARY, err) < 0)
        return -(int)err->kind;
    make_answer(&message, &bytes, &error, &control);
    do
        len = recvmsg(broker.socket, &message, MSG_CMSG_CLOEXEC);
    while (len < 0 && errno == EINTR);
    if (len < (ssize_t)sizeof(error))
        return len < 0 ? pp_err_sys(err, "the broker does not answer")
                       : pp_err_set(err, PP_ERR_SYSTEM, "the broker has ended");
    if (error == 0 && message.msg_controllen >= CMSG_LEN(sizeof(fd)))
        memcpy(&fd, CMSG_DATA(&control.align), sizeof(fd));
    if (fd >= 0)
        return fd;
    /* The kernel drops a descriptor where there is no number left for it. */
    errno = error != 0 ? error : EMFILE;
    return pp_err_sys(err, "the broker cannot open a temporary file");
}

static int wait_for_it(int *status) {
    pid_t ended;

    close(broker.socket);
    broker.socket = -1;
    do
        ended = waitpid(broker.pid, status, 0);
    while (ended < 0 && errno == EINTR);
    return ended < 0 ? -1 : 0;
}

int pp_broker_finish(int *status, struct pp_err *err) {
    if (ask(LAST, err) < 0)
        return -(int)err->kind;
    return wait_for_it(status) < 0 ? pp_err_sys(err, "cannot wait for the broker") : 0;
}

void pp_broker_end(void) {
    int status;

    if (pp_broker_is_there())
        wait_for_it(&status);
}
