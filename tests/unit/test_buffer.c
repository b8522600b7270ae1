#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What a shell makes of the word. */
static void check_word(const char *word, bool quoted) {
    PP_AUTO_BUFFER struct pp_buffer command = PP_BUFFER_INIT;
    struct pp_err err = PP_ERR_INIT;
    char seen[64];
    FILE *shell;
    size_t len;

    assert_true(pp_buffer_append(&command, "printf %s ", 10, &err) >= 0);
    assert_true(pp_buffer_append_word(&command, word, &err) >= 0);
    assert_int_equal(strcmp((char *)command.data + 10, word) != 0, quoted);
    shell = popen((char *)command.data, "r");
    assert_non_null(shell);
    len = fread(seen, 1, sizeof(seen) - 1, shell);
    seen[len] = '\0';
    assert_int_equal(pclose(shell), 0);
    assert_string_equal(seen, word);
}

static void test_words(void **state) {
    (void)state;
    check_word("/data/user/10/com.termux", false);
    check_word("TERMUX__PREFIX=/a-b+c,d:e@f%g", false);
    check_word("/with space/and\ttab", true);
    check_word("it's", true);
    check_word("''", true);
    check_word("$HOME `id` \\ \" *?[a] ~ # ; & | < > ( ) ! {a,b}", true);
    check_word("~", true);
    check_word("line\nbreak", true);
    check_word("\xc3\xa4", true);
    check_word("", true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
