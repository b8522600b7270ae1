#include "format/tar_chain.h"

#include "format/tar_header.h"
#include "format/tar_pax.h"

#include <string.h>

/* Sparse maps grow with the file, names do not. */
#define CHAIN_MAX ((size_t)8 << 20)

enum span_kind {
    SPAN_HEADER,
    SPAN_TEXT,
};

struct span {
    enum span_kind kind;
    size_t at;
    size_t len;
};

void pp_tar_chain_done(struct pp_tar_chain *chain) {
    pp_buffer_done(&chain->data);
    pp_buffer_done(&chain->spans);
    pp_buffer_done(&chain->path);
    pp_buffer_done(&chain->link);
    pp_tar_sparse_done(&chain->map);
}

static int add_span(struct pp_tar_chain *chain, enum span_kind kind, size_t at, size_t len,
                    struct pp_err *err) {
    struct span span = {.kind = kind, .at = at, .len = len};

    return pp_buffer_append(&chain->spans, &span, sizeof(span), err);
}

static int set_text(struct pp_buffer *text, const uint8_t *data, size_t len, struct pp_err *err) {
    text->len = 0;
    return pp_buffer_append(text, data, len, err);
}

/* One record of a pax header whose data starts at `data_at`. */
static int take_record(struct pp_tar_chain *chain, size_t data_at, bool global,
                       const struct pp_pax_record *record, struct pp_err *err) {
    const uint8_t *value = chain->data.data + data_at + record->value_at;
    bool sparse = record->key_len > 11 && memcmp(record->key, "GNU.sparse.", 11) == 0;
    bool path = pp_pax_is(record, "path") || pp_pax_is(record, "GNU.sparse.name");
    bool link = pp_pax_is(record, "linkpath");
    bool size = pp_pax_is(record, "size");

    /* Readers do not agree on what these mean for the members that follow. */
    if (global && (sparse || size))
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "a global pax header with %.*s",
                          (int)record->key_len, record->key);
    if (sparse) {
        int rc = pp_tar_sparse_record(&chain->map, record, value, err);

        if (rc < 0)
            return rc;
        chain->sparse = true;
    }
    if (pp_pax_is(record, "GNU.sparse.major"))
        chain->map_inside = record->value_len == 1 && value[0] == '1';
    if (size) {
        chain->record_at = data_at + record->at;
        chain->record_len = record->value_len > 0 ? record->len : 0;
        chain->record_header_at = data_at - PP_TAR_BLOCK_LEN;
        if (record->value_len > 0 && !pp_pax_number(value, record->value_len, &chain->record_size))
            return pp_err_set(err, PP_ERR_DAMAGED, "a pax size is not a number");
    }
    if ((path || link) && !global) {
        int rc = set_text(path ? &chain->path : &chain->link, value, record->value_len, err);

        if (rc < 0)
            return rc;
    }
    if (!path && !link)
        return 0;
    return add_span(chain, SPAN_TEXT, data_at + record->value_at, record->value_len, err);
}

static int take_pax(struct pp_tar_chain *chain, size_t data_at, size_t len, bool global,
                    struct pp_err *err) {
    struct pp_pax_record record;
    size_t at = 0;
    int rc;

    chain->pax = true;
    while ((rc = pp_pax_next(chain->data.data + data_at, len, &at, &record, err)) > 0) {
        rc = take_record(chain, data_at, global, &record, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int take_long_name(struct pp_tar_chain *chain, size_t data_at, size_t size, bool path,
                          struct pp_err *err) {
    const uint8_t *name = chain->data.data + data_at;
    size_t len = strnlen((const char *)name, size);
    int rc = set_text(path ? &chain->path : &chain->link, name, len, err);

    if (rc < 0)
        return rc;
    return add_span(chain, SPAN_TEXT, data_at, len, err);
}

/* The data of the extended header that was just read. */
static int read_extended(struct pp_tar_chain *chain, struct pp_pass *pass, uint8_t type,
                         struct pp_err *err) {
    const uint8_t *field = chain->data.data + chain->main_at + PP_TAR_SIZE;
    size_t data_at = chain->data.len;
    uint64_t size;
    int rc;

    if (!pp_tar_number(field, PP_TAR_SIZE_LEN, &size))
        return pp_err_set(err, PP_ERR_DAMAGED, "the size in a header is not a number");
    if (size > CHAIN_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "an extended header of more than %zu bytes",
                          CHAIN_MAX);
    rc = pp_pass_append(pass, &chain->data, (size + 511) & ~(uint64_t)511, CHAIN_MAX, err);
    if (rc < 0)
        return rc;
    if (type == 'L' || type == 'K')
        return take_long_name(chain, data_at, (size_t)size, type == 'L', err);
    return take_pax(chain, data_at, (size_t)size, type == 'g', err);
}

/* The blocks of the map that an old GNU sparse header goes on in. */
static int read_old_map(struct pp_tar_chain *chain, struct pp_pass *pass, struct pp_err *err) {
    const uint8_t *block = chain->data.data + chain->main_at;
    bool more = block[PP_TAR_GNU_EXTENDED] != 0;
    int rc;

    /* star has its own layout for the same letter. */
    if (!pp_tar_is_gnu(block))
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "a sparse member of another kind than GNU's");
    chain->sparse = true;
    rc = pp_tar_sparse_block(&chain->map, block, true, err);
    while (rc >= 0 && more) {
        rc = pp_pass_append(pass, &chain->data, PP_TAR_BLOCK_LEN, CHAIN_MAX, err);
        if (rc < 0)
            return rc;
        block = chain->data.data + chain->data.len - PP_TAR_BLOCK_LEN;
        more = block[PP_TAR_MAP_EXTENDED] != 0;
        rc = pp_tar_sparse_block(&chain->map, block, false, err);
    }
    return rc;
}

static bool all_zero(const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (data[i] != 0)
            return false;
    return true;
}

/* The next block as a header. Returns an enum pp_tar_chain_status; MEMBER for any header. */
static int read_block(struct pp_tar_chain *chain, struct pp_pass *pass, struct pp_err *err) {
    uint8_t block[PP_TAR_BLOCK_LEN];
    ssize_t count = pp_pass_read(pass, block, sizeof(block), err);
    bool zero;
    int rc;

    if (count < 0)
        return (int)count;
    zero = all_zero(block, (size_t)count);
    if (zero && chain->open)
        return pp_err_set(err, PP_ERR_DAMAGED, "an extended header without a member");
    if (count == 0)
        return PP_TAR_CHAIN_END;
    if (!zero && (size_t)count < sizeof(block))
        return pp_err_set(err, PP_ERR_DAMAGED, "truncated in a header");
    if (!zero && !pp_tar_sound(block))
        return pp_err_set(err, PP_ERR_DAMAGED, "the checksum of a header is wrong at offset %llu",
                          (unsigned long long)(pass->offset - PP_TAR_BLOCK_LEN));
    chain->main_at = chain->data.len;
    rc = pp_buffer_append(&chain->data, block, (size_t)count, err);
    if (rc < 0)
        return rc;
    if (zero)
        return PP_TAR_CHAIN_ZERO;
    rc = add_span(chain, SPAN_HEADER, chain->main_at, 0, err);
    return rc < 0 ? rc : PP_TAR_CHAIN_MEMBER;
}

static void forget(struct pp_tar_chain *chain, uint64_t offset) {
    struct pp_tar_chain fresh = {.data = chain->data,
                                 .spans = chain->spans,
                                 .path = chain->path,
                                 .link = chain->link,
                                 .map = chain->map};

    fresh.data.len = 0;
    fresh.spans.len = 0;
    fresh.path.len = 0;
    fresh.link.len = 0;
    pp_tar_sparse_clear(&fresh.map);
    fresh.offset = offset;
    *chain = fresh;
}

int pp_tar_chain_read(struct pp_tar_chain *chain, struct pp_pass *pass, struct pp_err *err) {
    forget(chain, pass->offset);
    for (;;) {
        int rc = read_block(chain, pass, err);
        uint8_t type;

        if (rc != PP_TAR_CHAIN_MEMBER)
            return rc;
        type = chain->data.data[chain->main_at + PP_TAR_TYPE];
        switch (type) {
        case 'x':
        case 'X': /* Solaris */
        case 'g':
        case 'L':
        case 'K':
            rc = read_extended(chain, pass, type, err);
            if (rc < 0)
                return rc;
            if (type == 'g' && !chain->open)
                return PP_TAR_CHAIN_GLOBAL;
            chain->open = true;
            break;
        case 'S':
            rc = read_old_map(chain, pass, err);
            return rc < 0 ? rc : PP_TAR_CHAIN_MEMBER;
        default:
            return PP_TAR_CHAIN_MEMBER;
        }
    }
}

int pp_tar_chain_size(const struct pp_tar_chain *chain, uint64_t *size, struct pp_err *err) {
    const uint8_t *field = chain->data.data + chain->main_at + PP_TAR_SIZE;
    bool sound = true;

    if (chain->record_len > 0)
        *size = chain->record_size;
    else
        sound = pp_tar_number(field, PP_TAR_SIZE_LEN, size);
    if (!sound || *size > INT64_MAX)
        return pp_err_set(err, PP_ERR_DAMAGED, "the size in a header is not a number");
    return 0;
}

int pp_tar_chain_read_map(struct pp_tar_chain *chain, struct pp_pass *pass, uint64_t size,
                          struct pp_err *err) {
    size_t map_at = chain->data.len;
    size_t at = map_at;
    uint64_t line_count = 1; /* the count of entries, then two lines an entry */
    uint64_t line = 0;

    while (line < line_count) {
        const uint8_t *text = chain->data.data + at;
        const uint8_t *end = memchr(text, '\n', chain->data.len - at);
        uint64_t number;
        int rc;

        if (end == NULL) {
            if (chain->data.len - map_at + PP_TAR_BLOCK_LEN > size)
                return pp_err_set(err, PP_ERR_DAMAGED, "a sparse map is truncated");
            rc = pp_pass_append(pass, &chain->data, PP_TAR_BLOCK_LEN, CHAIN_MAX, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (!pp_pax_number(text, (size_t)(end - text), &number) || number > INT64_MAX)
            return pp_err_set(err, PP_ERR_DAMAGED, "a sparse map is not made of numbers");
        if (line == 0)
            line_count = 1 + 2 * number;
        else if ((rc = pp_tar_sparse_number(&chain->map, number, err)) < 0)
            return rc;
        line++;
        at = (size_t)(end - chain->data.data) + 1;
    }
    return 0;
}

/* The name and the link target of a header block. */
static int offer_header(struct pp_tar_chain *chain, struct pp_pass *pass, size_t at,
                        const struct pp_member *member, struct pp_err *err) {
    uint8_t *block = chain->data.data + at;
    uint8_t was[PP_TAR_BLOCK_LEN];
    uint8_t name[PP_TAR_FULL_NAME_LEN];
    size_t name_at;
    size_t name_len = pp_tar_name(block, name, &name_at);
    size_t link_len = strnlen((const char *)block + PP_TAR_LINK, PP_TAR_LINK_LEN);
    int name_changed =
        pp_pass_text(pass, member, chain->offset + at + name_at, name, name_len, err);
    int link_changed;

    if (name_changed < 0)
        return name_changed;
    memcpy(was, block, sizeof(was));
    if (name_changed > 0 && !pp_tar_name_put(block, name, name_len))
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "the new name cannot be parted: %.*s",
                          (int)name_len, (const char *)name);
    link_changed = pp_pass_text(pass, member, chain->offset + at + PP_TAR_LINK, block + PP_TAR_LINK,
                                link_len, err);
    if (link_changed < 0)
        return link_changed;
    if (name_changed > 0 || link_changed > 0)
        pp_tar_checksum_mend(block, was);
    return 0;
}

int pp_tar_chain_offer(struct pp_tar_chain *chain, struct pp_pass *pass,
                       const struct pp_member *member, struct pp_err *err) {
    const struct span *spans = (const struct span *)(const void *)chain->spans.data;
    size_t span_count = chain->spans.len / sizeof(*spans);

    for (size_t i = 0; i < span_count; i++) {
        const struct span *span = &spans[i];
        int rc;

        if (span->kind == SPAN_HEADER)
            rc = offer_header(chain, pass, span->at, member, err);
        else
            rc = pp_pass_text(pass, member, chain->offset + span->at, chain->data.data + span->at,
                              span->len, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int pp_tar_chain_texts(const struct pp_tar_chain *chain, struct pp_buffer *name,
                       struct pp_buffer *link, struct pp_err *err) {
    const uint8_t *block = chain->data.data + chain->main_at;
    uint8_t full[PP_TAR_FULL_NAME_LEN];
    size_t at;
    size_t len = pp_tar_name(block, full, &at);
    size_t link_len = strnlen((const char *)block + PP_TAR_LINK, PP_TAR_LINK_LEN);
    int rc;

    if (chain->path.len > 0)
        rc = pp_buffer_append(name, chain->path.data, chain->path.len, err);
    else
        rc = pp_buffer_append(name, full, len, err);
    if (rc < 0)
        return rc;
    if (chain->link.len > 0)
        return pp_buffer_append(link, chain->link.data, chain->link.len, err);
    return pp_buffer_append(link, block + PP_TAR_LINK, link_len, err);
}

/* The fields of GNU tar's extended headers; the size is octal, 11 digits. */
static int append_long(struct pp_buffer *data, char type, const char *text, struct pp_err *err) {
    uint8_t block[PP_TAR_BLOCK_LEN] = "././@LongLink";
    size_t len = strlen(text) + 1;
    int rc;

    memcpy(block + PP_TAR_MODE, "0000644\0000000000\0000000000\000", 24);
    memcpy(block + PP_TAR_SIZE, "00000000000\00000000000000", 24);
    pp_tar_number_put(block + PP_TAR_SIZE, PP_TAR_SIZE_LEN, len);
    block[PP_TAR_TYPE] = (uint8_t)type;
    memcpy(block + PP_TAR_MAGIC, "ustar  ", 8);
    memcpy(block + PP_TAR_MAGIC + 8, "root", 5);
    memcpy(block + PP_TAR_MAGIC + 40, "root", 5);
    memcpy(block + PP_TAR_CHECKSUM, "000000\0 ", 8);
    pp_tar_checksum_mend(block, block);
    rc = pp_buffer_append(data, block, sizeof(block), err);
    if (rc >= 0)
        rc = pp_buffer_append(data, text, len, err);
    return rc < 0 ? rc
                  : pp_buffer_append(data, (const uint8_t[PP_TAR_BLOCK_LEN]){0},
                                     (size_t)-len % PP_TAR_BLOCK_LEN, err);
}

static void put_text(uint8_t *field, size_t field_len, const char *text) {
    size_t len = strnlen(text, field_len);

    memset(field, 0, field_len);
    memcpy(field, text, len);
}

int pp_tar_chain_retext(struct pp_tar_chain *chain, const char *name, const char *link,
                        struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer fresh = PP_BUFFER_INIT;
    uint8_t *block = chain->data.data + chain->main_at;
    uint8_t was[PP_TAR_BLOCK_LEN];
    struct pp_buffer swap;
    int rc = 0;

    if (chain->pax || chain->sparse)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "pax and sparse headers are not renamed");
    if (strlen(link) > PP_TAR_LINK_LEN)
        rc = append_long(&fresh, 'K', link, err);
    if (rc >= 0 && strlen(name) > PP_TAR_NAME_LEN)
        rc = append_long(&fresh, 'L', name, err);
    if (rc < 0)
        return rc;
    memcpy(was, block, sizeof(was));
    pp_tar_prefix_clear(block);
    put_text(block + PP_TAR_NAME, PP_TAR_NAME_LEN, name);
    put_text(block + PP_TAR_LINK, PP_TAR_LINK_LEN, link);
    pp_tar_checksum_mend(block, was);
    chain->main_at = fresh.len;
    rc = pp_buffer_append(&fresh, block, PP_TAR_BLOCK_LEN, err);
    if (rc < 0)
        return rc;
    swap = chain->data;
    chain->data = fresh;
    fresh = swap;
    /* They told of the blocks that are gone. */
    chain->spans.len = 0;
    return 0;
}

static int put_size(uint8_t *block, uint64_t size, struct pp_err *err) {
    uint8_t was[PP_TAR_BLOCK_LEN];

    memcpy(was, block, sizeof(was));
    if (!pp_tar_number_put(block + PP_TAR_SIZE, PP_TAR_SIZE_LEN, size))
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "the new size does not fit in its header");
    pp_tar_checksum_mend(block, was);
    return 0;
}

/* Writes the pax size record anew. It may take more or fewer digits than it did, and so may its
 * header's data more or fewer blocks. */
static int put_record(struct pp_tar_chain *chain, uint64_t size, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer tail = PP_BUFFER_INIT;
    uint8_t *header = chain->data.data + chain->record_header_at;
    size_t data_at = chain->record_header_at + PP_TAR_BLOCK_LEN;
    size_t rest_at = chain->record_at + chain->record_len;
    char record[PP_PAX_SIZE_MAX];
    size_t record_len = pp_pax_size_print(record, size);
    size_t tail_at;
    size_t pad_len;
    uint64_t data_len = 0;
    int rc;

    pp_tar_number(header + PP_TAR_SIZE, PP_TAR_SIZE_LEN, &data_len);
    tail_at = data_at + (((size_t)data_len + 511) & ~(size_t)511);
    rc = pp_buffer_append(&tail, record, record_len, err);
    if (rc >= 0)
        rc = pp_buffer_append(&tail, chain->data.data + rest_at,
                              data_at + (size_t)data_len - rest_at, err);
    data_len = data_len + record_len - chain->record_len;
    pad_len = (size_t)-data_len & 511;
    if (rc >= 0)
        rc = pp_buffer_append(&tail, (const uint8_t[PP_TAR_BLOCK_LEN]){0}, pad_len, err);
    if (rc >= 0)
        rc = pp_buffer_append(&tail, chain->data.data + tail_at, chain->data.len - tail_at, err);
    if (rc >= 0)
        rc = put_size(header, data_len, err);
    if (rc < 0)
        return rc;
    chain->main_at += data_at + (size_t)data_len + pad_len - tail_at;
    chain->data.len = chain->record_at;
    return pp_buffer_append(&chain->data, tail.data, tail.len, err);
}

int pp_tar_chain_resize(struct pp_tar_chain *chain, uint64_t size, struct pp_err *err) {
    const uint8_t *field = chain->data.data + chain->main_at + PP_TAR_SIZE;
    uint64_t header_size;

    /* The field of a header with a pax size may hold anything: a 0, say. */
    if (chain->record_len == 0 || (pp_tar_number(field, PP_TAR_SIZE_LEN, &header_size) &&
                                   header_size == chain->record_size)) {
        int rc = put_size(chain->data.data + chain->main_at, size, err);

        if (rc < 0)
            return rc;
    }
    return chain->record_len == 0 ? 0 : put_record(chain, size, err);
}
