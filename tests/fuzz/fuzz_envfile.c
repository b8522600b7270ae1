/* KEY=VALUE files: what was read is written and read again as the same. */
#include "base/buffer.h"
#include "demand.h"
#include "values/envfile.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    PP_AUTO_ENVFILE struct pp_envfile file = PP_ENVFILE_INIT;
    PP_AUTO_ENVFILE struct pp_envfile back = PP_ENVFILE_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    bool plain = true;

    demand(pp_buffer_append(&text, data, len, &err) >= 0);
    demand(pp_buffer_append(&text, "", 1, &err) >= 0);
    if (failed(pp_envfile_parse(&file, (char *)text.data, &err), &err))
        return 0;
    text.len = 0;
    for (size_t i = 0; i < file.count; i++) {
        const char *value = file.entries[i].value;
        size_t value_len = strlen(value);

        demand(file.entries[i].key[0] != '\0');
        demand(strcspn(value, "\n") == value_len);
        demand(pp_envfile_get(&file, file.entries[i].key) != NULL);
        /* There is no way to write these two. */
        plain = plain && (strchr(value, '"') == NULL || strchr(value, '\'') == NULL);
        demand(pp_buffer_printf(&text, &err, "%s=%s%s%s\n", file.entries[i].key,
                                strchr(value, '"') == NULL ? "\"" : "'", value,
                                strchr(value, '"') == NULL ? "\"" : "'") >= 0);
    }
    if (!plain || text.data == NULL)
        return 0;
    demand(pp_envfile_parse(&back, (char *)text.data, &err) >= 0 && back.count == file.count);
    for (size_t i = 0; i < file.count; i++) {
        demand(strcmp(back.entries[i].key, file.entries[i].key) == 0);
        demand(strcmp(back.entries[i].value, file.entries[i].value) == 0);
    }
    return 0;
}
