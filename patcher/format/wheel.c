#include "format/wheel.h"

#include <inttypes.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_MARK "sha256="
#define FIELD_COUNT 3

/* A field of a line; quotes around it are not part of it. */
struct field {
    const uint8_t *text;
    size_t len;
};

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static bool at_line_end(const struct reader *reader) {
    return reader->at == reader->end || *reader->at == '\n' || *reader->at == '\r';
}

static int read_field(struct reader *reader, struct field *field, struct pp_err *err) {
    bool quoted = reader->at < reader->end && *reader->at == '"';

    if (!quoted) {
        field->text = reader->at;
        while (!at_line_end(reader) && *reader->at != ',')
            reader->at++;
        field->len = (size_t)(reader->at - field->text);
        return 0;
    }
    field->text = ++reader->at;
    for (;;) {
        const uint8_t *quote = memchr(reader->at, '"', (size_t)(reader->end - reader->at));

        if (quote == NULL)
            return pp_err_set(err, PP_ERR_DAMAGED, "RECORD: a quote is not closed");
        reader->at = quote + 1;
        if (reader->at < reader->end && *reader->at == '"') {
            reader->at++; /* a doubled quote stands for one */
            continue;
        }
        field->len = (size_t)(quote - field->text);
        return 0;
    }
}

/* One line, its end included. Fields that are not there are empty and lie at the line's end. */
static int read_line(struct reader *reader, struct field *fields, struct pp_err *err) {
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        int rc = read_field(reader, &fields[i], err);

        if (rc < 0)
            return rc;
        if (!at_line_end(reader) && *reader->at != ',')
            return pp_err_set(err, PP_ERR_DAMAGED, "RECORD: text behind a quote");
        if (!at_line_end(reader) && i + 1 < FIELD_COUNT)
            reader->at++;
    }
    while (!at_line_end(reader))
        reader->at++;
    while (reader->at < reader->end && at_line_end(reader))
        reader->at++;
    return 0;
}

static int set_name(struct pp_buffer *name, const struct field *field, struct pp_err *err) {
    int rc;

    name->len = 0;
    if ((rc = pp_buffer_reserve(name, field->len, err)) < 0)
        return rc;
    for (size_t i = 0; i < field->len; i++) {
        name->data[name->len++] = field->text[i];
        if (field->text[i] == '"' && i + 1 < field->len && field->text[i + 1] == '"')
            i++;
    }
    name->data[name->len] = '\0';
    return 0;
}

static int compare_changes(const void *a, const void *b) {
    const struct pp_wheel_change *left = a;
    const struct pp_wheel_change *right = b;

    return strcmp(left->name, right->name);
}

static const struct pp_wheel_change *find_change(const struct pp_wheel_change *changes,
                                                 size_t change_count, const char *name) {
    const struct pp_wheel_change wanted = {.name = name};

    if (change_count == 0)
        return NULL;
    return bsearch(&wanted, changes, change_count, sizeof(*changes), compare_changes);
}

/* Appends what stands from `*done` to the field, then the new text in place of a field that is not
 * empty. */
static int replace_field(const uint8_t **done, const struct field *field, const char *text,
                         struct pp_buffer *out, struct pp_err *err) {
    int rc;

    if (field->len == 0)
        return 0;
    if ((rc = pp_buffer_append(out, *done, (size_t)(field->text - *done), err)) < 0)
        return rc;
    *done = field->text + field->len;
    return pp_buffer_append(out, text, strlen(text), err);
}

static int mend_line(const uint8_t **done, const struct field *fields,
                     const struct pp_wheel_change *change, struct pp_buffer *out,
                     struct pp_err *err) {
    static const size_t mark_len = sizeof(SHA256_MARK) - 1;
    char hash[sizeof(SHA256_MARK) + BASE64_ENCODE_RAW_LENGTH(PP_SHA256_LEN)] = SHA256_MARK;
    char len[24];
    struct base64_encode_ctx base64;
    size_t at = mark_len;
    int rc;

    if (fields[1].len > 0 &&
        (fields[1].len < mark_len || memcmp(fields[1].text, SHA256_MARK, mark_len) != 0))
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "RECORD: the hash of a changed member is not sha256");
    base64url_encode_init(&base64);
    at += base64_encode_update(&base64, hash + at, PP_SHA256_LEN, change->sha256);
    base64_encode_final(&base64, hash + at);
    hash[mark_len + BASE64_ENCODE_LENGTH(PP_SHA256_LEN)] = '\0'; /* cuts the padding */
    snprintf(len, sizeof(len), "%" PRIu64, change->len);
    if ((rc = replace_field(done, &fields[1], hash, out, err)) < 0)
        return rc;
    return replace_field(done, &fields[2], len, out, err);
}

bool pp_wheel_is_record(const char *name) {
    const char *slash = strchr(name, '/');

    return slash != NULL && strcmp(slash, "/RECORD") == 0 &&
           (size_t)(slash - name) > strlen(".dist-info") &&
           strncmp(slash - strlen(".dist-info"), ".dist-info", strlen(".dist-info")) == 0;
}

int pp_wheel_record_mend(const uint8_t *text, size_t len, struct pp_wheel_change *changes,
                         size_t change_count, struct pp_buffer *out, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer name = PP_BUFFER_INIT;
    struct reader reader = {.at = text, .end = text + len};
    struct field fields[FIELD_COUNT];
    const uint8_t *done = text;
    int line_count = 0;
    int rc;

    if (len == 0)
        return 0;
    if (change_count > 0)
        qsort(changes, change_count, sizeof(*changes), compare_changes);
    while (reader.at < reader.end) {
        const struct pp_wheel_change *change;

        if ((rc = read_line(&reader, fields, err)) < 0 ||
            (rc = set_name(&name, &fields[0], err)) < 0)
            return rc;
        change = find_change(changes, change_count, (const char *)name.data);
        if (change == NULL || fields[1].len + fields[2].len == 0)
            continue;
        if ((rc = mend_line(&done, fields, change, out, err)) < 0)
            return rc;
        line_count++;
    }
    if ((rc = pp_buffer_append(out, done, (size_t)(reader.end - done), err)) < 0)
        return rc;
    return line_count;
}
