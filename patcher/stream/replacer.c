#include "stream/replacer.h"

ssize_t pp_replacer_edit(struct pp_replacer *replacer, uint8_t *data, size_t len, bool last,
                         struct pp_err *err) {
    size_t lookahead = pp_matcher_lookahead(replacer->matcher);
    struct pp_matcher_walk walk = {0};
    struct pp_match match;
    size_t settled = len;

    if (!last)
        settled = len > lookahead ? len - lookahead : 0;
    if (settled == 0)
        return 0;
    while (pp_matcher_next(replacer->matcher, data, len, last ? len : settled, &walk, &match)) {
        bool written = replacer->edit ? pp_matcher_write(replacer->matcher, data, &match)
                                      : pp_matcher_can_write(replacer->matcher, &match);
        int rc = replacer->on_match(replacer->user, &match, replacer->offset + match.offset,
                                    written, err);

        if (rc < 0)
            return rc;
    }
    if (walk.floor > settled)
        settled = walk.floor;
    replacer->offset += settled;
    return (ssize_t)settled;
}
