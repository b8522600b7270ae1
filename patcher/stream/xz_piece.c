#include "stream/xz_piece.h"

#include <stdlib.h>

struct pp_xz_piece *pp_xz_piece_new(enum pp_xz_kind kind, struct pp_err *err) {
    struct pp_xz_piece *self = calloc(1, sizeof(*self));

    if (self == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    self->kind = kind;
    self->piece.takes_text = kind == PP_XZ_BLOCK;
    for (size_t i = 0; i <= LZMA_FILTERS_MAX; i++)
        self->filters[i].id = LZMA_VLI_UNKNOWN;
    return self;
}

void pp_xz_piece_free(struct pp_piece *piece) {
    struct pp_xz_piece *self = (struct pp_xz_piece *)piece;

    for (size_t i = 0; i <= LZMA_FILTERS_MAX; i++)
        free(self->filters[i].options);
    free(self);
}

struct pp_xz_piece *pp_xz_piece_move(struct pp_xz_piece *piece, struct pp_err *err) {
    struct pp_xz_piece *moved = pp_xz_piece_new(piece->kind, err);

    if (moved == NULL)
        return NULL;
    *moved = *piece;
    for (size_t i = 0; i <= LZMA_FILTERS_MAX; i++)
        piece->filters[i].options = NULL;
    return moved;
}
