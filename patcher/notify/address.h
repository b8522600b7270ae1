/* Where an app listens.
 *
 *     @name        protocol 1, an abstract socket whose address ends with the name
 *     @name,pad    the same, padded with NULs to the 108 bytes of sun_path
 *     sd:@name     sd_notify datagrams; sd:/path too, as NOTIFY_SOCKET holds either
 *     zmq:@name    a ZeroMQ REP socket bound to ipc://@name
 *
 * The length is part of an abstract address (unix(7)): the two forms are different sockets, and
 * only the one that was asked for is ever tried.
 */
#ifndef PP_NOTIFY_ADDRESS_H
#define PP_NOTIFY_ADDRESS_H

#include "base/error.h"

#include <sys/socket.h>
#include <sys/un.h>

/* Bytes of a name, so that it fits with a NUL on either side. */
#define PP_ADDRESS_NAME_MAX 106

enum pp_address_form {
    PP_ADDRESS_LINES, /* protocol 1 */
    PP_ADDRESS_SD,
    PP_ADDRESS_ZMQ,
};

struct pp_address {
    enum pp_address_form form;
    char name[PP_ADDRESS_NAME_MAX + 1]; /* without `@` and `,pad`, as the token's MACs take it */
    struct sockaddr_un sun;
    socklen_t sun_len;
};

/* PP_ERR_ADDRESS when the text is none of the above. */
int pp_address_parse(struct pp_address *address, const char *text, struct pp_err *err);

#endif
