/* Content through all layers. Oracle: libarchive, which makes and reads the archives and streams.
 */
#include "content/content.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#define OLD "/opt/alpha//////////////"
#define NEW "/srv/a//////////////////"
#define LEN 24

static struct pp_matcher *matcher;
static struct pp_budget budget;
static struct pp_err err;

static int setup(void **state) {
    static const struct pp_pattern pattern = {.find = OLD, .put = NEW, .len = LEN};
    static const char *const guards[] = {NEW};

    (void)state;
    matcher = pp_matcher_new(&pattern, 1, guards, 1, &err);
    pp_budget_init(&budget, (uint64_t)512 << 20);
    return matcher == NULL;
}

static int teardown(void **state) {
    (void)state;
    pp_matcher_free(matcher);
    pp_budget_done(&budget);
    return 0;
}

static struct pp_policy policy(void) {
    return (struct pp_policy){.matcher = matcher, .budget = &budget, .decode = true};
}

/* ---- making content ---- */

static void append(struct pp_buffer *to, const void *data, size_t len) {
    assert_int_equal(pp_buffer_append(to, data, len, &err), 0);
}

static void append_text(struct pp_buffer *to, const char *text) {
    append(to, text, strlen(text));
}

struct member {
    const char *name;
    unsigned mode;
    const char *text;
    size_t len; /* 0: it ends with a NUL */
};

static size_t member_len(const struct member *member) {
    return member->len > 0 ? member->len : strlen(member->text);
}

static ssize_t append_archive(struct archive *archive, void *to, const void *data, size_t len) {
    (void)archive;
    append(to, data, len);
    return (ssize_t)len;
}

/* An archive of a format, or with the format "raw" a stream of one member. */
static void pack(struct pp_buffer *to, const char *format, int filter, const struct member *members,
                 size_t count) {
    struct archive *archive = archive_write_new();

    assert_int_equal(archive_write_set_format_by_name(archive, format), ARCHIVE_OK);
    if (filter != ARCHIVE_FILTER_NONE)
        assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(archive, 1);
    assert_int_equal(archive_write_open(archive, to, NULL, append_archive, NULL), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();

        archive_entry_set_pathname(entry, members[i].name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, members[i].mode != 0 ? members[i].mode : 0644);
        archive_entry_set_mtime(entry, 981173106, 0);
        archive_entry_set_size(entry, (int64_t)member_len(&members[i]));
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(archive, members[i].text, member_len(&members[i])),
                         member_len(&members[i]));
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
}

static void pack_stream(struct pp_buffer *to, int filter, const char *text, size_t len) {
    pack(to, "raw", filter, &(struct member){.name = "data", .text = text, .len = len}, 1);
}

/* The members as lines of "name mode content|". */
static void unpack(const struct pp_buffer *from, bool raw, struct pp_buffer *lines) {
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    char data[4096];
    ssize_t count;

    archive_read_support_filter_all(archive);
    if (raw)
        archive_read_support_format_raw(archive);
    else
        archive_read_support_format_all(archive);
    if (archive_read_open_memory(archive, from->data, from->len) != ARCHIVE_OK)
        fail_msg("%s", archive_error_string(archive));
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        if (!raw)
            assert_int_equal(pp_buffer_printf(lines, &err, "%s %o ", archive_entry_pathname(entry),
                                              (unsigned)archive_entry_perm(entry)),
                             0);
        while ((count = archive_read_data(archive, data, sizeof(data))) > 0)
            append(lines, data, (size_t)count);
        assert_int_equal(count, 0);
        if (!raw)
            append_text(lines, "|");
    }
    assert_int_equal(archive_errno(archive), 0);
    archive_read_free(archive);
}

/* ---- looking and writing ---- */

static void scan(const struct pp_policy *how, const struct pp_buffer *content, uint32_t mode,
                 struct pp_findings *findings) {
    struct pp_blob blob = pp_blob_memory(content->data, content->len);

    if (pp_content_scan(how, &blob, mode, findings, &err) < 0)
        fail_msg("%s", err.text);
}

static void rewrite(const struct pp_policy *how, const struct pp_buffer *content,
                    struct pp_findings *findings, struct pp_buffer *result) {
    struct pp_blob blob = pp_blob_memory(content->data, content->len);
    struct pp_sink_buffer sink;

    pp_sink_buffer_init(&sink, result);
    if (pp_content_rewrite(how, &blob, 0, findings, &sink.sink, &err) < 0)
        fail_msg("%s", err.text);
}

/* Scans and rewrites; `count` are the hits that are patched. */
static void patch(const struct pp_buffer *content, size_t count, struct pp_buffer *result) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_policy how = policy();

    scan(&how, content, 0, &findings);
    assert_int_equal(findings.problem_count, 0);
    assert_int_equal(pp_findings_count(&findings), count);
    rewrite(&how, content, &findings, result);
}

/* Scans; there is one problem, its text holds `words`, and `count` hits. */
static void check_problem(const struct pp_buffer *content, const char *path, const char *words,
                          size_t count) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_policy how = policy();

    scan(&how, content, 0, &findings);
    assert_int_equal(findings.problem_count, 1);
    assert_string_equal(findings.problems[0].path, path);
    if (strstr(findings.problems[0].text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, findings.problems[0].text);
    assert_int_equal(pp_findings_count(&findings), count);
}

/* ---- plain bytes ---- */

#define BUFFER_LEN ((size_t)256 << 10)

/* Placeholders around every boundary of the buffers that content is read with. */
static size_t boundary_text(struct pp_buffer *text, size_t shift) {
    size_t count = 0;

    for (size_t at = BUFFER_LEN; at <= 4 * BUFFER_LEN; at += BUFFER_LEN) {
        while (text->len < at - shift)
            append_text(text, ".");
        append_text(text, OLD OLD);
        count += 2;
    }
    return count;
}

static void replace_all(const struct pp_buffer *text, struct pp_buffer *result) {
    append(result, text->data, text->len);
    for (char *at = (char *)result->data; (at = strstr(at, OLD)) != NULL;)
        memcpy(at, NEW, LEN);
}

static void test_plain_at_boundaries(void **state) {
    (void)state;
    for (size_t shift = 1; shift <= 2 * LEN + 1; shift += 6) {
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer want = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
        size_t count = boundary_text(&text, shift);

        replace_all(&text, &want);
        patch(&text, count, &result);
        assert_int_equal(result.len, want.len);
        assert_memory_equal(result.data, want.data, want.len);
    }
}

static void test_memory_and_files_agree(void **state) {
    PP_AUTO_FINDINGS struct pp_findings from_memory = PP_FINDINGS_INIT;
    PP_AUTO_FINDINGS struct pp_findings from_file = PP_FINDINGS_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    struct pp_policy how = policy();
    size_t count = boundary_text(&text, 7);
    struct pp_blob blob;
    struct scratch folder;
    int fd;

    (void)state;
    scratch_init(&folder);
    scratch_write(&folder, "file", text.data, text.len);
    fd = openat(folder.fd, "file", O_RDONLY | O_CLOEXEC);
    blob = pp_blob_file(fd, 0, text.len);
    scan(&how, &text, 0, &from_memory);
    assert_int_equal(pp_content_scan(&how, &blob, 0, &from_file, &err), 0);
    assert_int_equal(from_memory.count, count);
    assert_int_equal(from_file.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(from_memory.items[i].offset, from_file.items[i].offset);
        assert_memory_equal(text.data + from_file.items[i].offset, OLD, LEN);
    }
    assert_true(pp_findings_in_place(&from_file));
    close(fd);
    scratch_done(&folder);
}

static void test_executables(void **state) {
    PP_AUTO_BUFFER struct pp_buffer script = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_FINDINGS struct pp_findings left = PP_FINDINGS_INIT;
    PP_AUTO_FINDINGS struct pp_findings mode = PP_FINDINGS_INIT;
    PP_AUTO_FINDINGS struct pp_findings all = PP_FINDINGS_INIT;
    struct pp_policy how = policy();

    (void)state;
    append_text(&script, "#!/bin/sh\n" OLD);
    append_text(&text, OLD);
    scan(&how, &script, 0644, &left);
    assert_int_equal(left.count, 1);
    assert_int_equal(pp_findings_count(&left), 0);
    assert_string_equal(left.leaves[0].left, "a script");
    scan(&how, &text, 0755, &mode);
    assert_int_equal(pp_findings_count(&mode), 0);
    how.executables = PP_EXECUTABLES_ALL;
    scan(&how, &script, 0755, &all);
    assert_int_equal(pp_findings_count(&all), 1);
}

static void test_symlink_targets(void **state) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_policy how = policy();
    PP_AUTO_FREE char *patched = NULL;
    char *nothing = NULL;

    (void)state;
    assert_int_equal(pp_content_scan_text(&how, OLD "/xyz", LEN + 2, &findings, &patched, &err), 0);
    assert_string_equal(patched, NEW "/x");
    assert_int_equal(findings.count, 1);
    assert_true(pp_findings_in_place(&findings));
    assert_int_equal(pp_content_scan_text(&how, "x", 1, &findings, &nothing, &err), 0);
    assert_null(nothing);
    /* A gzip header as a target is a name like any other. */
    assert_int_equal(pp_content_scan_text(&how, "\x1f\x8b\x08", 3, &findings, &nothing, &err), 0);
    assert_int_equal(findings.problem_count, 0);
}

/* ---- compressed ---- */

static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ,
                              ARCHIVE_FILTER_LZMA, ARCHIVE_FILTER_ZSTD};

static void test_streams(void **state) {
    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(filters); i++) {
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer want = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer decoded = PP_BUFFER_INIT;
        size_t count = boundary_text(&text, 11);

        replace_all(&text, &want);
        pack_stream(&content, filters[i], (const char *)text.data, text.len);
        patch(&content, count, &result);
        unpack(&result, true, &decoded);
        assert_int_equal(decoded.len, want.len);
        assert_memory_equal(decoded.data, want.data, want.len);
    }
}

static void test_truncated_streams_give_no_hit(void **state) {
    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(filters); i++) {
        PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;

        boundary_text(&text, 11);
        pack_stream(&content, filters[i], (const char *)text.data, text.len);
        content.len -= 3;
        check_problem(&content, "", "", 0);
    }
}

static void nest(struct pp_buffer *content, unsigned layers) {
    append_text(content, "x " OLD);
    while (layers-- > 0) {
        struct pp_buffer outer = PP_BUFFER_INIT;

        pack_stream(&outer, filters[layers % 3], (const char *)content->data, content->len);
        pp_buffer_done(content);
        *content = outer;
    }
}

static void test_depth(void **state) {
    (void)state;
    for (unsigned layers = 1; layers <= PP_DEPTH_MAX; layers++) {
        PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer decoded = PP_BUFFER_INIT;

        nest(&content, layers);
        patch(&content, 1, &result);
        /* libarchive takes all filters off. */
        unpack(&result, true, &decoded);
        assert_string_equal((char *)decoded.data, "x " NEW);
    }
    {
        PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;

        nest(&content, PP_DEPTH_MAX + 1);
        check_problem(&content, "", "nested deeper than 4", 0);
    }
}

static void test_closed_on_demand(void **state) {
    PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_policy how = policy();

    (void)state;
    how.decode = false;
    pack_stream(&content, ARCHIVE_FILTER_GZIP, OLD, LEN);
    content.len -= 3;
    scan(&how, &content, 0, &findings);
    assert_int_equal(findings.count, 0);
    assert_int_equal(findings.problem_count, 0);
}

/* ---- archives ---- */

static void test_archives(void **state) {
    static const char *const formats[] = {"pax", "ustar", "gnutar", "zip", "argnu", "newc"};
    static const struct member members[] = {
        {.name = "a", .text = "a " OLD OLD "\n"},
        {.name = "nothing", .text = "nothing"},
        {.name = "empty", .text = ""},
        {.name = "executable", .mode = 0755, .text = OLD},
        {.name = "script", .text = "#!/bin/sh\n" OLD},
        {.name = "last", .mode = 0600, .text = "last " OLD "\n"},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(formats); i++) {
        PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer lines = PP_BUFFER_INIT;

        pack(&content, formats[i], ARCHIVE_FILTER_NONE, members, PP_ARRAY_LEN(members));
        patch(&content, 3, &result);
        unpack(&result, false, &lines);
        assert_string_equal((char *)lines.data, "a 644 a " NEW NEW "\n|nothing 644 nothing|"
                                                "empty 644 |executable 755 " OLD "|"
                                                "script 644 #!/bin/sh\n" OLD "|"
                                                "last 600 last " NEW "\n|");
        /* All but a zip's sums and sizes: as many bytes, and the same but for the hits. */
        if (strcmp(formats[i], "zip") != 0) {
            size_t differing = 0;

            assert_int_equal(result.len, content.len);
            for (size_t k = 0; k < content.len; k++)
                differing += result.data[k] != content.data[k];
            assert_int_equal(differing, 3 * (strlen("/opt/alpha") - strlen("/a/")));
        }
    }
}

static void test_damaged_member_is_left(void **state) {
    static const char *const formats[] = {"pax", "zip"};

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(formats); i++) {
        PP_AUTO_BUFFER struct pp_buffer damaged = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer want = PP_BUFFER_INIT;
        PP_AUTO_BUFFER struct pp_buffer lines = PP_BUFFER_INIT;
        PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
        struct pp_policy how = policy();

        pack_stream(&damaged, ARCHIVE_FILTER_GZIP, OLD, LEN);
        damaged.len -= 3;
        pack(&content, formats[i], ARCHIVE_FILTER_NONE,
             (struct member[]){
                 {.name = "a", .text = OLD},
                 {.name = "b.gz", .text = (const char *)damaged.data, .len = damaged.len},
                 {.name = "c", .text = OLD}},
             3);
        check_problem(&content, "b.gz", "gzip", 2);
        scan(&how, &content, 0, &findings);
        rewrite(&how, &content, &findings, &result);
        unpack(&result, false, &lines);
        append_text(&want, "a 644 " NEW "|b.gz 644 ");
        append(&want, damaged.data, damaged.len);
        append_text(&want, "|c 644 " NEW "|");
        assert_int_equal(lines.len, want.len);
        assert_memory_equal(lines.data, want.data, want.len);
    }
}

/* `tar -r` makes them: what counts is the last, but all are there. */
static void test_members_of_one_name(void **state) {
    PP_AUTO_BUFFER struct pp_buffer packed = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer again = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer lines = PP_BUFFER_INIT;

    (void)state;
    pack_stream(&packed, ARCHIVE_FILTER_GZIP, OLD, LEN);
    pack(&content, "ustar", ARCHIVE_FILTER_NONE,
         (struct member[]){{.name = "a", .text = "one " OLD},
                           {.name = "a", .text = "two " OLD},
                           {.name = "a", .text = (const char *)packed.data, .len = packed.len},
                           {.name = "a", .text = "four"}},
         4);
    patch(&content, 3, &result);
    unpack(&result, false, &lines);
    assert_memory_equal(lines.data, "a 644 one " NEW "|a 644 two " NEW "|a 644 ", 20 + 2 * LEN + 8);
    assert_memory_equal(lines.data + lines.len - 12, "|a 644 four|", 12);
    patch(&result, 0, &again);
}

static void test_deb(void **state) {
    static const struct member members[] = {{.name = "debian-binary", .text = "2.0\n"},
                                            {.name = "data.tar", .text = OLD}};
    PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_policy how = policy();

    (void)state;
    pack(&content, "argnu", ARCHIVE_FILTER_NONE, members, 2);
    how.leave_debs = true;
    scan(&how, &content, 0, &findings);
    assert_int_equal(findings.count, 1);
    assert_int_equal(pp_findings_count(&findings), 0);
    assert_int_equal(findings.problem_count, 1);
    assert_non_null(strstr(findings.problems[0].text, "pathpatch deb"));
}

/* ---- what is left, and what is checked ---- */

static void test_formats_that_are_left(void **state) {
    PP_AUTO_BUFFER struct pp_buffer database = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer lz4 = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer clean = PP_BUFFER_INIT;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_policy how = policy();

    (void)state;
    append_text(&database, "SQLite format 3 " OLD);
    check_problem(&database, "", "SQLite", 0);
    /* What is in there cannot be seen. */
    append_text(&lz4, "\x04\x22\x4d\x18 whatever");
    check_problem(&lz4, "", "lz4", 0);
    append_text(&clean, "SQLite format 3 without a placeholder");
    scan(&how, &clean, 0, &findings);
    assert_int_equal(findings.problem_count, 0);
}

static void test_other_content_than_was_scanned(void **state) {
    PP_AUTO_BUFFER struct pp_buffer scanned = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer other = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    struct pp_policy how = policy();
    struct pp_sink_buffer sink;
    struct pp_blob blob;

    (void)state;
    pack_stream(&scanned, ARCHIVE_FILTER_GZIP, "one " OLD, 4 + LEN);
    pack_stream(&other, ARCHIVE_FILTER_GZIP, "two " OLD, 4 + LEN);
    scan(&how, &scanned, 0, &findings);
    blob = pp_blob_memory(other.data, other.len);
    pp_sink_buffer_init(&sink, &result);
    assert_int_equal(pp_content_rewrite(&how, &blob, 0, &findings, &sink.sink, &err),
                     -PP_ERR_DAMAGED);
    assert_non_null(strstr(err.text, "does not decode to the patched text"));
    assert_int_equal(result.len, 0);
}

static void test_memory_that_is_not_there(void **state) {
    PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
    struct pp_budget small;
    struct pp_policy how = policy();
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;

    (void)state;
    pp_budget_init(&small, 1 << 20);
    how.budget = &small;
    nest(&content, 2);
    scan(&how, &content, 0, &findings);
    assert_int_equal(findings.problem_count, 1);
    assert_int_equal(findings.problems[0].kind, PP_ERR_LIMIT);
    assert_non_null(strstr(findings.problems[0].text, "--memory"));
    assert_int_equal(small.taken_len, 0);
    pp_budget_done(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_at_boundaries),
        cmocka_unit_test(test_memory_and_files_agree),
        cmocka_unit_test(test_executables),
        cmocka_unit_test(test_symlink_targets),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_truncated_streams_give_no_hit),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_closed_on_demand),
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_damaged_member_is_left),
        cmocka_unit_test(test_members_of_one_name),
        cmocka_unit_test(test_deb),
        cmocka_unit_test(test_formats_that_are_left),
        cmocka_unit_test(test_other_content_than_was_scanned),
        cmocka_unit_test(test_memory_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
