#include "bootstrap/bootstrap_links.h"

#include <string.h>
#include <sys/stat.h>

#define ARROW "\xe2\x86\x90" /* U+2190 */

/* Takes a line apart; the entry borrows from it and from `path`. */
static int parse_line(char *line, struct pp_buffer *path, struct pp_bootstrap_entry *entry,
                      struct pp_err *err) {
    char *arrow = strstr(line, ARROW);

    if (arrow == NULL || arrow == line || strstr(arrow + strlen(ARROW), ARROW) != NULL)
        return pp_err_set(err, PP_ERR_REFUSED, "'%s' is not TARGET" ARROW "./LINK", line);
    *arrow = '\0';
    if (pp_bootstrap_clean_path(arrow + strlen(ARROW), path, err) < 0)
        return -(int)err->kind;
    if (path->len == 0)
        return pp_err_set(err, PP_ERR_REFUSED, "a link to '%s' without a name", line);
    *entry = (struct pp_bootstrap_entry){.kind = PP_BOOTSTRAP_SYMLINK,
                                         .path = (const char *)path->data,
                                         .target = line,
                                         .mtime = {.tv_nsec = UTIME_OMIT}};
    return 0;
}

int pp_bootstrap_links_each(struct pp_buffer *text,
                            int (*each)(void *context, const struct pp_bootstrap_entry *entry,
                                        struct pp_err *err),
                            void *context, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer path = PP_BUFFER_INIT;
    struct pp_bootstrap_entry entry;
    char *rest = (char *)text->data;
    char *line;

    if (rest != NULL && strlen(rest) != text->len)
        return pp_err_set(err, PP_ERR_REFUSED, PP_BOOTSTRAP_LINKS_NAME ": holds a NUL byte");
    while ((line = strsep(&rest, "\n")) != NULL) {
        size_t len = strlen(line);
        int rc;

        if (len > 0 && line[len - 1] == '\r')
            line[--len] = '\0';
        if (len == 0)
            continue;
        if (parse_line(line, &path, &entry, err) < 0)
            return pp_err_context(err, PP_BOOTSTRAP_LINKS_NAME);
        rc = each(context, &entry, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
