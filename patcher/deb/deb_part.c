#include "deb/deb_part.h"

#include "base/cleanup.h"
#include "content/coding.h"
#include "content/kind.h"
#include "deb/deb.h"
#include "format/container.h"

#include <stdio.h>
#include <string.h>

/* The compressions of dpkg, by the end of the member's name: deb(5). Those that can be chosen come
 * first, in the order of enum pp_deb_compression. */
static const struct {
    const char *suffix;
    const struct pp_codec *codec;
} compressions[] = {
    {"", NULL},
    {".gz", &pp_codec_gzip},
    {".xz", &pp_codec_xz},
    {".zst", &pp_codec_zstd},
    {".bz2", &pp_codec_bzip2},
    {".lzma", &pp_codec_lzma},
};

void pp_deb_parts_init(struct pp_deb_parts *parts) {
    *parts = (struct pp_deb_parts){.control.name = ""};
    for (size_t i = 0; i < 2; i++) {
        struct pp_deb_part *part = i == 0 ? &parts->control : &parts->data;

        pp_spool_init(&part->stored);
        pp_spool_init(&part->plain);
        pp_spool_init(&part->written);
    }
}

void pp_deb_parts_done(struct pp_deb_parts *parts) {
    for (size_t i = 0; i < 2; i++) {
        struct pp_deb_part *part = i == 0 ? &parts->control : &parts->data;

        pp_spool_done(&part->stored);
        pp_spool_done(&part->plain);
        pp_spool_done(&part->written);
    }
}

/* ---- the archive ---- */

struct archive {
    struct pp_visitor visitor;
    struct pp_deb_parts *parts;
    size_t member_count;
};

/* The part that a member of the archive is, or NULL. */
static struct pp_deb_part *part_of(struct pp_deb_parts *parts, const char *name) {
    if (strncmp(name, "control.tar", 11) == 0)
        return &parts->control;
    return strncmp(name, "data.tar", 8) == 0 ? &parts->data : NULL;
}

static int check_version(struct pp_source *in, struct pp_err *err) {
    char version[16];
    ssize_t count = pp_source_read_full(in, version, sizeof(version), err);

    if (count < 0)
        return (int)count;
    if (count < 4 || memcmp(version, "2.", 2) != 0)
        return pp_err_set(err, PP_ERR_UNSUPPORTED,
                          "the package is not of format 2, the only one that dpkg reads");
    return 0;
}

/* What dpkg takes: debian-binary, control.tar, data.tar; names that begin with '_' between them and
 * any behind them are passed over. */
static int take_member(struct archive *archive, const struct pp_member *member,
                       struct pp_source *in, struct pp_err *err) {
    struct pp_deb_parts *parts = archive->parts;
    struct pp_deb_part *part = part_of(parts, member->name);
    bool first = archive->member_count++ == 0;

    if (first && strcmp(member->name, "debian-binary") != 0)
        return pp_err_set(err, PP_ERR_DAMAGED,
                          "not a Debian package: it does not begin with "
                          "debian-binary");
    if (first)
        return check_version(in, err);
    if (part == NULL && (member->name[0] == '_' || parts->data.name[0] != '\0'))
        return 0;
    if (part == NULL)
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "dpkg does not take this member here");
    if (part->name[0] != '\0' || (part == &parts->data && parts->control.name[0] == '\0'))
        return pp_err_set(err, PP_ERR_DAMAGED, "it comes twice, or ahead of control.tar");
    if ((size_t)snprintf(part->name, sizeof(part->name), "%s", member->name) >= sizeof(part->name))
        return pp_err_set(err, PP_ERR_UNSUPPORTED, "dpkg does not take this member here");
    return pp_sink_copy(&part->stored.sink, in, err);
}

static int read_member(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                       struct pp_sink *out, struct pp_err *err) {
    (void)out;
    return take_member((struct archive *)visitor, member, in, err);
}

static int plan_member(struct pp_visitor *visitor, const struct pp_member *member,
                       const uint8_t *head, size_t head_len, struct pp_err *err) {
    struct pp_deb_part *part = part_of(((struct archive *)visitor)->parts, member->name);

    (void)head;
    (void)head_len;
    (void)err;
    return part != NULL && part->rewritten ? PP_PLAN_RESIZE : PP_PLAN_COPY;
}

static int write_member(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                        struct pp_sink *out, struct pp_err *err) {
    struct pp_deb_part *part = part_of(((struct archive *)visitor)->parts, member->name);
    struct pp_blob written = pp_spool_blob(&part->written);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&written, err);

    (void)in;
    return source == NULL ? -(int)err->kind : pp_sink_copy(out, source, err);
}

/* The name of a part ends with its compression. */
static int write_name(struct pp_visitor *visitor, const struct pp_member *member, uint64_t offset,
                      uint8_t *data, size_t len, struct pp_err *err) {
    struct pp_deb_part *part = part_of(((struct archive *)visitor)->parts, member->name);
    size_t name_len;

    (void)offset;
    (void)err;
    if (part == NULL || !part->rewritten || strcmp(part->name, part->written_name) == 0)
        return 0;
    name_len = strlen(part->written_name);
    memset(data, ' ', len);
    memcpy(data, part->written_name, name_len < len ? name_len : len);
    return 1;
}

static int walk_archive(struct archive *archive, const struct pp_blob *in, struct pp_sink *out,
                        struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(in, err);

    return source == NULL ? -(int)err->kind
                          : pp_container_ar.walk(source, out, &archive->visitor, err);
}

int pp_deb_parts_write(const struct pp_deb_parts *parts, const struct pp_blob *in,
                       struct pp_sink *out, struct pp_err *err) {
    struct archive archive = {
        .visitor = {.plan = plan_member, .content = write_member, .text = write_name},
        .parts = (struct pp_deb_parts *)parts};

    return walk_archive(&archive, in, out, err);
}

/* ---- decoding ---- */

static int find_codec(struct pp_deb_part *part, const char *stem, struct pp_err *err) {
    const char *suffix = part->name + strlen(stem);
    struct pp_blob stored = pp_spool_blob(&part->stored);
    uint8_t head[PP_KIND_HEAD_LEN];
    ssize_t count = pp_blob_read(&stored, 0, head, sizeof(head), err);

    if (count < 0)
        return (int)count;
    for (size_t i = 0; i < PP_ARRAY_LEN(compressions); i++) {
        if (strcmp(suffix, compressions[i].suffix) != 0)
            continue;
        part->codec = compressions[i].codec;
        if (part->codec == NULL || part->codec->bid(head, (size_t)count))
            return 0;
        return pp_err_set(err, PP_ERR_DAMAGED, "it does not hold %s", part->codec->name);
    }
    return pp_err_set(err, PP_ERR_UNSUPPORTED, "a compression that dpkg does not know");
}

static int read_part(struct pp_deb_part *part, const char *stem, uint64_t len_max,
                     struct pp_budget *budget, struct pp_err *err) {
    struct pp_blob stored = pp_spool_blob(&part->stored);
    int rc;

    if (part->name[0] == '\0')
        return pp_err_set(err, PP_ERR_DAMAGED, "the package has no %s", stem);
    rc = find_codec(part, stem, err);
    if (rc >= 0 && part->codec != NULL)
        rc = pp_coding_decode(part->codec, &stored, len_max, budget, &part->plain.sink, err);
    return rc < 0 ? pp_err_context(err, "%s", part->name) : 0;
}

int pp_deb_parts_read(struct pp_deb_parts *parts, const struct pp_blob *in,
                      struct pp_budget *budget, struct pp_err *err) {
    struct archive archive = {.visitor = {.content = read_member, .text = write_name},
                              .parts = parts};
    int rc = walk_archive(&archive, in, NULL, err);

    if (rc >= 0)
        rc = read_part(&parts->control, "control.tar", PP_DEB_CONTROL_LEN_MAX, budget, err);
    if (rc >= 0)
        rc = read_part(&parts->data, "data.tar", PP_DEB_DATA_LEN_MAX, budget, err);
    return rc;
}

struct pp_blob pp_deb_part_tar(const struct pp_deb_part *part) {
    return pp_spool_blob(part->codec != NULL ? &part->plain : &part->stored);
}

static int copy_tar(const struct pp_blob *tar, struct pp_sink *out, struct pp_err *err) {
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(tar, err);

    return source == NULL ? -(int)err->kind : pp_sink_copy(out, source, err);
}

int pp_deb_part_encode(struct pp_deb_part *part, const struct pp_blob *tar,
                       struct pp_budget *budget, struct pp_err *err) {
    struct pp_blob stored = pp_spool_blob(&part->stored);
    struct pp_err why = PP_ERR_INIT;
    int rc = part->codec == NULL
                 ? copy_tar(tar, &part->written.sink, &why)
                 : pp_coding_encode(part->codec, &stored, tar, budget, &part->written, &why);

    memcpy(part->written_name, part->name, sizeof(part->name));
    part->rewritten = true;
    if (rc >= 0)
        return 0;
    *err = why;
    if (why.kind == PP_ERR_UNSUPPORTED)
        pp_err_set(err, why.kind, "%s; --compress=xz writes it in another way", why.text);
    return pp_err_context(err, "%s", part->name);
}

bool pp_deb_part_is(const struct pp_deb_part *part, enum pp_deb_compression compression) {
    return compression == PP_DEB_COMPRESSION_KEPT ||
           part->codec == compressions[compression - PP_DEB_COMPRESSION_NONE].codec;
}

int pp_deb_part_compress(struct pp_deb_part *part, const struct pp_blob *tar,
                         enum pp_deb_compression compression, struct pp_budget *budget,
                         struct pp_err *err) {
    size_t index = (size_t)(compression - PP_DEB_COMPRESSION_NONE);
    const struct pp_codec *codec = compressions[index].codec;
    int rc = codec == NULL ? copy_tar(tar, &part->written.sink, err)
                           : pp_coding_compress(codec, tar, budget, &part->written, err);

    snprintf(part->written_name, sizeof(part->written_name), "%s.tar%s",
             strncmp(part->name, "data", 4) == 0 ? "data" : "control", compressions[index].suffix);
    part->rewritten = true;
    return rc < 0 ? pp_err_context(err, "%s", part->written_name) : 0;
}
