/* The control files that `pathpatch deb` writes anew: what was changed once has nothing left to
 * change. */
#include "base/buffer.h"
#include "deb/deb.h"
#include "deb/deb_opt_in.h"
#include "deb/deb_sums.h"
#include "demand.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fill(struct pp_buffer *text, const uint8_t *data, size_t len) {
    struct pp_err err = PP_ERR_INIT;

    text->len = 0;
    demand(pp_buffer_append(text, data, len, &err) >= 0);
}

static void check_control(struct pp_buffer *text) {
    PP_AUTO_BUFFER struct pp_buffer once = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer value = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    size_t len = text->len;

    demand(pp_deb_opt_out_control(text, &err) >= 0 && text->len <= len + 1);
    demand(pp_deb_field(text, "Dynamic-Variables", &value, &err) == 0);
    fill(&once, text->data, text->len);
    demand(pp_deb_opt_out_control(text, &err) >= 0);
    demand(once.len == text->len &&
           (once.len == 0 || memcmp(once.data, text->data, once.len) == 0));
}

static void check_triggers(struct pp_buffer *text) {
    struct pp_err err = PP_ERR_INIT;
    size_t len = text->len;
    int rc = pp_deb_opt_out_triggers(text, &err);

    demand(rc == PP_DEB_CONTROL_KEPT ? text->len == len : text->len < len);
    demand(pp_deb_opt_out_triggers(text, &err) == PP_DEB_CONTROL_KEPT);
}

static void check_sums(const struct pp_buffer *text) {
    PP_AUTO_DEB_SUMS struct pp_deb_sums sums = PP_DEB_SUMS_INIT;
    PP_AUTO_BUFFER struct pp_buffer once = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer twice = PP_BUFFER_INIT;
    const struct pp_deb_member member = {.path = "usr/a", .kind = PP_DEB_FILE};
    struct pp_deb_change change = {.rewritten = true};
    struct pp_err err = PP_ERR_INIT;

    pp_spool_init(&change.content);
    demand(pp_deb_sums_add(&sums, &member, &change, &err) >= 0);
    pp_spool_done(&change.content);
    /* Hex digits over hex digits: no line gets longer. */
    demand(pp_deb_sums_mend(&sums, text, &once, &err) >= 0 && once.len == text->len);
    demand(pp_deb_sums_mend(&sums, &once, &twice, &err) == 0 && twice.len == once.len);
    demand(once.len == 0 || memcmp(once.data, twice.data, once.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;

    /* The callers have a text. */
    if (len == 0 || memchr(data, '\0', len) != NULL)
        return 0;
    fill(&text, data, len);
    check_control(&text);
    fill(&text, data, len);
    check_triggers(&text);
    fill(&text, data, len);
    check_sums(&text);
    return 0;
}
