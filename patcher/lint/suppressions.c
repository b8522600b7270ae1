#include "lint/suppressions.h"

#include "base/array.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LEN_MAX ((size_t)16 << 20)

void pp_suppressions_done(struct pp_suppressions *suppressions) {
    free(suppressions->items);
    free(suppressions->text);
    *suppressions = (struct pp_suppressions)PP_SUPPRESSIONS_INIT;
}

static int add_line(struct pp_suppressions *suppressions, char *line, unsigned number,
                    struct pp_err *err) {
    struct pp_suppression *grown;
    const struct pp_rule *rule;
    char *code = line + strspn(line, " \t");
    char *glob = code + strcspn(code, " \t");
    size_t len;

    if (code[0] == '\0' || code[0] == '#')
        return 0;
    if (*glob != '\0')
        *glob++ = '\0';
    glob += strspn(glob, " \t");
    for (len = strlen(glob); len > 0 && strchr(" \t\r", glob[len - 1]) != NULL; len--)
        glob[len - 1] = '\0';
    rule = pp_rule_find(code);
    if (rule == NULL)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "line %u: '%s' is no code; pathpatch lint --explain all lists them",
                          number, code);
    if (glob[0] == '\0')
        return pp_err_set(err, PP_ERR_REFUSED,
                          "line %u: no path behind %s; * stands for all of them", number, code);
    grown = pp_array_resize(suppressions->items, suppressions->count + 1, sizeof(*grown));
    if (grown == NULL)
        return pp_err_nomem(err);
    suppressions->items = grown;
    grown[suppressions->count++] =
        (struct pp_suppression){.rule = rule, .glob = glob, .line = number};
    return 0;
}

int pp_suppressions_load(struct pp_suppressions *suppressions, const char *path,
                         struct pp_err *err) {
    PP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    unsigned number = 0;
    char *rest;
    char *line;

    if (fd < 0)
        return pp_err_sys(err, "%s: cannot open", path);
    if (pp_io_read_all(fd, FILE_LEN_MAX, &text, err) < 0 || pp_buffer_append(&text, "", 0, err) < 0)
        return pp_err_context(err, "%s", path);
    rest = suppressions->text = (char *)text.data;
    text = (struct pp_buffer)PP_BUFFER_INIT;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (add_line(suppressions, line, ++number, err) < 0)
            return pp_err_context(err, "%s", path);
    return 0;
}

bool pp_suppressions_hold(struct pp_suppressions *suppressions, const struct pp_rule *rule,
                          const char *path) {
    bool held = false;

    for (size_t i = 0; i < suppressions->count; i++) {
        struct pp_suppression *item = &suppressions->items[i];

        if (item->rule != rule || fnmatch(item->glob, path, 0) != 0)
            continue;
        item->used = true;
        held = true;
    }
    return held;
}
