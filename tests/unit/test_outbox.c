/* The spool of messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "notify/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_A "0000000000000000000000000000000a"
#define RUN_B "0000000000000000000000000000000b"

struct place {
    char path[32];
    int fd;
    struct pp_outbox outbox;
};

static int place_setup(void **state) {
    struct place *place = calloc(1, sizeof(*place));
    struct pp_err err = PP_ERR_INIT;

    assert_non_null(place);
    strcpy(place->path, "/tmp/test_outbox.XXXXXX");
    assert_non_null(mkdtemp(place->path));
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY);
    assert_true(place->fd >= 0);
    assert_int_equal(pp_outbox_open(&place->outbox, place->fd, &err), 0);
    *state = place;
    return 0;
}

static int place_teardown(void **state) {
    struct place *place = *state;
    char command[64];

    pp_outbox_done(&place->outbox);
    close(place->fd);
    snprintf(command, sizeof(command), "rm -r %s", place->path);
    assert_int_equal(system(command), 0);
    free(place);
    return 0;
}

static void put(const struct place *place, const char *run, int status) {
    struct pp_message message = {.type = PP_MESSAGE_FAILED, .seq = 7, .status = status};
    struct pp_err err = PP_ERR_INIT;

    strcpy(message.run, run);
    assert_int_equal(pp_outbox_put(&place->outbox, &message, &err), 0);
}

static void write_file(const struct place *place, const char *name, const char *text) {
    int fd = openat(place->outbox.fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_keeps_and_drops(void **state) {
    const struct place *place = *state;
    struct pp_err err = PP_ERR_INIT;
    struct pp_message message;
    char text[256] = "";
    struct stat st;
    int fd;

    put(place, RUN_A, 9);
    assert_int_equal(fstatat(place->fd, "spool", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    fd = openat(place->fd, "spool/" RUN_A ".json", O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_string_equal(text, "{\"v\":1,\"type\":\"failed\",\"run\":\"" RUN_A
                              "\",\"seq\":7,\"status\":9,\"files\":0,\"patched\":0}\n");

    assert_int_equal(pp_outbox_get(&place->outbox, RUN_A, &message, &err), 0);
    assert_int_equal(message.status, 9);
    assert_string_equal(message.run, RUN_A);
    assert_int_equal(pp_outbox_drop(&place->outbox, RUN_A, &err), 0);
    assert_int_equal(pp_outbox_drop(&place->outbox, RUN_A, &err), 0);
    assert_int_equal(pp_outbox_get(&place->outbox, RUN_A, &message, &err), -PP_ERR_SYSTEM);
    assert_int_equal(err.sys, ENOENT);
}

static void test_lists_oldest_first(void **state) {
    const struct place *place = *state;
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct pp_err err = PP_ERR_INIT;
    struct pp_outbox_entry *entries;
    size_t count;

    assert_int_equal(pp_outbox_list(&place->outbox, &entries, &count, &err), 0);
    assert_int_equal(count, 0);
    free(entries);
    put(place, RUN_A, 1);
    put(place, RUN_B, 2);
    write_file(place, "README", "x");
    write_file(place, ".0000000000000000000000000000000c.json.tmp", "x");
    write_file(place, "0000000000000000000000000000000G.json", "x");
    assert_int_equal(utimensat(place->outbox.fd, RUN_B ".json", old, 0), 0);
    assert_int_equal(pp_outbox_list(&place->outbox, &entries, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(entries[0].run, RUN_B);
    assert_string_equal(entries[1].run, RUN_A);
    free(entries);
}

static void test_refuses_what_it_did_not_write(void **state) {
    const struct place *place = *state;
    struct pp_err err = PP_ERR_INIT;
    struct pp_message message;

    put(place, RUN_A, 1);
    assert_int_equal(renameat(place->outbox.fd, RUN_A ".json", place->outbox.fd, RUN_B ".json"), 0);
    assert_int_equal(pp_outbox_get(&place->outbox, RUN_B, &message, &err), -PP_ERR_DAMAGED);
    assert_int_equal(symlinkat(RUN_B ".json", place->outbox.fd, RUN_A ".json"), 0);
    assert_int_equal(pp_outbox_get(&place->outbox, RUN_A, &message, &err), -PP_ERR_SYSTEM);
    assert_int_equal(err.sys, ELOOP);
    write_file(place, RUN_B ".json", "{\"v\":1");
    assert_int_equal(pp_outbox_get(&place->outbox, RUN_B, &message, &err), -PP_ERR_DAMAGED);
}

/* A link in the place of a temporary file must not be written through. */
static void test_writes_through_no_link(void **state) {
    const struct place *place = *state;
    struct pp_message message = {.type = PP_MESSAGE_COMPLETE, .run = RUN_A, .seq = 1};
    struct pp_err err = PP_ERR_INIT;

    write_file(place, "victim", "");
    assert_int_equal(symlinkat("victim", place->outbox.fd, "." RUN_A ".json.tmp"), 0);
    assert_int_equal(pp_outbox_put(&place->outbox, &message, &err), -PP_ERR_SYSTEM);
    assert_int_equal(err.sys, ELOOP);
}

static void test_folder(void **state) {
    const struct place *place = *state;
    struct pp_outbox again = PP_OUTBOX_INIT;
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_outbox_open(&again, place->fd, &err), 0);
    pp_outbox_done(&again);
    assert_int_equal(fchmodat(place->fd, "spool", 0750, 0), 0);
    assert_int_equal(pp_outbox_open(&again, place->fd, &err), -PP_ERR_REFUSED);
    assert_int_equal(renameat(place->fd, "spool", place->fd, "real"), 0);
    assert_int_equal(symlinkat("real", place->fd, "spool"), 0);
    assert_int_equal(pp_outbox_open(&again, place->fd, &err), -PP_ERR_SYSTEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keeps_and_drops, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_lists_oldest_first, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_refuses_what_it_did_not_write, place_setup,
                                        place_teardown),
        cmocka_unit_test_setup_teardown(test_writes_through_no_link, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_folder, place_setup, place_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
