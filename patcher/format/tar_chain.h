/* The headers of one tar member: extended headers (pax x and g, GNU L and K), the member's own
 * block, and the GNU sparse map behind it. Kept as they are stored; what is changed is changed in
 * place. */
#ifndef PP_FORMAT_TAR_CHAIN_H
#define PP_FORMAT_TAR_CHAIN_H

#include "base/buffer.h"
#include "format/pass.h"
#include "format/tar_sparse.h"

struct pp_tar_chain {
    struct pp_buffer data;  /* the blocks, as stored */
    struct pp_buffer spans; /* of struct span: the blocks with a header, and the texts */
    struct pp_buffer path;  /* the name, where an extended header gives it */
    struct pp_buffer link;  /* the link target, in the same way */
    uint64_t offset;        /* of `data` in the container */
    size_t main_at;         /* the last header block read: at the end, the member's own */
    bool open;              /* an extended header waits for its member */
    bool pax;               /* one of the extended headers is a pax one */
    bool sparse;
    struct pp_tar_sparse map;
    bool map_inside;   /* pax sparse 1.0: the map stands before the content */
    size_t record_at;  /* the pax size record that counts; its header block */
    size_t record_len; /* 0: none */
    size_t record_header_at;
    uint64_t record_size;
};

#define PP_TAR_CHAIN_INIT                                                                          \
    {                                                                                              \
        .data = PP_BUFFER_INIT, .spans = PP_BUFFER_INIT, .path = PP_BUFFER_INIT,                   \
        .link = PP_BUFFER_INIT, .map = PP_TAR_SPARSE_INIT                                          \
    }

void pp_tar_chain_done(struct pp_tar_chain *chain);

enum pp_tar_chain_status {
    PP_TAR_CHAIN_END = 0,    /* of the file */
    PP_TAR_CHAIN_ZERO = 1,   /* a zero block: `data` is that block */
    PP_TAR_CHAIN_GLOBAL = 2, /* a pax global header, which stands for itself */
    PP_TAR_CHAIN_MEMBER = 3,
};

/* Reads the next headers. Returns an enum pp_tar_chain_status. */
int pp_tar_chain_read(struct pp_tar_chain *chain, struct pp_pass *pass, struct pp_err *err);
/* Bytes that follow the headers, without padding. */
int pp_tar_chain_size(const struct pp_tar_chain *chain, uint64_t *size, struct pp_err *err);
/* Reads the map of a pax sparse 1.0 member, which is `size` bytes with its content. */
int pp_tar_chain_read_map(struct pp_tar_chain *chain, struct pp_pass *pass, uint64_t size,
                          struct pp_err *err);
/* Offers names and link targets to the visitor. */
int pp_tar_chain_offer(struct pp_tar_chain *chain, struct pp_pass *pass,
                       const struct pp_member *member, struct pp_err *err);
/* Appends the name and the link target of the member, whichever header gives them. */
int pp_tar_chain_texts(const struct pp_tar_chain *chain, struct pp_buffer *name,
                       struct pp_buffer *link, struct pp_err *err);
/* States another name and link target, of any length: long ones as GNU tar does it. What is said by
 * pax records, or of sparse members, is PP_ERR_UNSUPPORTED: dpkg does not read those either. */
int pp_tar_chain_retext(struct pp_tar_chain *chain, const char *name, const char *link,
                        struct pp_err *err);
/* States another size. */
int pp_tar_chain_resize(struct pp_tar_chain *chain, uint64_t size, struct pp_err *err);

#endif
