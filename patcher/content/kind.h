/* The one table of what content can be: codecs, containers, and formats that are left alone. */
#ifndef PP_CONTENT_KIND_H
#define PP_CONTENT_KIND_H

#include "format/container.h"
#include "stream/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes at the head of content that tell its kind. */
#define PP_KIND_HEAD_LEN 512

struct pp_kind {
    const struct pp_codec *codec;         /* or NULL */
    const struct pp_container *container; /* or NULL */
    const char *left;                     /* or NULL; why content of this kind is not rewritten */
    bool is_deb;                          /* a container that is a Debian package */
    bool opaque;                          /* left, and a placeholder cannot be seen from outside */
};

/* Tells the kind by content alone. All fields are NULL for plain bytes. */
struct pp_kind pp_kind_of(const uint8_t *head, size_t len);

enum pp_executables {
    PP_EXECUTABLES_SKIP,    /* leave ELF files, files with an execute bit, scripts */
    PP_EXECUTABLES_SCRIPTS, /* leave ELF files */
    PP_EXECUTABLES_ALL,     /* leave none */
};

/* Why a file or member is left as an executable, or NULL. `mode`: its permission bits. */
const char *pp_kind_executable(const uint8_t *head, size_t len, uint32_t mode,
                               enum pp_executables policy);

#endif
