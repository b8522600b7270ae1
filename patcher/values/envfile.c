#include "values/envfile.h"

#include "base/array.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LEN_MAX ((size_t)1 << 20)

void pp_envfile_done(struct pp_envfile *file) {
    for (size_t i = 0; i < file->count; i++) {
        free(file->entries[i].key);
        free(file->entries[i].value);
    }
    free(file->entries);
    *file = (struct pp_envfile)PP_ENVFILE_INIT;
}

const char *pp_envfile_get(const struct pp_envfile *file, const char *key) {
    for (size_t i = file->count; i > 0; i--)
        if (strcmp(file->entries[i - 1].key, key) == 0)
            return file->entries[i - 1].value;
    return NULL;
}

static int add(struct pp_envfile *file, const char *key, const char *value, struct pp_err *err) {
    struct pp_env_entry *entries =
        pp_array_resize(file->entries, file->count + 1, sizeof(*file->entries));

    if (entries == NULL)
        return pp_err_nomem(err);
    file->entries = entries;
    entries[file->count] = (struct pp_env_entry){.key = strdup(key), .value = strdup(value)};
    file->count++;
    if (entries[file->count - 1].key == NULL || entries[file->count - 1].value == NULL)
        return pp_err_nomem(err);
    return 0;
}

static char *trim(char *text) {
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

static int parse_line(struct pp_envfile *file, char *line, struct pp_err *err) {
    char *equals;
    char *value;
    size_t len;

    line = trim(line);
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
        return 0;
    equals = strchr(line, '=');
    if (equals == NULL || equals == line)
        return pp_err_set(err, PP_ERR_REFUSED, "'%s' is not KEY=VALUE", line);
    *equals = '\0';
    value = trim(equals + 1);
    len = strlen(value);
    if (len > 0 && (value[0] == '"' || value[0] == '\'')) {
        if (len < 2 || value[len - 1] != value[0])
            return pp_err_set(err, PP_ERR_REFUSED, "the quote of '%s' is not closed", line);
        value[len - 1] = '\0';
        value++;
    }
    return add(file, trim(line), value, err);
}

int pp_envfile_parse(struct pp_envfile *file, char *text, struct pp_err *err) {
    unsigned number = 0;

    *file = (struct pp_envfile)PP_ENVFILE_INIT;
    while (text != NULL) {
        char *end = strchr(text, '\n');
        int rc;

        if (end != NULL)
            *end = '\0';
        number++;
        rc = parse_line(file, text, err);
        if (rc < 0) {
            pp_envfile_done(file);
            return pp_err_context(err, "line %u", number);
        }
        text = end != NULL ? end + 1 : NULL;
    }
    return 0;
}

int pp_envfile_load(struct pp_envfile *file, const char *path, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return pp_err_sys(err, "%s: cannot open", path);
    rc = pp_io_read_all(fd, FILE_LEN_MAX, &text, err);
    if (rc >= 0 && memchr(text.data, '\0', text.len) != NULL)
        rc = pp_err_set(err, PP_ERR_REFUSED, "holds a NUL byte");
    if (rc >= 0)
        rc = pp_envfile_parse(file, (char *)text.data, err);
    return rc < 0 ? pp_err_context(err, "%s", path) : 0;
}
