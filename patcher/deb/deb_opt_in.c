#include "deb/deb_opt_in.h"

#include "base/cleanup.h"
#include "deb/deb.h"

#include <string.h>
#include <strings.h>

#define PATCHER "pathpatch"
#define BLANKS " \t\r\n"

/* A line of a text with its line feed, or a field with the lines that go on with it. */
struct stretch {
    const char *text;
    size_t len;
};

static const char *text_of(const struct pp_buffer *buffer) {
    return buffer->len > 0 ? (const char *)buffer->data : "";
}

static bool next_line(const char **at, const char *end, struct stretch *line) {
    const char *feed = memchr(*at, '\n', (size_t)(end - *at));

    line->text = *at;
    *at = feed != NULL ? feed + 1 : end;
    line->len = (size_t)(*at - line->text);
    return line->len > 0;
}

static bool next_field(const char **at, const char *end, struct stretch *field) {
    struct stretch line;

    if (!next_line(at, end, field))
        return false;
    while (*at < end && (**at == ' ' || **at == '\t') && next_line(at, end, &line))
        field->len += line.len;
    return true;
}

static bool is_field(const struct stretch *field, const char *name) {
    size_t len = strlen(name);

    return field->len > len && strncasecmp(field->text, name, len) == 0 && field->text[len] == ':';
}

int pp_deb_field(const struct pp_buffer *control, const char *name, struct pp_buffer *value,
                 struct pp_err *err) {
    const char *at = text_of(control);
    const char *end = at + control->len;
    struct stretch field;

    while (next_field(&at, end, &field)) {
        const char *text;
        size_t len;

        if (!is_field(&field, name))
            continue;
        text = field.text + strlen(name) + 1;
        text += strspn(text, " \t");
        len = strcspn(text, "\r\n");
        while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
            len--;
        value->len = 0;
        return pp_buffer_append(value, text, len, err) < 0 ? -(int)err->kind : 1;
    }
    return 0;
}

/* One of the parts between the commas. */
static bool is_patcher(const char *clause, size_t len) {
    size_t name_len = strlen(PATCHER);

    return len >= name_len && memcmp(clause, PATCHER, name_len) == 0 &&
           memchr(clause, '|', len) == NULL &&
           (len == name_len || strchr(BLANKS "(:[<", clause[name_len]) != NULL);
}

/* A field of dependencies without the patcher; nothing when none are left. */
static int put_dependencies(const struct stretch *field, struct pp_buffer *to, struct pp_err *err) {
    const char *colon = memchr(field->text, ':', field->len);
    const char *end = field->text + field->len;
    const char *at = colon + 1;
    bool any = false;
    bool dropped = false;
    size_t was_len = to->len;
    int rc = pp_buffer_append(to, field->text, (size_t)(at - field->text), err);

    while (rc >= 0 && at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;

        /* Blanks may go on behind the field. */
        while (at < stop && strchr(BLANKS, *at) != NULL)
            at++;
        while (stop > at && strchr(BLANKS, stop[-1]) != NULL)
            stop--;
        if (is_patcher(at, (size_t)(stop - at))) {
            dropped = true;
        } else if (stop > at) {
            rc = pp_buffer_printf(to, err, "%s%.*s", any ? ", " : " ", (int)(stop - at), at);
            any = true;
        }
        at = comma != NULL ? comma + 1 : end;
    }
    if (rc >= 0 && any)
        rc = pp_buffer_append(to, "\n", 1, err);
    if (rc < 0 || (dropped && any))
        return rc;
    to->len = was_len;
    return dropped ? 0 : pp_buffer_append(to, field->text, field->len, err);
}

static void take(struct pp_buffer *text, struct pp_buffer *fresh) {
    struct pp_buffer was = *text;

    *text = *fresh;
    *fresh = was;
}

int pp_deb_opt_out_control(struct pp_buffer *control, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer fresh = PP_BUFFER_INIT;
    const char *at = text_of(control);
    const char *end = at + control->len;
    struct stretch field;
    int rc = 0;

    while (rc >= 0 && next_field(&at, end, &field)) {
        if (is_field(&field, "Dynamic-Variables"))
            continue;
        if (is_field(&field, "Depends") || is_field(&field, "Pre-Depends"))
            rc = put_dependencies(&field, &fresh, err);
        else
            rc = pp_buffer_append(&fresh, field.text, field.len, err);
    }
    if (rc < 0)
        return rc;
    take(control, &fresh);
    return 1;
}

/* "activate", "activate-await" or "activate-noawait", then the trigger. */
static bool activates_patcher(const struct stretch *line) {
    const char *text = line->text + strspn(line->text, " \t");
    size_t len = line->len - (size_t)(text - line->text);
    size_t word_len = strcspn(text, BLANKS);
    size_t gap_len;

    if (len < 9 || strncmp(text, "activate", 8) != 0 || word_len >= len)
        return false;
    text += word_len;
    len -= word_len;
    gap_len = strspn(text, " \t");
    text += gap_len;
    len -= gap_len;
    return len >= strlen(PATCHER) && memcmp(text, PATCHER, strlen(PATCHER)) == 0 &&
           strspn(text + strlen(PATCHER), BLANKS) >= len - strlen(PATCHER);
}

int pp_deb_opt_out_triggers(struct pp_buffer *triggers, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer fresh = PP_BUFFER_INIT;
    const char *at = text_of(triggers);
    const char *end = at + triggers->len;
    struct stretch line;
    bool any = false;
    bool dropped = false;

    while (next_line(&at, end, &line)) {
        const char *text = line.text + strspn(line.text, BLANKS);

        if (activates_patcher(&line)) {
            dropped = true;
            continue;
        }
        any = any || (text < line.text + line.len && *text != '#');
        if (pp_buffer_append(&fresh, line.text, line.len, err) < 0)
            return -(int)err->kind;
    }
    if (!dropped)
        return PP_DEB_CONTROL_KEPT;
    take(triggers, &fresh);
    return any ? PP_DEB_CONTROL_CHANGED : PP_DEB_CONTROL_DROPPED;
}
