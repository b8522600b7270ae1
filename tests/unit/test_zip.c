#include "../tools/zip_rewriter.h"
#include "base/bytes.h"
#include "base/spool.h"
#include "format/zip.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OLD "/opt/placeholder"
#define NEW "/usr"

/* Makes zips whose parts lie where a test finds them. */
struct builder {
    struct pp_buffer members;
    struct pp_buffer directory;
    unsigned count;
    size_t local_at;   /* of the last member */
    size_t central_at; /* of its entry in `directory` */
};

static struct pp_err error;

static void number(struct pp_buffer *buffer, uint32_t value, size_t len) {
    uint8_t bytes[4];

    pp_le32_put(bytes, value);
    assert_int_equal(pp_buffer_append(buffer, bytes, len, &error), 0);
}

static void string(struct pp_buffer *buffer, const char *text) {
    assert_int_equal(pp_buffer_append(buffer, text, strlen(text), &error), 0);
}

static void add(struct builder *self, const char *name, const char *text, unsigned flags,
                unsigned method, unsigned mode) {
    uint32_t len = (uint32_t)strlen(text);
    uint32_t crc = (uint32_t)crc32(0, (const uint8_t *)text, len);
    bool descriptor = flags & PP_ZIP_FLAG_DESCRIPTOR;

    self->local_at = self->members.len;
    self->central_at = self->directory.len;
    number(&self->members, PP_ZIP_LOCAL_MAGIC, 4);
    number(&self->directory, PP_ZIP_CENTRAL_MAGIC, 4);
    number(&self->directory, 0x0314, 2); /* made on Unix */
    for (int i = 0; i < 2; i++) {
        struct pp_buffer *buffer = i == 0 ? &self->members : &self->directory;

        number(buffer, 20, 2);
        number(buffer, flags, 2);
        number(buffer, method, 2);
        number(buffer, 0x21215566, 4); /* time */
        number(buffer, i == 0 && descriptor ? 0 : crc, 4);
        number(buffer, i == 0 && descriptor ? 0 : len, 4);
        number(buffer, i == 0 && descriptor ? 0 : len, 4);
        number(buffer, (uint32_t)strlen(name), 2);
        number(buffer, 0, 2); /* extra */
    }
    number(&self->directory, 0, 2); /* comment */
    number(&self->directory, 0, 2); /* disk */
    number(&self->directory, 0, 2);
    number(&self->directory, mode << 16, 4);
    number(&self->directory, (uint32_t)self->local_at, 4);
    string(&self->directory, name);
    string(&self->members, name);
    string(&self->members, text);
    if (descriptor) {
        number(&self->members, PP_ZIP_DESCRIPTOR_MAGIC, 4);
        number(&self->members, crc, 4);
        number(&self->members, len, 4);
        number(&self->members, len, 4);
    }
    self->count++;
}

static void add_text(struct builder *self, const char *name, const char *text) {
    add(self, name, text, 0, PP_ZIP_STORED, 0100644);
}

/* Puts the parts together in `members`. */
static struct pp_buffer *finish(struct builder *self, const char *comment) {
    uint32_t at = (uint32_t)self->members.len;

    assert_int_equal(
        pp_buffer_append(&self->members, self->directory.data, self->directory.len, &error), 0);
    number(&self->members, PP_ZIP_END_MAGIC, 4);
    number(&self->members, 0, 4);
    number(&self->members, self->count, 2);
    number(&self->members, self->count, 2);
    number(&self->members, (uint32_t)self->directory.len, 4);
    number(&self->members, at, 4);
    number(&self->members, (uint32_t)strlen(comment), 2);
    string(&self->members, comment);
    return &self->members;
}

static void builder_done(struct builder *self) {
    pp_buffer_done(&self->members);
    pp_buffer_done(&self->directory);
}

#define AUTO_BUILDER PP_AUTO(builder_done)
#define AUTO_REWRITER PP_AUTO(zip_rewriter_done)

static int walk(const struct pp_buffer *zip, struct pp_visitor *visitor, struct pp_buffer *result) {
    struct pp_blob blob = pp_blob_memory(zip->data, zip->len);
    PP_AUTO_SOURCE struct pp_source *in = pp_source_from_blob(&blob, &error);
    struct pp_sink_buffer out;

    assert_non_null(in);
    pp_err_clear(&error);
    if (result == NULL)
        return pp_container_zip.walk(in, NULL, visitor, &error);
    result->len = 0;
    pp_sink_buffer_init(&out, result);
    return pp_container_zip.walk(in, &out.sink, visitor, &error);
}

/* The walk must fail in both directions, and nothing may be written. */
static void assert_refused(const struct pp_buffer *zip, enum pp_err_kind kind, const char *words) {
    AUTO_REWRITER struct zip_rewriter rewriter;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;

    zip_rewriter_init(&rewriter);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(walk(zip, &rewriter.visitor, i == 0 ? NULL : &result), -(int)kind);
        assert_int_equal(error.kind, kind);
        assert_non_null(strstr(error.text, words));
        assert_int_equal(result.len, 0);
    }
}

static void assert_log(const struct zip_rewriter *rewriter, const char *log) {
    assert_string_equal((const char *)rewriter->log.data, log);
}

static void test_bid(void **state) {
    (void)state;
    assert_true(pp_container_zip.bid((const uint8_t *)"PK\3\4", 4));
    assert_true(pp_container_zip.bid((const uint8_t *)"PK\5\6", 4));
    assert_false(pp_container_zip.bid((const uint8_t *)"PK\3\4", 3));
    assert_false(pp_container_zip.bid((const uint8_t *)"PK\7\10", 4));
    assert_true(pp_container_zip.bid((const uint8_t *)"JM\1\0PK\3\4", 8));
    assert_false(pp_container_zip.bid((const uint8_t *)"JM\1\0PK\3\4", 7));
    assert_false(pp_container_zip.bid((const uint8_t *)"JM\2\0PK\3\4", 8));
}

static void test_members_are_described(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;

    (void)state;
    zip_rewriter_init(&rewriter);
    add(&builder, "folder/", "", 0, PP_ZIP_STORED, 040755);
    add(&builder, "folder/run", "text", PP_ZIP_FLAG_DESCRIPTOR, PP_ZIP_STORED, 0100755);
    add(&builder, "link", "folder/run", 0, PP_ZIP_STORED, 0120777);
    add(&builder, "secret", "cipher", PP_ZIP_FLAG_ENCRYPTED, PP_ZIP_STORED, 0100600);
    add(&builder, "other", "odd", 0, 14, 0100644);
    assert_int_equal(walk(finish(&builder, "comment"), &rewriter.visitor, NULL), 0);
    assert_log(&rewriter, "folder/ 2 755 0 0 0 -\n"
                          "folder/run 0 755 0 4 4 -\n"
                          "link 1 777 0 10 10 -\n"
                          "secret 2 600 0 6 6 encrypted\n"
                          "other 2 644 0 3 3 compressed by a method other than deflate\n");
}

/* A source that is no blob. */
static void test_source_is_collected(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
    PP_AUTO_SOURCE struct pp_source *tail = NULL;
    PP_AUTO_SOURCE struct pp_source *in = NULL;
    struct pp_sink_buffer out;
    struct pp_blob blob;
    struct pp_buffer *zip;

    (void)state;
    zip_rewriter_init(&rewriter);
    rewriter.through = true;
    add_text(&builder, "a", OLD);
    zip = finish(&builder, "");
    blob = pp_blob_memory(zip->data + 5, zip->len - 5);
    assert_non_null(tail = pp_source_from_blob(&blob, &error));
    assert_non_null(in = pp_source_prepend(zip->data, 5, tail, &error));
    pp_sink_buffer_init(&out, &result);
    assert_int_equal(pp_container_zip.walk(in, &out.sink, &rewriter.visitor, &error), 0);
    assert_int_equal(result.len, zip->len);
    assert_memory_equal(result.data, zip->data, zip->len);
}

/* A zip that starts where its source stands, in the middle of a blob. */
static void test_source_stands_inside_blob(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;
    PP_AUTO_BUFFER struct pp_buffer whole = PP_BUFFER_INIT;
    PP_AUTO_SOURCE struct pp_source *in = NULL;
    struct pp_blob blob;
    struct pp_buffer *zip;
    char skipped[7];

    (void)state;
    zip_rewriter_init(&rewriter);
    add_text(&builder, "a", "text");
    zip = finish(&builder, "");
    string(&whole, "before:");
    assert_int_equal(pp_buffer_append(&whole, zip->data, zip->len, &error), 0);
    blob = pp_blob_memory(whole.data, whole.len);
    assert_non_null(in = pp_source_from_blob(&blob, &error));
    assert_int_equal(pp_source_read_full(in, skipped, 7, &error), 7);
    assert_int_equal(pp_container_zip.walk(in, NULL, &rewriter.visitor, &error), 0);
    assert_log(&rewriter, "a 0 644 0 4 4 -\n");
}

static void test_unsupported_members_are_copied(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_BUILDER struct builder wanted = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;

    (void)state;
    zip_rewriter_init(&rewriter);
    rewriter.from = OLD;
    rewriter.to = NEW;
    for (int i = 0; i < 2; i++) {
        struct builder *self = i == 0 ? &builder : &wanted;

        add(self, "secret", OLD, PP_ZIP_FLAG_ENCRYPTED, PP_ZIP_STORED, 0100600);
        add_text(self, "changed", i == 0 ? OLD "." : NEW ".");
        add(self, "odd", OLD, 0, 14, 0100644);
        finish(self, "the end");
    }
    assert_int_equal(walk(&builder.members, &rewriter.visitor, &result), 0);
    assert_log(&rewriter, "changed 0 644 0 17 17 -\n");
    assert_int_equal(result.len, wanted.members.len);
    assert_memory_equal(result.data, wanted.members.data, result.len);
}

/* A member whose descriptor is not there can be read, but not rewritten. */
static void test_missing_descriptor(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
    struct pp_buffer *zip;

    (void)state;
    zip_rewriter_init(&rewriter);
    add(&builder, "a", OLD, PP_ZIP_FLAG_DESCRIPTOR, PP_ZIP_STORED, 0100644);
    builder.members.data[builder.members.len - 5] ^= 1;
    zip = finish(&builder, "");
    assert_int_equal(walk(zip, &rewriter.visitor, NULL), 0);
    assert_log(&rewriter, "a 0 644 0 16 16 its data descriptor is missing or does not agree\n");
    rewriter.from = OLD;
    rewriter.to = NEW;
    assert_int_equal(walk(zip, &rewriter.visitor, &result), 0);
    assert_int_equal(result.len, zip->len);
    assert_memory_equal(result.data, zip->data, zip->len);
}

static void test_record_comes_last_and_stays_in_place(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
    struct pp_buffer *zip;

    (void)state;
    zip_rewriter_init(&rewriter);
    rewriter.from = OLD;
    rewriter.to = NEW;
    add_text(&builder, "p.dist-info/RECORD", "a,,16\nb,,1\n");
    add_text(&builder, "a", OLD);
    add_text(&builder, "b", "x");
    zip = finish(&builder, "");
    assert_int_equal(walk(zip, &rewriter.visitor, &result), 0);
    assert_log(&rewriter, "a 0 644 0 16 16 -\n"
                          "b 0 644 0 1 1 -\n"
                          "p.dist-info/RECORD 0 644 0 11 11 -\n");
    assert_memory_equal(result.data + PP_ZIP_LOCAL_LEN, "p.dist-info/RECORDa,,4\nb,,1\nPK\3\4", 32);
}

static int plan_error(struct pp_visitor *visitor, const struct pp_member *member,
                      const uint8_t *head, size_t head_len, struct pp_err *err) {
    (void)visitor;
    assert_int_equal(head_len, strlen(OLD));
    assert_memory_equal(head, OLD, head_len);
    return strcmp(member->name, "b") == 0 ? pp_err_set(err, PP_ERR_LIMIT, "too much")
                                          : PP_PLAN_RESIZE;
}

static int content_huge(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                        struct pp_sink *out, struct pp_err *err) {
    (void)visitor;
    member->deflated = true;
    member->text_len = UINT32_MAX;
    return pp_sink_copy(out, in, err);
}

static void test_error_of_visitor_ends_the_walk(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;
    PP_AUTO_BUFFER struct pp_buffer result = PP_BUFFER_INIT;
    struct pp_buffer *zip;

    (void)state;
    zip_rewriter_init(&rewriter);
    rewriter.through = true;
    add_text(&builder, "a", OLD);
    add_text(&builder, "b", OLD);
    add_text(&builder, "c", OLD);
    zip = finish(&builder, "");
    rewriter.visitor.plan = plan_error;
    assert_int_equal(walk(zip, &rewriter.visitor, &result), -PP_ERR_LIMIT);
    assert_string_equal(error.text, "too much");
    assert_log(&rewriter, "a 0 644 0 16 16 -\n");
    assert_int_equal(result.len, 0);

    rewriter.visitor.plan = zip_rewriter_plan;
    rewriter.visitor.content = content_huge;
    assert_int_equal(walk(zip, &rewriter.visitor, &result), -PP_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "zip64"));
    assert_int_equal(result.len, 0);
}

/* Bytes of a sound zip of two members that are changed, and what must be said of it. */
static void test_damage_and_refusals(void **state) {
    enum part { LOCAL, CENTRAL, END };
    static const struct {
        enum part part; /* of the second member */
        size_t at;
        uint32_t value;
        size_t len;
        enum pp_err_kind kind;
        const char *words;
    } rows[] = {
        {LOCAL, 0, 0, 4, PP_ERR_DAMAGED, "no local header"},
        {LOCAL, 6, 1, 2, PP_ERR_DAMAGED, "differs"},
        {LOCAL, 8, 8, 2, PP_ERR_DAMAGED, "differs"},
        {LOCAL, 14, 1, 4, PP_ERR_DAMAGED, "length or CRC"},
        {LOCAL, 18, 1, 4, PP_ERR_DAMAGED, "length or CRC"},
        {LOCAL, 22, 1, 4, PP_ERR_DAMAGED, "length or CRC"},
        {LOCAL, 26, 2, 2, PP_ERR_DAMAGED, "differs"},
        {LOCAL, 28, 999, 2, PP_ERR_DAMAGED, "reaches into"},
        {LOCAL, 30, 'c', 1, PP_ERR_DAMAGED, "differs in name"},
        {CENTRAL, 0, 0, 4, PP_ERR_DAMAGED, "broken"},
        {CENTRAL, 20, 999, 4, PP_ERR_DAMAGED, "reaches into"},
        {CENTRAL, 20, UINT32_MAX, 4, PP_ERR_UNSUPPORTED, "zip64"},
        {CENTRAL, 24, UINT32_MAX, 4, PP_ERR_UNSUPPORTED, "zip64"},
        {CENTRAL, 28, 999, 2, PP_ERR_DAMAGED, "broken"},
        {CENTRAL, 30, 1, 2, PP_ERR_DAMAGED, "broken"},
        {CENTRAL, 34, 1, 2, PP_ERR_UNSUPPORTED, "disks"},
        {CENTRAL, 42, 999, 4, PP_ERR_DAMAGED, "outside"},
        {CENTRAL, 42, UINT32_MAX, 4, PP_ERR_UNSUPPORTED, "zip64"},
        {END, 4, 1, 2, PP_ERR_UNSUPPORTED, "disks"},
        {END, 6, 1, 2, PP_ERR_UNSUPPORTED, "disks"},
        {END, 8, 1, 2, PP_ERR_UNSUPPORTED, "disks"},
        {END, 8, 0x10001, 4, PP_ERR_DAMAGED, "more in the central directory"},
        {END, 8, 0x30003, 4, PP_ERR_DAMAGED, "too short"},
        {END, 8, 0x90009, 4, PP_ERR_DAMAGED, "too short"},
        {END, 12, 1, 4, PP_ERR_DAMAGED, "is not where"},
        {END, 12, UINT32_MAX, 4, PP_ERR_UNSUPPORTED, "zip64"},
        {END, 16, 1, 4, PP_ERR_DAMAGED, "is not where"},
        {END, 16, UINT32_MAX, 4, PP_ERR_UNSUPPORTED, "zip64"},
        {END, 20, 1, 2, PP_ERR_DAMAGED, "does not end"},
        {END, 0, 0, 4, PP_ERR_DAMAGED, "no end record"},
    };

    (void)state;
    for (size_t i = 0; i < PP_ARRAY_LEN(rows); i++) {
        AUTO_BUILDER struct builder builder = {.count = 0};
        uint8_t bytes[4];
        size_t central;
        size_t base;

        add_text(&builder, "a", "text");
        add_text(&builder, "b", "text");
        central = builder.members.len;
        base = rows[i].part == LOCAL     ? builder.local_at
               : rows[i].part == CENTRAL ? central + builder.central_at
                                         : central + builder.directory.len;
        finish(&builder, "");
        pp_le32_put(bytes, rows[i].value);
        memcpy(builder.members.data + base + rows[i].at, bytes, rows[i].len);
        assert_refused(&builder.members, rows[i].kind, rows[i].words);
    }
}

static void test_overlaps(void **state) {
    AUTO_BUILDER struct builder same = {.count = 0};
    AUTO_BUILDER struct builder inside = {.count = 0};

    (void)state;
    /* Two entries for one member. */
    add_text(&same, "a", "text");
    string(&same.directory, "");
    assert_int_equal(pp_buffer_reserve(&same.directory, same.directory.len, &error), 0);
    memcpy(same.directory.data + same.directory.len, same.directory.data, same.directory.len);
    same.directory.len *= 2;
    same.count = 2;
    assert_refused(finish(&same, ""), PP_ERR_DAMAGED, "overlaps");

    /* The first member's content is the second member. */
    add_text(&inside, "b", "text");
    inside.members.len = 0;
    add_text(&inside, "a", "0123456789012345678901234567890text");
    memcpy(inside.members.data + 31, "PK\3\4", 4);
    pp_le32_put(inside.directory.data + PP_ZIP_CENTRAL_OFFSET_AT, 31);
    memset(inside.members.data + 35, 0, 27);
    memcpy(inside.members.data + 31 + PP_ZIP_LOCAL_CRC_AT,
           inside.directory.data + PP_ZIP_CENTRAL_CRC_AT, 14);
    memcpy(inside.members.data + 31 + PP_ZIP_LOCAL_LEN, "b", 1);
    assert_refused(finish(&inside, ""), PP_ERR_DAMAGED, "overlaps");
}

static void test_nul_in_name(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};

    (void)state;
    add_text(&builder, "a.b", "text");
    builder.members.data[builder.local_at + PP_ZIP_LOCAL_LEN + 1] = '\0';
    builder.directory.data[builder.central_at + PP_ZIP_CENTRAL_LEN + 1] = '\0';
    assert_refused(finish(&builder, ""), PP_ERR_DAMAGED, "NUL");
}

static void test_stored_lengths_differ(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};

    (void)state;
    add_text(&builder, "a", "text");
    pp_le32_put(builder.members.data + PP_ZIP_LOCAL_CRC_AT + 8, 5);
    pp_le32_put(builder.directory.data + PP_ZIP_CENTRAL_CRC_AT + 8, 5);
    assert_refused(finish(&builder, ""), PP_ERR_DAMAGED, "two lengths");
}

/* The end record of a zip64 archive may have its real numbers. */
static void test_zip64_locator(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    PP_AUTO_BUFFER struct pp_buffer zip = PP_BUFFER_INIT;
    size_t end;

    (void)state;
    add_text(&builder, "a", "text");
    finish(&builder, "");
    end = builder.members.len - PP_ZIP_END_LEN;
    assert_int_equal(pp_buffer_append(&zip, builder.members.data, end, &error), 0);
    number(&zip, PP_ZIP64_LOCATOR_MAGIC, 4);
    for (int i = 0; i < 4; i++)
        number(&zip, 0, 4);
    assert_int_equal(pp_buffer_append(&zip, builder.members.data + end, PP_ZIP_END_LEN, &error), 0);
    assert_refused(&zip, PP_ERR_UNSUPPORTED, "zip64");
}

/* An end record inside the comment is only words. */
static void test_end_record_in_comment(void **state) {
    AUTO_BUILDER struct builder builder = {.count = 0};
    AUTO_REWRITER struct zip_rewriter rewriter;
    static const char comment[] = "see PK\5\6 and a few more words of comment";

    (void)state;
    zip_rewriter_init(&rewriter);
    add_text(&builder, "a", "text");
    assert_int_equal(walk(finish(&builder, comment), &rewriter.visitor, NULL), 0);
    assert_log(&rewriter, "a 0 644 0 4 4 -\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bid),
        cmocka_unit_test(test_members_are_described),
        cmocka_unit_test(test_source_is_collected),
        cmocka_unit_test(test_source_stands_inside_blob),
        cmocka_unit_test(test_unsupported_members_are_copied),
        cmocka_unit_test(test_missing_descriptor),
        cmocka_unit_test(test_record_comes_last_and_stays_in_place),
        cmocka_unit_test(test_error_of_visitor_ends_the_walk),
        cmocka_unit_test(test_damage_and_refusals),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_nul_in_name),
        cmocka_unit_test(test_stored_lengths_differ),
        cmocka_unit_test(test_zip64_locator),
        cmocka_unit_test(test_end_record_in_comment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
