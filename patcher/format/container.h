/* Containers: archives over bytes, whose members are handed up by callback.
 *
 * One parser a format serves both ways: without a sink it shows every member (scan, lint, verify);
 * with a sink it also writes the container again, as it was, with the members that the visitor
 * patched. It knows nothing of placeholders and of what its members hold.
 */
#ifndef PP_FORMAT_CONTAINER_H
#define PP_FORMAT_CONTAINER_H

#include "base/error.h"
#include "base/sink.h"
#include "base/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pp_member_kind {
    PP_MEMBER_FILE,
    PP_MEMBER_SYMLINK, /* tar and cpio; the target comes by text() or content() */
    PP_MEMBER_OTHER,   /* folders, devices, hard links; zip: encrypted or of an unknown method */
};

struct pp_member {
    const char *name; /* borrowed, as stored; not checked in any way */
    enum pp_member_kind kind;
    uint32_t mode;      /* permission bits; 0 where the format has none */
    bool deflated;      /* zip: content() sees a raw deflate stream */
    bool len_fixed;     /* the content must keep its length, or the walk fails: never RESIZE */
    uint64_t len;       /* bytes as stored in the container; of a sparse file, with its holes */
    uint32_t crc32;     /* zip: of the plain text; content() with a sink sets the new one */
    uint64_t text_len;  /* zip: length of the plain text; content() with a sink sets the new one */
    const char *sealed; /* NULL, or why the archive stays as it is; it can be read all the same */
    bool is_signed;     /* that is why */
    bool is_key;        /* .mo: a message id, which text() must leave as it is */
    /* zip, tar: NULL, or why this member is to be copied; a zip does so whatever plan() says.
     * Unless it is of kind PP_MEMBER_OTHER it can be read all the same. */
    const char *unsupported;
};

enum pp_member_plan {
    PP_PLAN_COPY,   /* leave every byte of it as it is; content() is not called */
    PP_PLAN_PATCH,  /* content() writes as many bytes as it reads; nothing is held back */
    PP_PLAN_RESIZE, /* content() may write another number of bytes: collected first */
    PP_PLAN_LAST,   /* zip: as RESIZE, but content() is called after all the others (a wheel's
                       RECORD); the member stays in its place */
};

/* What content() returns when it succeeds. */
enum pp_member_result {
    PP_MEMBER_WRITTEN = 0,
    PP_MEMBER_KEPT = 1, /* RESIZE and LAST, and all of a zip: what it wrote is dropped, the member
                           is copied */
};

struct pp_visitor;

/* Shows the members of part `i` to `visitor`. */
typedef int pp_part_fn(void *arg, size_t i, struct pp_visitor *visitor, struct pp_err *err);

struct pp_visitor {
    /* With a sink only: what to do with a member. `head` holds its first bytes as stored, up to
     * 512. Returns an enum pp_member_plan, or an error that ends the walk. */
    int (*plan)(struct pp_visitor *visitor, const struct pp_member *member, const uint8_t *head,
                size_t head_len, struct pp_err *err);
    /* The stored bytes of a member. `out` is NULL without a sink. What is left unread of `in` is
     * skipped. Returns an enum pp_member_result, or an error that ends the walk: what may go wrong
     * with one member alone is dealt with by the visitor.
     * tar, ar, cpio: `in` is a blob when the plan is RESIZE, else it passes once; with the plan
     * PATCH all of it is written, and WRITTEN and KEPT are the same.
     * zip: members come in the order in which they stand in the file, folders too. `in` is a blob
     * (pp_source_blob); the zip's own source, when it is a blob, is not moved. The visitor compares
     * what it decodes with crc32 and text_len. Whatever the plan, the length may change: what is
     * written is collected before the zip is. */
    int (*content)(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                   struct pp_sink *out, struct pp_err *err);
    /* A field of the header that may hold a path (name, link target), or a text that must stay
     * where it is (a translation in a .mo): edited in place at equal length. `offset` is where it
     * stands in the container. Comes before plan(), without a sink too, and more than once when
     * the container states a name more than once. Returns 1 when it was changed, 0 when not. */
    int (*text)(struct pp_visitor *visitor, const struct pp_member *member, uint64_t offset,
                uint8_t *data, size_t len, struct pp_err *err);
    /* NULL, or what takes the parts of a zip that is only read: they may be walked at the same
     * time. Calls walk(arg, i, ...) for each i below `count`, with a visitor that nobody else uses
     * meanwhile. The first error in the order of parts is returned. */
    int (*parts)(struct pp_visitor *visitor, size_t count, pp_part_fn *walk, void *arg,
                 struct pp_err *err);
};

struct pp_container {
    const char *name;
    /* Does content that starts like this belong to the format? Up to 512 bytes of it. */
    bool (*bid)(const uint8_t *head, size_t len);
    /* PP_ERR_DAMAGED: the container is not sound; PP_ERR_UNSUPPORTED: sound, but it cannot be
     * written again (the text says why). The sink's content is void after an error. */
    int (*walk)(struct pp_source *in, struct pp_sink *out, struct pp_visitor *visitor,
                struct pp_err *err);
};

extern const struct pp_container pp_container_zip;
extern const struct pp_container pp_container_tar;
extern const struct pp_container pp_container_ar;
extern const struct pp_container pp_container_cpio;
extern const struct pp_container pp_container_mo;

#endif
