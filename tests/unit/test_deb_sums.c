#include "deb/deb_sums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* RFC 1321, A.5. */
#define MD5_OF_ABC "900150983cd24fb0d6963f7d28e17f72"
#define OLD "00000000000000000000000000000000"

static void add(struct pp_deb_sums *sums, enum pp_deb_kind kind, const char *path,
                const char *target, const char *content, const char *moved) {
    struct pp_deb_member member = {.path = path, .kind = kind, .target = target};
    struct pp_deb_change change = {.rewritten = content != NULL, .moved = moved != NULL};
    struct pp_err err = PP_ERR_INIT;

    pp_spool_init(&change.content);
    if (content != NULL)
        pp_sink_write(&change.content.sink, content, strlen(content), &err);
    if (moved != NULL)
        pp_buffer_append(&change.path, moved, strlen(moved), &err);
    assert_int_equal(pp_deb_sums_add(sums, &member, &change, &err), 0);
    pp_spool_done(&change.content);
    pp_buffer_done(&change.path);
}

static void assert_mended(struct pp_deb_sums *sums, const char *text, size_t len, int rc,
                          const char *wanted) {
    const struct pp_buffer before = {.data = (uint8_t *)(uintptr_t)text, .len = len};
    PP_AUTO_BUFFER struct pp_buffer after = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_deb_sums_mend(sums, &before, &after, &err), rc);
    assert_int_equal(after.len, rc == 0 ? len : strlen(wanted));
    if (after.len > 0)
        assert_memory_equal(after.data, wanted, after.len);
}

static void test_mend(void **state) {
    static const struct {
        const char *text;
        const char *wanted; /* NULL: the same */
    } rows[] = {
        {OLD "  usr/a\n", MD5_OF_ABC "  usr/a\n"},
        {OLD "  usr/a", MD5_OF_ABC "  usr/a"},
        {OLD "  ./usr/a\n", MD5_OF_ABC "  ./usr/a\n"},
        {OLD "  usr/m\n" OLD "  usr/a\n", OLD "  opt/m\n" MD5_OF_ABC "  usr/a\n"},
        /* Hard links have the sum of what they name, whether that comes before or after. */
        {OLD "  usr/link\n" OLD "  usr/over\n",
         MD5_OF_ABC "  usr/link\n" MD5_OF_ABC "  opt/over\n"},
        {OLD "  usr/idle\n", NULL},
        {OLD "  usr/round\n", NULL},
        {OLD "  usr/other\n\nno sum\n", NULL},
        {"", NULL},
    };
    PP_AUTO_DEB_SUMS struct pp_deb_sums sums = PP_DEB_SUMS_INIT;

    (void)state;
    add(&sums, PP_DEB_HARDLINK, "usr/over", "usr/link", NULL, "opt/over");
    add(&sums, PP_DEB_FILE, "usr/m", "", NULL, "opt/m");
    add(&sums, PP_DEB_FILE, "usr/a", "", "abc", NULL);
    add(&sums, PP_DEB_HARDLINK, "usr/link", "usr/a", NULL, NULL);
    add(&sums, PP_DEB_HARDLINK, "usr/idle", "usr/other", NULL, NULL);
    add(&sums, PP_DEB_HARDLINK, "usr/round", "usr/round", NULL, NULL);
    add(&sums, PP_DEB_FILE, "usr/kept", "", NULL, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_mended(&sums, rows[i].text, strlen(rows[i].text), rows[i].wanted != NULL,
                      rows[i].wanted != NULL ? rows[i].wanted : rows[i].text);
    assert_mended(&sums, OLD "  usr/a\n\0", sizeof(OLD "  usr/a\n"), 0, OLD "  usr/a\n\0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
