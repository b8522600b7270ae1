/* tar: v7, ustar, GNU, pax. Everything is copied block by block; names and link targets change at
 * equal length, sizes only where a member was written with another length. */
#include "format/pass.h"
#include "format/tar_chain.h"
#include "format/tar_header.h"

#include <string.h>

struct tar {
    struct pp_pass pass;
    struct pp_tar_chain chain;
    uint64_t size; /* of the data behind the headers */
};

static bool bid(const uint8_t *head, size_t len) {
    /* The magic does not tell: v7 has none. */
    return len >= PP_TAR_BLOCK_LEN && pp_tar_sound(head);
}

static int write_headers(void *header, uint64_t len, struct pp_err *err) {
    struct tar *tar = header;

    if (len != tar->size && !tar->chain.sparse) {
        int rc = pp_tar_chain_resize(&tar->chain, len, err);

        if (rc < 0)
            return rc;
    }
    return pp_pass_write(&tar->pass, tar->chain.data.data, tar->chain.data.len, err);
}

static enum pp_member_kind member_kind(uint8_t type, const char *name) {
    size_t name_len = strlen(name);

    switch (type) {
    case '\0':
    case '0':
        /* v7 has no type for folders. */
        if (name_len > 0 && name[name_len - 1] == '/')
            return PP_MEMBER_OTHER;
        return PP_MEMBER_FILE;
    case '7': /* contiguous */
    case 'S':
        return PP_MEMBER_FILE;
    case '2':
        return PP_MEMBER_SYMLINK;
    default:
        return PP_MEMBER_OTHER;
    }
}

/* `name` has room for the full name of a header. */
static struct pp_member member_of(const struct pp_tar_chain *chain, char *name) {
    const uint8_t *block = chain->data.data + chain->main_at;
    struct pp_member member = {.name = name, .len_fixed = chain->sparse};
    uint64_t mode;
    size_t at;

    name[pp_tar_name(block, (uint8_t *)name, &at)] = '\0';
    if (chain->path.len > 0)
        member.name = (const char *)chain->path.data;
    member.kind = member_kind(block[PP_TAR_TYPE], member.name);
    if (pp_tar_number(block + PP_TAR_MODE, PP_TAR_MODE_LEN, &mode))
        member.mode = (uint32_t)mode & 07777;
    return member;
}

static int walk_global(struct tar *tar, struct pp_err *err) {
    struct pp_member member = {.name = "", .kind = PP_MEMBER_OTHER};
    int rc = pp_tar_chain_offer(&tar->chain, &tar->pass, &member, err);

    if (rc < 0)
        return rc;
    return pp_pass_write(&tar->pass, tar->chain.data.data, tar->chain.data.len, err);
}

static int walk_content(struct tar *tar, struct pp_member *member, uint64_t *new_len,
                        struct pp_err *err) {
    struct pp_visitor *visitor = tar->pass.visitor;
    struct pp_tar_sparse_visitor sparse;
    int rc;

    if (tar->chain.sparse && member->unsupported == NULL) {
        pp_tar_sparse_visitor_init(&sparse, &tar->chain.map, visitor);
        tar->pass.visitor = &sparse.visitor;
    }
    rc = pp_pass_content(&tar->pass, member, write_headers, tar, new_len, err);
    tar->pass.visitor = visitor;
    return rc;
}

static int walk_member(struct tar *tar, struct pp_err *err) {
    struct pp_tar_chain *chain = &tar->chain;
    char name[PP_TAR_FULL_NAME_LEN + 1];
    struct pp_member member = member_of(chain, name);
    uint8_t type = chain->data.data[chain->main_at + PP_TAR_TYPE];
    size_t map_at = chain->data.len;
    uint64_t new_len;
    int rc = 0;

    /* Links, devices and folders have no data, whatever their size says. */
    tar->size = 0;
    if (type < '1' || type > '6')
        rc = pp_tar_chain_size(chain, &tar->size, err);
    if (rc >= 0 && chain->map_inside)
        rc = pp_tar_chain_read_map(chain, &tar->pass, tar->size, err);
    if (rc < 0)
        return pp_err_context(err, "%s", member.name);
    /* A map is whole blocks: the padding of what follows it is that of the whole. */
    member.len = tar->size - (chain->data.len - map_at);
    rc = pp_tar_chain_offer(chain, &tar->pass, &member, err);
    if (rc < 0)
        return pp_err_context(err, "%s", member.name);
    new_len = member.len;
    if (chain->sparse)
        member.unsupported = pp_tar_sparse_refusal(&chain->map, member.len);
    if (member.kind == PP_MEMBER_FILE) {
        rc = walk_content(tar, &member, &new_len, err);
    } else {
        rc = pp_pass_write(&tar->pass, chain->data.data, chain->data.len, err);
        if (rc >= 0)
            rc = pp_pass_copy(&tar->pass, member.len, err);
    }
    if (rc < 0)
        return rc;
    return pp_pass_padding(&tar->pass, member.len, new_len, PP_TAR_BLOCK_LEN, err);
}

static int walk_all(struct tar *tar, struct pp_err *err) {
    bool any = false;
    int rc;

    /* Archives that were put behind one another have zero blocks between them. */
    while ((rc = pp_tar_chain_read(&tar->chain, &tar->pass, err)) > 0) {
        switch (rc) {
        case PP_TAR_CHAIN_ZERO:
            rc = pp_pass_write(&tar->pass, tar->chain.data.data, tar->chain.data.len, err);
            break;
        case PP_TAR_CHAIN_GLOBAL:
            any = true;
            rc = walk_global(tar, err);
            break;
        default:
            any = true;
            rc = walk_member(tar, err);
        }
        if (rc < 0)
            return rc;
    }
    if (rc == 0 && !any)
        return pp_err_set(err, PP_ERR_DAMAGED, "no member in it");
    return rc;
}

static int walk(struct pp_source *in, struct pp_sink *out, struct pp_visitor *visitor,
                struct pp_err *err) {
    struct tar tar = {.pass = {.in = in, .out = out, .visitor = visitor},
                      .chain = PP_TAR_CHAIN_INIT};
    int rc = walk_all(&tar, err);

    pp_tar_chain_done(&tar.chain);
    return rc;
}

const struct pp_container pp_container_tar = {.name = "tar", .bid = bid, .walk = walk};
