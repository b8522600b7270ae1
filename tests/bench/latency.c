/* How long it takes to tell an app: connect, peer check, send, ack. Beside it, in the same run and
 * in turns: a ping-pong over a socketpair (the least that two threads can do), the same exchange
 * with bare system calls, and libzmq's REQ and REP.
 *
 * Prints the least and the median round, and the ratio of the medians to the socketpair's.
 */
#include "base/cleanup.h"
#include "notify/notifier.h"
#include "notify/receiver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define ROUND_COUNT 15
#define EXCHANGE_COUNT 400 /* in a round */
/* As long as a message of protocol 1 is. */
#define LINE_LEN 128

static void check(bool fine, const char *what) {
    if (!fine) {
        fprintf(stderr, "latency: %s\n", what);
        exit(1);
    }
}

static struct pp_address address_of(const char *form, const char *name) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_address address;
    char text[PP_ADDRESS_NAME_MAX];

    snprintf(text, sizeof(text), "%s@pathpatch-latency-%s-%d", form, name, (int)getpid());
    check(pp_address_parse(&address, text, &err) == 0, err.text);
    return address;
}

static void spawn(void *(*run)(void *), void *arg) {
    pthread_t thread;

    check(pthread_create(&thread, NULL, run, arg) == 0, "no thread");
    pthread_detach(thread);
}

/* Sends back what comes, until the peer has gone. */
static void echo(int fd) {
    char data[LINE_LEN];
    ssize_t len;

    while ((len = recv(fd, data, sizeof(data), MSG_WAITALL)) > 0)
        check(send(fd, data, (size_t)len, MSG_NOSIGNAL) == len, "echo");
}

static void ping(int fd) {
    char data[LINE_LEN] = {0};

    check(send(fd, data, sizeof(data), MSG_NOSIGNAL) == sizeof(data), "send");
    check(recv(fd, data, sizeof(data), MSG_WAITALL) == sizeof(data), "receive");
}

static int pair[2];

static void *serve_pair(void *arg) {
    (void)arg;
    echo(pair[1]);
    return NULL;
}

static void socketpair_exchange(void) {
    ping(pair[0]);
}

static struct pp_address bare;

static void *serve_bare(void *arg) {
    int listener = *(int *)arg;

    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        check(fd >= 0, "accept");
        echo(fd);
        close(fd);
    }
}

static void bare_exchange(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ucred cred;
    socklen_t len = sizeof(cred);

    check(connect(fd, (struct sockaddr *)&bare.sun, bare.sun_len) == 0, "connect");
    check(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0, "peer");
    ping(fd);
    close(fd);
}

static int take_message(void *data, const struct pp_receipt *receipt, struct pp_err *err) {
    (void)data;
    (void)receipt;
    (void)err;
    return 0;
}

static void take_refusal(void *data, const struct pp_err *why) {
    (void)data;
    check(false, why->text);
}

static void *serve_receiver(void *arg) {
    const struct pp_receiver_handler handler = {take_message, take_refusal, NULL};
    struct pp_err err = PP_ERR_INIT;

    pp_receiver_run(arg, &handler, &err);
    check(false, err.text);
    return NULL;
}

static void deliver(const struct pp_address *address) {
    struct pp_err err = PP_ERR_INIT;
    char run[PP_RUN_LEN + 1];
    struct pp_notifier_options options = {.address = *address, .run = run};
    struct pp_notifier *notifier;

    check(pp_run_new(run, &err) == 0, err.text);
    notifier = pp_notifier_new(&options, &err);
    check(notifier != NULL, err.text);
    check(pp_notifier_deliver(notifier, PP_MESSAGE_COMPLETE, 0, 4132, 977, &err) == 0, err.text);
    pp_notifier_free(notifier);
}

static struct pp_address lines;

static void protocol_exchange(void) {
    deliver(&lines);
}

static void *context;
static struct pp_address queue;
static char endpoint[PP_ADDRESS_NAME_MAX + 16];

static void *serve_queue(void *arg) {
    char data[LINE_LEN];

    for (;;) {
        check(zmq_recv(arg, data, sizeof(data), 0) >= 0, "zmq_recv");
        check(zmq_send(arg, PP_NOTIFY_EXPECT, strlen(PP_NOTIFY_EXPECT), 0) >= 0, "zmq_send");
    }
    return NULL;
}

static void zmq_form_exchange(void) {
    deliver(&queue);
}

static void libzmq_exchange(void) {
    void *socket = zmq_socket(context, ZMQ_REQ);
    char data[LINE_LEN];

    check(zmq_connect(socket, endpoint) == 0, "zmq_connect");
    check(zmq_send(socket, PP_NOTIFY_PAYLOAD, strlen(PP_NOTIFY_PAYLOAD), 0) >= 0, "zmq_send");
    check(zmq_recv(socket, data, sizeof(data), 0) >= 0, "zmq_recv");
    zmq_close(socket);
}

static int listen_bare(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(bind(fd, (struct sockaddr *)&bare.sun, bare.sun_len) == 0 && listen(fd, 16) == 0,
          "listen");
    return fd;
}

static void start_peers(void) {
    static int listener;
    struct pp_receiver_options options = {.token = NULL};
    struct pp_err err = PP_ERR_INIT;
    struct pp_receiver *receiver;
    void *reply;

    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    spawn(serve_pair, NULL);

    bare = address_of("", "bare");
    listener = listen_bare();
    spawn(serve_bare, &listener);

    lines = options.address = address_of("", "lines");
    receiver = pp_receiver_new(&options, &err);
    check(receiver != NULL, err.text);
    spawn(serve_receiver, receiver);

    queue = address_of("zmq:", "queue");
    snprintf(endpoint, sizeof(endpoint), "ipc://@%s", queue.name);
    context = zmq_ctx_new();
    reply = zmq_socket(context, ZMQ_REP);
    check(zmq_bind(reply, endpoint) == 0, "zmq_bind");
    spawn(serve_queue, reply);
}

static double microseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

int main(void) {
    static struct row {
        const char *name;
        void (*exchange)(void);
        double rounds[ROUND_COUNT]; /* microseconds an exchange */
    } rows[] = {
        {"socketpair ping-pong, one connection", socketpair_exchange, {0}},
        {"bare system calls, a connection each", bare_exchange, {0}},
        {"pathpatch @name, a connection each", protocol_exchange, {0}},
        {"pathpatch zmq:@name to libzmq REP", zmq_form_exchange, {0}},
        {"libzmq REQ to REP, a connection each", libzmq_exchange, {0}},
    };
    int major, minor, patch;

    start_peers();
    for (size_t round = 0; round < ROUND_COUNT; round++)
        for (size_t i = 0; i < PP_ARRAY_LEN(rows); i++) {
            double begin;

            rows[i].exchange();
            begin = microseconds();
            for (size_t k = 0; k < EXCHANGE_COUNT; k++)
                rows[i].exchange();
            rows[i].rounds[round] = (microseconds() - begin) / EXCHANGE_COUNT;
        }
    zmq_version(&major, &minor, &patch);
    printf("%d rounds of %d exchanges in turns; libzmq %d.%d.%d\n", ROUND_COUNT, EXCHANGE_COUNT,
           major, minor, patch);
    printf("%-38s %10s %10s %8s\n", "", "least us", "median us", "ratio");
    for (size_t i = 0; i < PP_ARRAY_LEN(rows); i++) {
        qsort(rows[i].rounds, ROUND_COUNT, sizeof(double), compare);
        printf("%-38s %10.1f %10.1f %8.2f\n", rows[i].name, rows[i].rounds[0],
               rows[i].rounds[ROUND_COUNT / 2],
               rows[i].rounds[ROUND_COUNT / 2] / rows[0].rounds[ROUND_COUNT / 2]);
    }
    return 0;
}
