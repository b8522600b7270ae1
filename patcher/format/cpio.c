/* cpio newc: 070701, and 070702 whose sums we read but do not write.
 * Sources: cpio(5) of libarchive; Linux, Documentation/driver-api/early-userspace/buffer-format. */
#include "format/pass.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC_LEN 6
#define HEADER_LEN 110
#define DIGIT_COUNT 8
#define TRAILER "TRAILER!!!"
/* Names and link targets; the kernel stops at 4096. */
#define TEXT_MAX ((size_t)64 << 10)

#define WITH_SUMS "a cpio archive with sums"

enum field {
    MODE = 14,
    SIZE = 54,
    NAME_SIZE = 94,
};

struct cpio {
    struct pp_pass pass;
    struct pp_buffer header; /* of the member, with its name, padding, and link target */
    uint64_t offset;         /* of `header` in the container */
    uint64_t size;
};

static bool bid(const uint8_t *head, size_t len) {
    return len >= MAGIC_LEN &&
           (memcmp(head, "070701", MAGIC_LEN) == 0 || memcmp(head, "070702", MAGIC_LEN) == 0);
}

static bool hex_number(const uint8_t *field, uint32_t *number) {
    *number = 0;
    for (size_t i = 0; i < DIGIT_COUNT; i++) {
        uint8_t digit = field[i];

        if (digit >= '0' && digit <= '9')
            digit -= '0';
        else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
            digit = (uint8_t)((digit | 0x20) - 'a' + 10);
        else
            return false;
        *number = *number << 4 | digit;
    }
    return true;
}

/* Mends the size when `len` is not what it states, in the case of the other fields. */
static int write_header(void *header, uint64_t len, struct pp_err *err) {
    struct cpio *cpio = header;
    char text[DIGIT_COUNT + 1];
    bool lower = false;

    if (len != cpio->size) {
        if (len > UINT32_MAX)
            return pp_err_set(err, PP_ERR_UNSUPPORTED, "the new size does not fit in its header");
        for (size_t i = 0; i < HEADER_LEN; i++)
            lower |= cpio->header.data[i] >= 'a';
        snprintf(text, sizeof(text), lower ? "%08x" : "%08X", (unsigned)len);
        memcpy(cpio->header.data + SIZE, text, DIGIT_COUNT);
    }
    return pp_pass_write(&cpio->pass, cpio->header.data, cpio->header.len, err);
}

static enum pp_member_kind member_kind(uint32_t mode) {
    if (S_ISREG(mode))
        return PP_MEMBER_FILE;
    return S_ISLNK(mode) ? PP_MEMBER_SYMLINK : PP_MEMBER_OTHER;
}

/* The next member's header, of which `header` may hold the first bytes, and its name. */
static int read_header(struct cpio *cpio, struct pp_member *member, struct pp_err *err) {
    const uint8_t *header;
    uint32_t name_size;
    uint32_t size;
    uint32_t mode;
    int rc;

    cpio->offset = cpio->pass.offset - cpio->header.len;
    rc = pp_pass_append(&cpio->pass, &cpio->header, HEADER_LEN - cpio->header.len, HEADER_LEN, err);
    if (rc < 0)
        return rc;
    header = cpio->header.data;
    if (!bid(header, HEADER_LEN) || !hex_number(header + MODE, &mode) ||
        !hex_number(header + SIZE, &size) || !hex_number(header + NAME_SIZE, &name_size) ||
        name_size == 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "no header at offset %llu",
                          (unsigned long long)cpio->offset);
    if (header[MAGIC_LEN - 1] == '2') {
        if (cpio->pass.out != NULL)
            return pp_err_set(err, PP_ERR_UNSUPPORTED, WITH_SUMS);
        member->sealed = WITH_SUMS;
    }
    /* The padding belongs to the header: it stays. */
    rc = pp_pass_append(&cpio->pass, &cpio->header,
                        name_size + (-(HEADER_LEN + (uint64_t)name_size) & 3), TEXT_MAX, err);
    if (rc < 0)
        return rc;
    if (cpio->header.data[HEADER_LEN + name_size - 1] != '\0')
        return pp_err_set(err, PP_ERR_DAMAGED, "a name is not ended");
    cpio->size = size;
    member->kind = member_kind(mode);
    member->mode = mode & 07777;
    member->len = size;
    return 0;
}

/* The target of a link is written with its header. */
static int walk_link(struct cpio *cpio, const struct pp_member *member, struct pp_err *err) {
    size_t at = cpio->header.len;
    int rc = pp_pass_append(&cpio->pass, &cpio->header, member->len, 2 * TEXT_MAX, err);

    if (rc >= 0)
        rc = pp_pass_text(&cpio->pass, member, cpio->offset + at, cpio->header.data + at,
                          cpio->header.len - at, err);
    return rc < 0 ? rc : write_header(cpio, member->len, err);
}

static int walk_other(struct cpio *cpio, const struct pp_member *member, struct pp_err *err) {
    int rc = write_header(cpio, member->len, err);

    return rc < 0 ? rc : pp_pass_copy(&cpio->pass, member->len, err);
}

/* Returns 1, or 0 behind the last member. */
static int walk_member(struct cpio *cpio, struct pp_err *err) {
    struct pp_member member = {.name = ""};
    PP_AUTO_FREE char *name = NULL;
    uint64_t new_len;
    int rc = read_header(cpio, &member, err);

    if (rc < 0)
        return rc;
    name = strdup((const char *)cpio->header.data + HEADER_LEN);
    if (name == NULL)
        return pp_err_nomem(err);
    member.name = name;
    rc = pp_pass_text(&cpio->pass, &member, cpio->offset + HEADER_LEN,
                      cpio->header.data + HEADER_LEN, strlen(name), err);
    if (rc < 0)
        return rc;
    new_len = member.len;
    if (member.kind == PP_MEMBER_FILE)
        rc = pp_pass_content(&cpio->pass, &member, write_header, cpio, &new_len, err);
    else if (member.kind == PP_MEMBER_SYMLINK)
        rc = walk_link(cpio, &member, err);
    else
        rc = walk_other(cpio, &member, err);
    if (rc >= 0)
        rc = pp_pass_padding(&cpio->pass, cpio->size, new_len, 4, err);
    if (rc < 0)
        return rc;
    cpio->header.len = 0;
    return strcmp(name, TRAILER) != 0;
}

/* Zero bytes up to the end, or to another archive, whose first bytes are left in `header`. Returns
 * 1 when there is another. */
static int walk_zeros(struct cpio *cpio, struct pp_err *err) {
    static const uint8_t zeros[4];
    uint8_t bytes[4];
    ssize_t count;

    while ((count = pp_pass_read(&cpio->pass, bytes, sizeof(bytes), err)) > 0) {
        int rc;

        if (memcmp(bytes, zeros, (size_t)count) != 0) {
            /* An initramfs goes on with compressed content. */
            if (count < 4 || memcmp(bytes, "0707", 4) != 0)
                return pp_err_set(err, PP_ERR_UNSUPPORTED,
                                  "what follows the archive is not cpio, at offset %llu",
                                  (unsigned long long)cpio->pass.offset - (uint64_t)count);
            rc = pp_buffer_append(&cpio->header, bytes, (size_t)count, err);
            return rc < 0 ? rc : 1;
        }
        rc = pp_pass_write(&cpio->pass, bytes, (size_t)count, err);
        if (rc < 0)
            return rc;
    }
    return (int)count;
}

static int walk(struct pp_source *in, struct pp_sink *out, struct pp_visitor *visitor,
                struct pp_err *err) {
    struct cpio cpio = {.pass = {.in = in, .out = out, .visitor = visitor},
                        .header = PP_BUFFER_INIT};
    int rc;

    do {
        do
            rc = walk_member(&cpio, err);
        while (rc > 0);
        if (rc == 0)
            rc = walk_zeros(&cpio, err);
    } while (rc > 0);
    pp_buffer_done(&cpio.header);
    return rc;
}

const struct pp_container pp_container_cpio = {.name = "cpio", .bid = bid, .walk = walk};
