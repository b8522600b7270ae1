#include "notify/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define PAD_SUFFIX ",pad"

/* Steps over `prefix`, if the text starts with it. */
static bool skip_prefix(const char **text, const char *prefix) {
    size_t len = strlen(prefix);

    if (strncmp(*text, prefix, len) != 0)
        return false;
    *text += len;
    return true;
}

int pp_address_parse(struct pp_address *address, const char *text, struct pp_err *err) {
    const char *name = text;
    bool abstract;
    bool pad;
    size_t len;

    memset(address, 0, sizeof(*address));
    if (skip_prefix(&name, "sd:"))
        address->form = PP_ADDRESS_SD;
    else if (skip_prefix(&name, "zmq:"))
        address->form = PP_ADDRESS_ZMQ;
    abstract = skip_prefix(&name, "@");
    if (!abstract && !(address->form == PP_ADDRESS_SD && name[0] == '/'))
        return pp_err_set(err, PP_ERR_ADDRESS,
                          "not an address: write @name, @name,pad, sd:@name or zmq:@name");
    len = strlen(name);
    pad = len >= strlen(PAD_SUFFIX) && strcmp(name + len - strlen(PAD_SUFFIX), PAD_SUFFIX) == 0;
    if (pad && address->form != PP_ADDRESS_LINES)
        return pp_err_set(err, PP_ERR_ADDRESS, "only @name can be padded: leave out %s",
                          PAD_SUFFIX);
    if (pad)
        len -= strlen(PAD_SUFFIX);
    if (len == 0 || len > PP_ADDRESS_NAME_MAX)
        return pp_err_set(err, PP_ERR_ADDRESS, "the name has %zu bytes: give it 1 to %d", len,
                          PP_ADDRESS_NAME_MAX);
    memcpy(address->name, name, len);
    address->sun.sun_family = AF_UNIX;
    memcpy(address->sun.sun_path + (abstract ? 1 : 0), name, len);
    /* A path ends with a NUL, an abstract name begins with one. */
    address->sun_len = pad ? (socklen_t)sizeof(address->sun)
                           : (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
    return 0;
}
