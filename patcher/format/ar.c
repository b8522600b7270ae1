/* ar: the common format with GNU and BSD long names; a .deb is one.
 * Source: the manual page ar(5) of the BSDs; binutils, include/aout/ar.h; deb(5). */
#include "format/pass.h"

#include <stdio.h>
#include <string.h>

#define MAGIC "!<arch>\n"
#define THIN_MAGIC "!<thin>\n"
#define MAGIC_LEN 8
#define HEADER_LEN 60
/* Names, not content: long ones, and those that stand before the content. */
#define NAMES_MAX ((size_t)8 << 20)

enum field {
    NAME = 0,
    NAME_LEN = 16,
    MODE = 40,
    MODE_LEN = 8,
    SIZE = 48,
    SIZE_LEN = 10,
    END = 58,
};

struct ar {
    struct pp_pass pass;
    struct pp_buffer header; /* of the member, with a BSD name behind it */
    struct pp_buffer names;  /* the GNU table of long names */
    struct pp_buffer name;   /* of the member */
    uint64_t offset;         /* of `header` in the container */
    bool symbols;            /* a table of them holds offsets: no member may move */
    bool deb;
};

static bool bid(const uint8_t *head, size_t len) {
    return len >= MAGIC_LEN &&
           (memcmp(head, MAGIC, MAGIC_LEN) == 0 || memcmp(head, THIN_MAGIC, MAGIC_LEN) == 0);
}

/* Digits of `base`, then spaces. An empty field is 0. */
static bool field_number(const uint8_t *field, size_t len, unsigned base, uint64_t *number) {
    size_t i = 0;

    *number = 0;
    for (; i < len && field[i] >= '0' && field[i] < '0' + base; i++)
        *number = *number * base + (uint64_t)(field[i] - '0');
    while (i < len && field[i] == ' ')
        i++;
    return i == len;
}

/* Mends the size when `len`, of the content, is not what it states. */
static int write_header(void *header, uint64_t len, struct pp_err *err) {
    struct ar *ar = header;
    uint8_t *field = ar->header.data + SIZE;
    char text[24];
    uint64_t size = 0;
    size_t text_len;

    len += ar->header.len - HEADER_LEN;
    field_number(field, SIZE_LEN, 10, &size);
    if (size != len) {
        text_len = (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)len);
        if (text_len > SIZE_LEN)
            return pp_err_set(err, PP_ERR_UNSUPPORTED, "the new size does not fit in its header");
        memset(field, ' ', SIZE_LEN);
        memcpy(field, text, text_len);
    }
    return pp_pass_write(&ar->pass, ar->header.data, ar->header.len, err);
}

/* A name that stands elsewhere: "/OFFSET" in the table, "#1/LEN" behind the header. Sets `name`,
 * which has room for a short one, or returns another. */
static const char *find_name(struct ar *ar, char *name, uint64_t *size, struct pp_err *err) {
    const uint8_t *field = ar->header.data + NAME;
    size_t len = NAME_LEN;
    uint64_t number;

    if (memcmp(field, "#1/", 3) == 0 && field_number(field + 3, NAME_LEN - 3, 10, &number)) {
        if (number > *size) {
            pp_err_set(err, PP_ERR_DAMAGED, "a name is longer than its member");
            return NULL;
        }
        *size -= number;
        if (pp_pass_append(&ar->pass, &ar->header, number, NAMES_MAX, err) < 0)
            return NULL;
        return (const char *)ar->header.data + HEADER_LEN;
    }
    if (field[0] == '/' && field[1] >= '0' && field[1] <= '9') {
        if (!field_number(field + 1, NAME_LEN - 1, 10, &number) || number >= ar->names.len) {
            pp_err_set(err, PP_ERR_DAMAGED, "a name is not in the table of names");
            return NULL;
        }
        return (const char *)ar->names.data + number;
    }
    while (len > 0 && field[len - 1] == ' ')
        len--;
    memcpy(name, field, len);
    name[len] = '\0';
    return name;
}

static int read_header(struct ar *ar, struct pp_err *err) {
    uint8_t header[HEADER_LEN];
    ssize_t count;

    ar->offset = ar->pass.offset;
    ar->header.len = 0;
    count = pp_pass_read(&ar->pass, header, sizeof(header), err);
    if (count <= 0)
        return (int)count;
    if ((size_t)count < sizeof(header))
        return pp_err_set(err, PP_ERR_DAMAGED, "truncated in a header");
    if (header[END] != '`' || header[END + 1] != '\n')
        return pp_err_set(err, PP_ERR_DAMAGED, "no header at offset %llu",
                          (unsigned long long)ar->offset);
    if (pp_buffer_append(&ar->header, header, sizeof(header), err) < 0)
        return -(int)err->kind;
    return 1;
}

static bool is_symbols(const char *name) {
    return strcmp(name, "/") == 0 || strcmp(name, "/SYM64/") == 0 ||
           strncmp(name, "__.SYMDEF", 9) == 0;
}

static int walk_other(struct ar *ar, uint64_t size, struct pp_err *err) {
    int rc = pp_pass_write(&ar->pass, ar->header.data, ar->header.len, err);

    return rc < 0 ? rc : pp_pass_copy(&ar->pass, size, err);
}

/* The GNU table of long names: "NAME/\n" for each. They are ended by NULs for our use once the
 * table is written. */
static int walk_names(struct ar *ar, const struct pp_member *member, struct pp_err *err) {
    uint64_t offset = ar->pass.offset;
    int rc;

    ar->names.len = 0;
    rc = pp_pass_append(&ar->pass, &ar->names, member->len, NAMES_MAX, err);
    if (rc >= 0)
        rc = pp_pass_text(&ar->pass, member, offset, ar->names.data, ar->names.len, err);
    if (rc >= 0)
        rc = pp_pass_write(&ar->pass, ar->header.data, ar->header.len, err);
    if (rc >= 0)
        rc = pp_pass_write(&ar->pass, ar->names.data, ar->names.len, err);
    for (size_t i = 0; rc >= 0 && i < ar->names.len; i++) {
        if (ar->names.data[i] != '\n')
            continue;
        ar->names.data[i] = '\0';
        if (i > 0 && ar->names.data[i - 1] == '/')
            ar->names.data[i - 1] = '\0';
    }
    return rc;
}

/* Where the name of a member stands: behind the header (BSD) or in it. An offset in the table of
 * names is none. */
static int offer_name(struct ar *ar, const struct pp_member *member, struct pp_err *err) {
    size_t at = ar->header.len > HEADER_LEN ? HEADER_LEN : NAME;
    size_t len = at == NAME ? NAME_LEN : ar->header.len - HEADER_LEN;

    if (at == NAME && ar->header.data[NAME] == '/')
        return 0;
    return pp_pass_text(&ar->pass, member, ar->offset + at, ar->header.data + at, len, err);
}

static int walk_file(struct ar *ar, struct pp_member *member, uint64_t *new_len,
                     struct pp_err *err) {
    int rc = offer_name(ar, member, err);

    if (rc < 0)
        return rc;
    return pp_pass_content(&ar->pass, member, write_header, ar, new_len, err);
}

/* Content of odd length is followed by a line feed, which some writers leave out at the end. */
static int walk_padding(struct ar *ar, uint64_t len, uint64_t new_len, struct pp_err *err) {
    uint8_t byte = '\n';
    ssize_t count = 1;

    if (len % 2 == 1) {
        count = pp_pass_read(&ar->pass, &byte, 1, err);
        if (count < 0)
            return (int)count;
    }
    return pp_pass_write(&ar->pass, &byte, new_len % 2 == 1 && count == 1 ? 1 : 0, err);
}

/* The name of the member, kept in `ar->name`; takes a BSD name off its length. NULL and `err` when
 * there is none. */
static const char *read_name(struct ar *ar, struct pp_member *member, struct pp_err *err) {
    char short_name[NAME_LEN + 1];
    const char *stored = find_name(ar, short_name, &member->len, err);
    struct pp_buffer *name = &ar->name;

    name->len = 0;
    if (stored == NULL || pp_buffer_append(name, stored, strlen(stored), err) < 0)
        return NULL;
    /* GNU ends short names by a slash, for the sake of spaces in them. */
    if (name->len > 1 && name->data[0] != '/' && name->data[name->len - 1] == '/')
        name->data[name->len - 1] = '\0';
    return (const char *)name->data;
}

static int walk_member(struct ar *ar, bool first, struct pp_err *err) {
    struct pp_member member = {.kind = PP_MEMBER_FILE};
    const char *name;
    uint64_t mode = 0;
    uint64_t size;
    uint64_t new_len;
    int rc;

    if (!field_number(ar->header.data + SIZE, SIZE_LEN, 10, &size))
        return pp_err_set(err, PP_ERR_DAMAGED, "the size in a header is not a number");
    member.len = size;
    name = read_name(ar, &member, err);
    if (name == NULL)
        return -(int)err->kind;
    member.name = name;
    if (field_number(ar->header.data + MODE, MODE_LEN, 8, &mode))
        member.mode = (uint32_t)mode & 07777;
    new_len = member.len;
    if (is_symbols(name)) {
        ar->symbols = true;
        rc = walk_other(ar, member.len, err);
    } else if (strcmp(name, "//") == 0) {
        member.kind = PP_MEMBER_OTHER;
        rc = walk_names(ar, &member, err);
    } else {
        member.len_fixed = ar->symbols;
        if (first && strcmp(name, "debian-binary") == 0)
            ar->deb = true;
        if (ar->deb && ar->pass.out != NULL && strncmp(name, "_gpg", 4) == 0)
            return pp_err_set(err, PP_ERR_UNSUPPORTED, "a signed package: %s would no longer fit",
                              name);
        rc = walk_file(ar, &member, &new_len, err);
    }
    if (rc < 0)
        return rc;
    new_len += ar->header.len - HEADER_LEN;
    return walk_padding(ar, size, new_len, err);
}

static int walk_all(struct ar *ar, struct pp_err *err) {
    uint8_t magic[MAGIC_LEN];
    bool first = true;
    ssize_t count = pp_pass_read(&ar->pass, magic, sizeof(magic), err);
    int rc;

    if (count < 0)
        return (int)count;
    if (!bid(magic, (size_t)count))
        return pp_err_set(err, PP_ERR_DAMAGED, "not an ar archive");
    if (memcmp(magic, THIN_MAGIC, MAGIC_LEN) == 0)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "a thin archive: its members are elsewhere");
    rc = pp_pass_write(&ar->pass, magic, sizeof(magic), err);
    if (rc < 0)
        return rc;
    while ((rc = read_header(ar, err)) > 0) {
        rc = walk_member(ar, first, err);
        if (rc < 0)
            return rc;
        first = false;
    }
    return rc;
}

static int walk(struct pp_source *in, struct pp_sink *out, struct pp_visitor *visitor,
                struct pp_err *err) {
    struct ar ar = {.pass = {.in = in, .out = out, .visitor = visitor},
                    .header = PP_BUFFER_INIT,
                    .names = PP_BUFFER_INIT,
                    .name = PP_BUFFER_INIT};
    int rc = walk_all(&ar, err);

    pp_buffer_done(&ar.header);
    pp_buffer_done(&ar.names);
    pp_buffer_done(&ar.name);
    return rc;
}

const struct pp_container pp_container_ar = {.name = "ar", .bid = bid, .walk = walk};
