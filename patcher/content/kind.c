#include "content/kind.h"

#include "base/cleanup.h"

#include <string.h>

static const struct pp_codec *const codecs[] = {
    &pp_codec_gzip, &pp_codec_bzip2, &pp_codec_xz, &pp_codec_zstd, &pp_codec_lzma,
};

static const struct pp_container *const containers[] = {
    &pp_container_zip, &pp_container_ar, &pp_container_cpio, &pp_container_mo, &pp_container_tar,
};

/* Formats that are left as they are, told by their magic bytes. */
static const struct left_kind {
    size_t offset;
    const char *magic;
    size_t magic_len;
    bool opaque;
    const char *why;
} left_kinds[] = {
#define MAGIC(text) text, sizeof(text) - 1
    {0, MAGIC("SQLite format 3"), false, "SQLite: its indexes are ordered by content"},
    {0, MAGIC("\x04\x22\x4d\x18"), true, "lz4 is not rewritten"},
    {0, MAGIC("\x1f\x9d"), true, "compress (.Z) is not rewritten"},
    {0, MAGIC("LZIP"), true, "lzip is not rewritten"},
    {0, MAGIC("7z\xbc\xaf\x27\x1c"), true, "7z is not rewritten"},
    {0, MAGIC("hsqs"), true, "squashfs is not rewritten"},
    {0, MAGIC("%PDF-"), false, "PDF holds a table of its own offsets and compressed parts"},
    {0, MAGIC("FOR1"), false, "BEAM code is checked by its loader"},
    {0, MAGIC("GVariant"), false, "GResource bundles hash their keys"},
    {0, MAGIC("\x89PNG\r\n\x1a\n"), false, "PNG chunks carry checksums"},
#undef MAGIC
};

/* deb(5): the first member of a package. */
static const char deb_head[] = "!<arch>\ndebian-binary";

struct pp_kind pp_kind_of(const uint8_t *head, size_t len) {
    struct pp_kind kind = {.codec = NULL, .container = NULL, .left = NULL};

    for (size_t i = 0; i < PP_ARRAY_LEN(codecs); i++) {
        if (codecs[i]->bid(head, len)) {
            kind.codec = codecs[i];
            return kind;
        }
    }
    for (size_t i = 0; i < PP_ARRAY_LEN(containers); i++) {
        if (containers[i]->bid(head, len)) {
            kind.container = containers[i];
            kind.is_deb = kind.container == &pp_container_ar && len >= sizeof(deb_head) - 1 &&
                          memcmp(head, deb_head, sizeof(deb_head) - 1) == 0;
            return kind;
        }
    }
    for (size_t i = 0; i < PP_ARRAY_LEN(left_kinds); i++) {
        const struct left_kind *left = &left_kinds[i];

        if (len >= left->offset + left->magic_len &&
            memcmp(head + left->offset, left->magic, left->magic_len) == 0) {
            kind.left = left->why;
            kind.opaque = left->opaque;
            return kind;
        }
    }
    return kind;
}

const char *pp_kind_executable(const uint8_t *head, size_t len, uint32_t mode,
                               enum pp_executables policy) {
    if (policy == PP_EXECUTABLES_ALL)
        return NULL;
    if (len >= 4 && memcmp(head,
                           "\x7f"
                           "ELF",
                           4) == 0)
        return "an ELF file";
    if (policy == PP_EXECUTABLES_SCRIPTS)
        return NULL;
    if (len >= 2 && head[0] == '#' && head[1] == '!')
        return "a script";
    if ((mode & 0111) != 0)
        return "has an execute bit";
    return NULL;
}
