/* Placeholder tables: one is read and makes sense, or is refused; so is one that is added. */
#include "base/cleanup.h"
#include "demand.h"
#include "values/table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct pp_table *table) {
    demand(table->count <= PP_PLACEHOLDER_MAX);
    for (size_t i = 0; i < table->count; i++) {
        const struct pp_placeholder *placeholder = &table->placeholders[i];
        size_t default_len = strlen(placeholder->default_path);

        demand(pp_table_find(table, placeholder->name) == (int)i);
        demand(strlen(placeholder->text) == placeholder->len);
        demand(placeholder->len <= PP_PLACEHOLDER_LEN_MAX && default_len <= placeholder->len);
        demand(memcmp(placeholder->text, placeholder->default_path, default_len) == 0);
        demand(strspn(placeholder->text + default_len, "/") == placeholder->len - default_len);
        demand(pp_table_parent(table, i) < (int)table->count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    PP_AUTO_TABLE struct pp_table alone = PP_TABLE_INIT;
    PP_AUTO_TABLE struct pp_table both = PP_TABLE_INIT;
    struct pp_err err = PP_ERR_INIT;
    char path[32];
    int fd = memfd_create("table", MFD_CLOEXEC);
    size_t count;

    demand(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (!failed(pp_table_load(&alone, path, &err), &err))
        check(&alone);
    demand(pp_table_load(&both, NULL, &err) >= 0);
    count = both.count;
    if (failed(pp_table_add(&both, path, &err), &err))
        demand(both.count == count);
    check(&both);
    close(fd);
    return 0;
}
