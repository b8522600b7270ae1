#include "journal/journal.h"

#include "ledger/intent.h"
#include "scratch.h"
#include "stream/matcher.h"
#include "tree/inplace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#define OLD "/opt/alpha//////////////"
#define NEW "/srv/alpha//////////////"
#define NEWER "/mnt/a//////////////////"
#define LEN 24

static struct scratch root;
static char state_path[96];
static char told[2048]; /* "done a\nleft b\n" */

static struct pp_ledger_value values[] = {{"ALPHA", "/srv/alpha"}};

static int text(void *context, const char *name, const char *value, struct pp_buffer *out,
                struct pp_err *err) {
    char padded[LEN];

    (void)context;
    if (strcmp(name, "ALPHA") != 0)
        return pp_err_set(err, PP_ERR_REFUSED, "no such placeholder: %s", name);
    if (value == NULL)
        value = "/opt/alpha";
    memset(padded, '/', LEN);
    memcpy(padded, value, strlen(value));
    return pp_buffer_append(out, padded, LEN, err);
}

static void on_result(void *context, const struct pp_journal_result *result) {
    static const char *const words[] = {"done", "recovered", "left", "stale"};

    (void)context;
    assert_int_equal(result->outcome >= PP_JOURNAL_LEFT, result->err != NULL);
    sprintf(told + strlen(told), "%s %s\n", words[result->outcome], result->path);
}

static int setup(void **unused) {
    (void)unused;
    scratch_init(&root);
    mkdirat(root.fd, "a", 0755);
    mkdirat(root.fd, "b", 0755);
    snprintf(state_path, sizeof(state_path), "%s/state", root.path);
    values[0].value = "/srv/alpha";
    told[0] = '\0';
    return 0;
}

static int teardown(void **unused) {
    (void)unused;
    scratch_done(&root);
    return 0;
}

static struct pp_journal_options options(void) {
    return (struct pp_journal_options){
        .root = root.fd,
        .root_path = root.path,
        .state_path = state_path,
        .values = values,
        .value_count = 1,
        .text = text,
        .result = on_result,
    };
}

static struct pp_journal *open_with(const struct pp_journal_options *chosen) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_journal *journal = pp_journal_open(chosen, &err);

    if (journal == NULL)
        fail_msg("%s", err.text);
    return journal;
}

static struct pp_journal *open_journal(void) {
    struct pp_journal_options chosen = options();

    return open_with(&chosen);
}

static void close_flushed(struct pp_journal *journal) {
    struct pp_err err = PP_ERR_INIT;

    if (pp_journal_flush(journal, &err) < 0)
        fail_msg("%s", err.text);
    pp_journal_close(journal);
}

static void check_told(const char *want) {
    assert_string_equal(told, want);
    told[0] = '\0';
}

static void add_hits(struct pp_journal *journal, const char *path, enum pp_ledger_kind kind,
                     const struct pp_hit *hits, size_t count, const char *link) {
    struct stat st = scratch_stat(&root, path);
    struct pp_change change = {
        .path = path,
        .package = "toy:all",
        .kind = kind,
        .identity = pp_identity_of(&st),
        .hits = hits,
        .hit_count = count,
        .links = &link,
        .link_count = link != NULL,
        /* Texts of older sets were looked for: that is all there is. */
        .alone = hits[0].was != 0,
    };
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_journal_add(journal, &change, &err), 0);
}

/* A change with a hit at the start of the file. */
static void add(struct pp_journal *journal, const char *path, const char *link) {
    struct pp_hit hit = {.offset = 0};

    add_hits(journal, path, PP_LEDGER_PLAIN, &hit, 1, link);
}

static void aged_text(const char *path, const char *content) {
    scratch_text(&root, path, content);
    scratch_age(&root, path);
}

static void patch(const char *path) {
    struct pp_journal *journal = open_journal();

    add(journal, path, NULL);
    close_flushed(journal);
}

static int compare_row(void *context, const struct pp_ledger_file *file, struct pp_err *err) {
    const char *const *contents = context;
    struct pp_source *source;
    struct pp_digest digest;

    for (int i = 0; i < 2; i++) {
        struct pp_blob blob = pp_blob_memory(contents[i], strlen(contents[i]));

        source = pp_source_from_blob(&blob, err);
        assert_non_null(source);
        assert_int_equal(pp_digest_source(source, true, &digest, err), 0);
        pp_source_free(source);
        assert_memory_equal(&digest, i == 0 ? &file->shipped : &file->current, sizeof(digest));
    }
    return 1;
}

/* There is a row, with the digests of these. */
static void check_row(const char *path, const char *shipped, const char *current) {
    const char *contents[] = {shipped, current};
    struct pp_journal *journal = open_journal();
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_ledger_find(pp_journal_ledger(journal), path, compare_row, contents, &err),
                     1);
    assert_int_equal(pp_journal_recovery_pending(journal, &err), 0);
    pp_journal_close(journal);
}

static void check_no_row(const char *path) {
    struct pp_journal *journal = open_journal();
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_ledger_find(pp_journal_ledger(journal), path, compare_row, NULL, &err), 0);
    assert_int_equal(pp_journal_recovery_pending(journal, &err), 0);
    pp_journal_close(journal);
}

static void restore_all(void) {
    struct pp_journal *journal = open_journal();
    struct pp_journal_rows all = {0};
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_journal_restore(journal, &all, &err), 0);
    pp_journal_close(journal);
}

static void test_batch(void **unused) {
    struct pp_journal *journal = open_journal();
    struct stat before;

    (void)unused;
    aged_text("a/one", OLD "/etc" OLD "\n");
    aged_text("b/two", OLD);
    assert_int_equal(linkat(root.fd, "b/two", root.fd, "a/link", 0), 0);
    before = scratch_stat(&root, "b/two");
    add_hits(journal, "a/one", PP_LEDGER_PLAIN,
             (struct pp_hit[]){{.offset = 0}, {.offset = LEN + 4}}, 2, NULL);
    add(journal, "b/two", "a/link");
    check_told("");
    close_flushed(journal);
    check_told("done a/one\ndone b/two\ndone a/link\n");
    assert_string_equal(scratch_read(&root, "a/one"), NEW "/etc" NEW "\n");
    assert_string_equal(scratch_read(&root, "a/link"), NEW);
    assert_int_equal(scratch_stat(&root, "b/two").st_ino, before.st_ino);
    assert_int_equal(scratch_stat(&root, "a/link").st_ino, before.st_ino);
    assert_true(scratch_is_aged(&root, "a/one") && scratch_is_aged(&root, "b/two"));
    assert_string_equal(scratch_read(&root, "state/values"), "ALPHA=/srv/alpha\n");
    check_row("a/one", OLD "/etc" OLD "\n", NEW "/etc" NEW "\n");
    check_row("b/two", OLD, NEW);
    check_row("a/link", OLD, NEW);
    restore_all();
    check_told("done a/one\ndone a/link\ndone b/two\n");
    assert_string_equal(scratch_read(&root, "a/one"), OLD "/etc" OLD "\n");
    assert_string_equal(scratch_read(&root, "a/link"), OLD);
    assert_int_equal(scratch_stat(&root, "a/link").st_ino, before.st_ino);
    assert_true(scratch_is_aged(&root, "a/one") && scratch_is_aged(&root, "b/two"));
    check_no_row("a/one");
    check_no_row("a/link");
}

/* The text in an encoding; `data` has room for it. Returns its length. */
static size_t widen(const char *narrow, enum pp_encoding encoding, uint8_t *data) {
    size_t width = pp_encoding_width(encoding);
    size_t at = encoding == PP_ENCODING_UTF16BE || encoding == PP_ENCODING_UTF32BE ? width - 1 : 0;

    memset(data, 0, strlen(narrow) * width);
    for (size_t i = 0; i < strlen(narrow); i++)
        data[i * width + at] = (uint8_t)narrow[i];
    return strlen(narrow) * width;
}

static void test_encodings(void **unused) {
    uint8_t old_data[512] = "xyz";
    uint8_t new_data[512] = "xyz";
    uint8_t found[512];
    struct pp_hit hits[4];
    struct pp_journal *journal = open_journal();
    size_t len = 3;

    (void)unused;
    for (uint32_t encoding = PP_ENCODING_UTF16LE; encoding <= PP_ENCODING_UTF32BE; encoding++) {
        hits[encoding - 1] = (struct pp_hit){.offset = len, .encoding = encoding};
        widen(NEW, encoding, new_data + len);
        len += widen(OLD, encoding, old_data + len);
    }
    scratch_write(&root, "a/wide", old_data, len);
    add_hits(journal, "a/wide", PP_LEDGER_PLAIN, hits, 4, NULL);
    close_flushed(journal);
    check_told("done a/wide\n");
    memcpy(found, scratch_read(&root, "a/wide"), sizeof(found));
    assert_memory_equal(found, new_data, len);
    restore_all();
    memcpy(found, scratch_read(&root, "a/wide"), sizeof(found));
    assert_memory_equal(found, old_data, len);
}

static void test_symlink(void **unused) {
    struct pp_journal *journal = open_journal();
    struct pp_hit hit = {.offset = 0};
    char target[64] = "";

    (void)unused;
    assert_int_equal(symlinkat(OLD "etc", root.fd, "a/symlink"), 0);
    scratch_age(&root, "a/symlink");
    scratch_age(&root, "a");
    add_hits(journal, "a/symlink", PP_LEDGER_SYMLINK, &hit, 1, NULL);
    close_flushed(journal);
    assert_int_equal(readlinkat(root.fd, "a/symlink", target, sizeof(target)), LEN + 3);
    assert_string_equal(target, NEW "etc");
    assert_true(scratch_is_aged(&root, "a/symlink"));
    assert_true(scratch_is_aged(&root, "a"));
    check_row("a/symlink", OLD "etc", NEW "etc");
    restore_all();
    assert_int_equal(readlinkat(root.fd, "a/symlink", target, sizeof(target)), LEN + 3);
    assert_string_equal(target, OLD "etc");
    assert_true(scratch_is_aged(&root, "a"));
}

static void test_changed_files_are_left(void **unused) {
    struct pp_journal *journal = open_journal();

    (void)unused;
    aged_text("a/one", OLD);
    aged_text("a/two", OLD);
    aged_text("a/three", OLD);
    add(journal, "a/one", NULL);
    add(journal, "a/two", NULL);
    add(journal, "a/three", NULL);
    scratch_text(&root, "a/one", OLD "edited");
    unlinkat(root.fd, "a/two", 0);
    close_flushed(journal);
    check_told("left a/one\nleft a/two\ndone a/three\n");
    assert_string_equal(scratch_read(&root, "a/one"), OLD "edited");
    check_no_row("a/one");
    /* Edited after it was patched: restore leaves it, and keeps its row. */
    scratch_text(&root, "a/three", NEW "edited");
    restore_all();
    check_told("left a/three\n");
    assert_string_equal(scratch_read(&root, "a/three"), NEW "edited");
    check_row("a/three", OLD, NEW);
}

static void test_folder_that_became_a_symlink(void **unused) {
    struct pp_journal *journal = open_journal();

    (void)unused;
    aged_text("a/one", OLD);
    add(journal, "a/one", NULL);
    assert_int_equal(renameat(root.fd, "a", root.fd, "elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", root.fd, "a"), 0);
    close_flushed(journal);
    check_told("left a/one\n");
    assert_string_equal(scratch_read(&root, "elsewhere/one"), OLD);
}

static void test_unknown_names_keep_their_content(void **unused) {
    (void)unused;
    aged_text("a/one", OLD);
    assert_int_equal(linkat(root.fd, "a/one", root.fd, "b/copy", 0), 0);
    patch("a/one");
    assert_string_equal(scratch_read(&root, "a/one"), NEW);
    assert_string_equal(scratch_read(&root, "b/copy"), OLD);
    assert_true(scratch_is_aged(&root, "a/one"));
}

/* A program that runs cannot be opened for writing. */
static void test_busy_file_is_replaced(void **unused) {
    char command[512];
    struct pp_journal *journal;
    char path[128];
    struct stat before;
    int started[2];
    char byte;
    pid_t child;

    (void)unused;
    snprintf(path, sizeof(path), "%s/a/sleep", root.path);
    snprintf(command, sizeof(command), "cp /bin/sleep %s && printf '%s' >> %s", path, OLD, path);
    assert_int_equal(system(command), 0);
    before = scratch_stat(&root, "a/sleep");
    assert_int_equal(pipe2(started, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        execl(path, path, "600", (char *)NULL);
        _exit(1);
    }
    close(started[1]);
    assert_int_equal(read(started[0], &byte, 1), 0); /* closed by the exec */
    close(started[0]);
    journal = open_journal();
    add_hits(journal, "a/sleep", PP_LEDGER_PLAIN,
             &(struct pp_hit){.offset = (uint64_t)before.st_size - LEN}, 1, NULL);
    close_flushed(journal);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    check_told("done a/sleep\n");
    assert_true(scratch_stat(&root, "a/sleep").st_ino != before.st_ino);
    assert_int_equal(scratch_stat(&root, "a/sleep").st_mode, before.st_mode);
    snprintf(command, sizeof(command), "tail -c %d %s | grep -qxF %s", LEN, path, NEW);
    assert_int_equal(system(command), 0);
}

static void test_revalue(void **unused) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_journal *journal;

    (void)unused;
    aged_text("a/one", OLD);
    aged_text("a/two", "two");
    scratch_text(&root, "a/two", OLD);
    journal = open_journal();
    add(journal, "a/one", NULL);
    add(journal, "a/two", NULL);
    close_flushed(journal);
    scratch_text(&root, "a/two", "edited " NEW);
    told[0] = '\0';
    values[0].value = "/mnt/a";
    journal = open_journal();
    assert_int_equal(pp_journal_revalue(journal, &(struct pp_journal_rows){0}, 0, NULL, NULL, &err),
                     0);
    pp_journal_close(journal);
    check_told("done a/one\nleft a/two\n");
    assert_string_equal(scratch_read(&root, "a/one"), NEWER);
    assert_string_equal(scratch_read(&root, "a/two"), "edited " NEW);
    assert_true(scratch_is_aged(&root, "a/one"));
    assert_string_equal(scratch_read(&root, "state/values"), "ALPHA=/mnt/a\n");
    check_row("a/one", OLD, NEWER);
    /* What the edited file held is found as the text of an older set. */
    journal = open_journal();
    {
        const struct pp_ledger_value older[] = {{"ALPHA", "/srv/alpha"}};
        struct pp_hit hit = {.offset = 7};

        assert_int_equal(pp_journal_set(journal, older, 1, &hit.was, &err), 0);
        add_hits(journal, "a/two", PP_LEDGER_PLAIN, &hit, 1, NULL);
    }
    close_flushed(journal);
    check_told("done a/two\n");
    assert_string_equal(scratch_read(&root, "a/two"), "edited " NEWER);
    check_row("a/two", "edited " OLD, "edited " NEWER);
    restore_all();
    assert_string_equal(scratch_read(&root, "a/one"), OLD);
    assert_string_equal(scratch_read(&root, "a/two"), "edited " OLD);
}

static void test_dry_run(void **unused) {
    struct pp_journal_options dry = options();
    struct pp_journal *journal;

    (void)unused;
    dry.dry_run = true;
    aged_text("a/one", OLD);
    aged_text("a/two", OLD);
    journal = open_with(&dry);
    add(journal, "a/one", NULL);
    add(journal, "a/two", NULL);
    scratch_text(&root, "a/two", "edited");
    close_flushed(journal);
    check_told("done a/one\nleft a/two\n");
    assert_string_equal(scratch_read(&root, "a/one"), OLD);
    assert_false(scratch_has(&root, "state"));
    patch("a/one");
    told[0] = '\0';
    journal = open_with(&dry);
    {
        struct pp_journal_rows all = {0};
        struct pp_err err = PP_ERR_INIT;

        assert_int_equal(pp_journal_restore(journal, &all, &err), 0);
    }
    pp_journal_close(journal);
    check_told("done a/one\n");
    assert_string_equal(scratch_read(&root, "a/one"), NEW);
    check_row("a/one", OLD, NEW);
}

static void test_damaged_ledger_is_renewed_on_demand(void **unused) {
    struct pp_journal_options chosen = options();
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    aged_text("a/one", OLD);
    aged_text("a/two", OLD);
    patch("a/one");
    scratch_text(&root, "state/ledger.db", "not a database, and long enough to be looked at");
    assert_null(pp_journal_open(&chosen, &err));
    assert_int_equal(err.kind, PP_ERR_DAMAGED);
    chosen.renew_ledger = true;
    pp_journal_close(open_with(&chosen));
    patch("a/two");
    check_row("a/two", OLD, NEW);
    check_no_row("a/one");
}

/* Interrupted states, made by hand. */

static void digest_text(const char *content, struct pp_digest *digest) {
    struct pp_digester digester;

    pp_digester_init(&digester, true);
    pp_digester_update(&digester, content, strlen(content));
    pp_digester_final(&digester, digest);
}

struct cut {
    const char *path;
    const char *shipped; /* what it was; one hit at the start */
    const char *current; /* what it shall be */
    const char *temporary;
    uint64_t ino;
};

/* Leaves the state of a run that was cut off behind its intents. */
static void intend(const struct cut *cut) {
    struct pp_ledger_intent intent = {
        .file = {.path = cut->path,
                 .package = "toy:all",
                 .kind = PP_LEDGER_PLAIN,
                 .size = strlen(cut->current),
                 .mtime = {981173106, 123456789},
                 .hits = (const uint8_t *)"\x00\x00",
                 .hits_len = 2},
        .ino = cut->ino,
        .temporary = cut->temporary,
    };
    struct timespec folder_time = {981173106, 123456789};
    struct pp_journal *journal = open_journal();
    struct pp_ledger *ledger = pp_journal_ledger(journal);
    struct pp_err err = PP_ERR_INIT;
    struct pp_digest old;

    digest_text(cut->shipped, &intent.file.shipped);
    digest_text(cut->current, &intent.file.current);
    digest_text(cut->shipped, &old);
    memcpy(intent.old, old.sha256, sizeof(intent.old));
    assert_int_equal(pp_ledger_set(ledger, values, 1, &intent.file.set, &err), 0);
    assert_int_equal(pp_ledger_put_intent(ledger, &intent, &err), 0);
    if (cut->temporary != NULL) {
        char path[64];

        snprintf(path, sizeof(path), "a/%s", cut->temporary);
        assert_int_equal(pp_ledger_put_temporary(ledger, path, &err), 0);
        assert_int_equal(pp_ledger_put_folder_time(ledger, "a", &folder_time, &err), 0);
    }
    assert_int_equal(pp_journal_recovery_pending(journal, &err), 1);
    pp_journal_close(journal);
}

static void check_pending_for_readers(void) {
    struct pp_journal_options dry = options();
    struct pp_err err = PP_ERR_INIT;
    struct pp_journal *journal;

    dry.dry_run = true;
    journal = open_with(&dry);
    assert_int_equal(pp_journal_recovery_pending(journal, &err), 1);
    pp_journal_close(journal);
}

/* A span that was written up to each byte, with the mtime of the writing. */
static void test_torn_span_is_ended(void **unused) {
    (void)unused;
    for (size_t written = 0; written <= LEN; written++) {
        char content[64] = OLD "rest";

        memcpy(content, NEW, written);
        scratch_text(&root, "a/one", content);
        intend(&(struct cut){"a/one", OLD "rest", NEW "rest", NULL,
                             scratch_stat(&root, "a/one").st_ino});
        check_pending_for_readers();
        pp_journal_close(open_journal());
        check_told("recovered a/one\n");
        assert_string_equal(scratch_read(&root, "a/one"), NEW "rest");
        assert_true(scratch_is_aged(&root, "a/one"));
        check_row("a/one", OLD "rest", NEW "rest");
    }
}

/* Cases that somebody else made: nothing is written. */
static void check_left(const char *content, uint64_t ino_offset) {
    scratch_text(&root, "a/one", content);
    intend(&(struct cut){"a/one", OLD "rest", NEW "rest", NULL,
                         scratch_stat(&root, "a/one").st_ino + ino_offset});
    scratch_age(&root, "a/one");
    pp_journal_close(open_journal());
    check_told("left a/one\n");
    assert_string_equal(scratch_read(&root, "a/one"), content);
    check_no_row("a/one");
}

static void test_what_somebody_changed_since_is_left(void **unused) {
    (void)unused;
    check_left(OLD "REST", 0);                     /* bytes between the spans */
    check_left("/xpt/alpha//////////////rest", 0); /* in the span */
    check_left(OLD "rest and more", 0);            /* longer */
    check_left(OLD "rest", 1);                     /* unpacked again: to be classified afresh */
    unlinkat(root.fd, "a/one", 0);
    intend(&(struct cut){"a/one", OLD, NEW, NULL, 1});
    pp_journal_close(open_journal());
    check_told("left a/one\n");
    intend(&(struct cut){"gone/one", OLD, NEW, NULL, 1});
    pp_journal_close(open_journal());
    check_told("left gone/one\n");
    /* After a power cut an inode may have another number; our own bytes are known again. */
    scratch_text(&root, "a/one", NEW);
    intend(&(struct cut){"a/one", OLD, NEW, NULL, scratch_stat(&root, "a/one").st_ino + 1});
    pp_journal_close(open_journal());
    check_told("recovered a/one\n");
}

static void check_rename(const char *target, const char *temporary, const char *want_told,
                         const char *want) {
    scratch_text(&root, "a/one", target);
    if (temporary != NULL)
        scratch_text(&root, "a/.pp-temporary", temporary);
    intend(&(struct cut){"a/one", OLD, NEW, ".pp-temporary", 0});
    pp_journal_close(open_journal());
    check_told(want_told);
    assert_string_equal(scratch_read(&root, "a/one"), want);
    assert_false(scratch_has(&root, "a/.pp-temporary"));
    assert_true(scratch_is_aged(&root, "a"));
}

static void test_rename_is_ended_or_dropped(void **unused) {
    (void)unused;
    check_rename(OLD, NEW, "recovered a/one\n", NEW);
    check_row("a/one", OLD, NEW);
    check_rename(NEW, NULL, "recovered a/one\n", NEW);
    check_rename(OLD, "half of i", "", OLD);
    check_rename(OLD, NULL, "", OLD);
    check_rename("edited", NEW, "left a/one\n", "edited");
}

static void test_stray_temporaries_are_dropped(void **unused) {
    struct timespec folder_time = {981173106, 123456789};
    struct pp_journal *journal = open_journal();
    struct pp_ledger *ledger = pp_journal_ledger(journal);
    struct pp_err err = PP_ERR_INIT;

    (void)unused;
    assert_int_equal(pp_ledger_put_temporary(ledger, "a/.pp-stray", &err), 0);
    assert_int_equal(pp_ledger_put_temporary(ledger, "gone/.pp-stray", &err), 0);
    assert_int_equal(pp_ledger_put_folder_time(ledger, "a", &folder_time, &err), 0);
    pp_journal_close(journal);
    scratch_text(&root, "a/.pp-stray", "half");
    pp_journal_close(open_journal());
    assert_false(scratch_has(&root, "a/.pp-stray"));
    assert_true(scratch_is_aged(&root, "a"));
    check_told("");
    check_no_row("a/one");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_encodings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_symlink, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_files_are_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder_that_became_a_symlink, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_names_keep_their_content, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy_file_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_revalue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_ledger_is_renewed_on_demand, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_span_is_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_somebody_changed_since_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rename_is_ended_or_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stray_temporaries_are_dropped, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
