/* Random bytes, and forgetting secrets. */
#ifndef PP_BASE_SECRET_H
#define PP_BASE_SECRET_H

#include "base/error.h"

#include <stddef.h>

/* Fills `data` from the kernel's generator; works without /dev, as in a bare chroot. */
int pp_secret_random(void *data, size_t len, struct pp_err *err);

/* Overwrites `data`, and is not optimised away (bionic has no explicit_bzero). */
void pp_secret_wipe(void *data, size_t len);

#endif
