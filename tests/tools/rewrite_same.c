/* rewrite_same < LIST: takes every file of the list apart, writes it again with nothing changed,
 * and compares. Prints a line a file: same|differs|refused TAB format TAB streams TAB path, or the
 * reason for the path. `streams` counts the compressed streams: those of a zip's members, else 1.
 */
#include "recode_run.h"
#include "walker.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "content/kind.h"

#include <fcntl.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 30)

static int recode_whole(struct recode_run *run, const struct pp_codec *codec,
                        const struct pp_buffer *in, struct pp_err *err) {
    *run = recode_run_whole(codec);
    run->memory_len = (uint64_t)4 << 30;
    return recode_run(run, in->data, in->len, err);
}

/* Takes the deflate stream of every member of a zip apart. */
struct through {
    struct pp_visitor visitor;
    size_t stream_count;
};

static int through_plan(struct pp_visitor *visitor, const struct pp_member *member,
                        const uint8_t *head, size_t head_len, struct pp_err *err) {
    (void)visitor;
    (void)member;
    (void)head;
    (void)head_len;
    (void)err;
    return PP_PLAN_RESIZE;
}

static int through_content(struct pp_visitor *visitor, struct pp_member *member,
                           struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    struct through *self = (struct through *)visitor;
    PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(&pp_codec_deflate);
    PP_AUTO_BUFFER struct pp_buffer stored = PP_BUFFER_INIT;
    struct pp_sink_buffer sink;
    int rc;

    if (out == NULL)
        return 0;
    pp_sink_buffer_init(&sink, &stored);
    rc = pp_sink_copy(&sink.sink, in, err);
    if (rc < 0 || !member->deflated)
        return rc < 0 ? rc : pp_sink_write(out, stored.data, stored.len, err);
    self->stream_count++;
    rc = recode_whole(&run, &pp_codec_deflate, &stored, err);
    return rc < 0 ? rc : pp_sink_write(out, run.out.data, run.out.len, err);
}

static int through_text(struct pp_visitor *visitor, const struct pp_member *member, uint64_t offset,
                        uint8_t *data, size_t len, struct pp_err *err) {
    (void)visitor;
    (void)member;
    (void)offset;
    (void)data;
    (void)len;
    (void)err;
    return 0;
}

static int walk_zip(const struct pp_buffer *in, struct pp_buffer *out, size_t *stream_count,
                    struct pp_err *err) {
    struct through self = {
        .visitor = {.plan = through_plan, .content = through_content, .text = through_text}};
    struct pp_blob blob = pp_blob_memory(in->data, in->len);
    PP_AUTO_SOURCE struct pp_source *source = pp_source_from_blob(&blob, err);
    struct pp_sink_buffer sink;
    int rc;

    if (source == NULL)
        return -(int)err->kind;
    pp_sink_buffer_init(&sink, out);
    rc = pp_container_zip.walk(source, &sink.sink, &self.visitor, err);
    *stream_count = self.stream_count;
    return rc;
}

static int rewrite(const struct pp_kind *kind, const struct pp_buffer *in, struct pp_buffer *out,
                   size_t *stream_count, struct pp_err *err) {
    PP_AUTO(recode_run_done) struct recode_run run = recode_run_whole(&pp_codec_deflate);
    struct walker walker = walker_of(NULL, NULL);
    int rc;

    if (kind->container == &pp_container_zip)
        return walk_zip(in, out, stream_count, err);
    *stream_count = 1;
    if (kind->codec != NULL) {
        rc = recode_whole(&run, kind->codec, in, err);
        return rc < 0 ? rc : pp_buffer_append(out, run.out.data, run.out.len, err);
    }
    rc = walker_run(&walker, kind->container, in->data, in->len, (size_t)1 << 16, out, err);
    pp_buffer_done(&walker.log);
    return rc;
}

static int compare(const char *path, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer in = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer out = PP_BUFFER_INIT;
    PP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct pp_err refusal = PP_ERR_INIT;
    size_t stream_count = 0;
    struct pp_kind kind;

    if (fd < 0)
        return pp_err_sys(err, "%s", path);
    if (pp_io_read_all(fd, FILE_MAX, &in, err) < 0)
        return -(int)err->kind;
    kind = pp_kind_of(in.data, in.len < PP_KIND_HEAD_LEN ? in.len : PP_KIND_HEAD_LEN);
    if (kind.codec == NULL && kind.container == NULL)
        printf("refused\tplain\t0\tno format that is rewritten\n");
    else if (rewrite(&kind, &in, &out, &stream_count, &refusal) < 0)
        printf("refused\t%s\t%zu\t%s\n",
               kind.codec != NULL ? kind.codec->name : kind.container->name, stream_count,
               refusal.text);
    else
        printf("%s\t%s\t%zu\t%s\n",
               in.len == out.len && memcmp(in.data, out.data, in.len) == 0 ? "same" : "differs",
               kind.codec != NULL ? kind.codec->name : kind.container->name, stream_count, path);
    return 0;
}

int main(void) {
    struct pp_err err = PP_ERR_INIT;
    char path[4096];

    while (fgets(path, sizeof(path), stdin) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        if (compare(path, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        fflush(stdout);
    }
    return 0;
}
