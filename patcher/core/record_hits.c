#include "core/record_hits.h"

#include <stdlib.h>
#include <string.h>

void pp_record_hits_done(struct pp_record_hits *hits) {
    free(hits->items);
    free(hits->members);
    *hits = (struct pp_record_hits)PP_RECORD_HITS_INIT;
}

static uint32_t member_number(struct pp_record_hits *hits, const char *path) {
    if (path[0] == '\0')
        return 0;
    for (size_t i = hits->member_count; i > 0; i--)
        if (strcmp(hits->members[i - 1], path) == 0)
            return (uint32_t)i;
    hits->members[hits->member_count++] = path;
    return (uint32_t)hits->member_count;
}

static int compare_hits(const void *left, const void *right) {
    const struct pp_hit *a = left;
    const struct pp_hit *b = right;

    if (a->member != b->member)
        return a->member < b->member ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

int pp_record_hits_take(struct pp_record_hits *hits, const struct pp_findings *findings,
                        struct pp_err *err) {
    hits->items = calloc(findings->count, sizeof(*hits->items));
    hits->members = calloc(findings->leaf_count, sizeof(*hits->members));
    if (hits->items == NULL || hits->members == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < findings->count; i++) {
        const struct pp_finding *finding = &findings->items[i];

        if (!pp_finding_counts(findings, finding))
            continue;
        hits->items[hits->count++] =
            (struct pp_hit){.offset = finding->offset,
                            .member = member_number(hits, findings->leaves[finding->leaf].path),
                            .placeholder = finding->placeholder,
                            .was = finding->was,
                            .encoding = finding->encoding};
    }
    qsort(hits->items, hits->count, sizeof(*hits->items), compare_hits);
    return 0;
}
