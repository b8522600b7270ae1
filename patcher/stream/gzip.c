/* gzip (RFC 1952): members one after another, then perhaps zero bytes.
 *
 * Headers stay as they are, CRC and length of each member are mended. The patched text may lag
 * behind by more than a member, so the members under way stand in a queue: read() works on the
 * last, write() on the first. A member's text keeps its length; where that of the whole changes,
 * the last member takes the difference.
 */
#include "base/buffer.h"
#include "base/bytes.h"
#include "stream/deflate.h"
#include "stream/gzip_header.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#define TRAILER_LEN 8

/* Members under way, which take some 32 KiB each, and what each holds back until its turn. */
#define MEMBER_COUNT_MAX 1024
#define HELD_LEN_MAX ((size_t)4 << 10)

/* What the trailer tells of a text. */
struct tally {
    uint64_t len;
    uint32_t crc;
};

/* Blocks without text are written as they are read: maybe before the member's turn. */
struct member {
    struct pp_sink sink; /* of `stream` */
    struct pp_sink *out; /* borrowed */
    struct member *next;
    struct pp_gzip_header header;
    struct pp_recode *stream;
    struct tally was;
    struct tally now;
    struct pp_buffer held; /* what `stream` wrote before its turn */
    bool begun;            /* its turn has come: the header is written */
};

enum gzip_state {
    GZIP_HEADER, /* at the start of a member */
    GZIP_TEXT,
    GZIP_BETWEEN, /* a member, zero bytes or the end may follow */
    GZIP_END,
};

struct gzip {
    struct pp_recode recode;
    struct pp_codec_env env;
    struct pp_bit_reader reader;
    struct pp_sink *out;
    enum gzip_state state;
    struct member *first;
    struct member *last;
    size_t member_count;
    struct pp_buffer waiting; /* text that no member takes yet */
    uint64_t padding_len;
};

static void tally_add(struct tally *tally, const void *text, size_t len) {
    tally->len += len;
    tally->crc = libdeflate_crc32(tally->crc, text, len);
}

static void tally_trailer(const struct tally *tally, uint8_t trailer[TRAILER_LEN]) {
    pp_le32_put(trailer, tally->crc);
    pp_le32_put(trailer + 4, (uint32_t)tally->len);
}

static void drop_first(struct gzip *self) {
    struct member *member = self->first;

    self->first = member->next;
    if (self->first == NULL)
        self->last = NULL;
    self->member_count--;
    pp_recode_free(member->stream);
    pp_gzip_header_done(&member->header);
    pp_buffer_done(&member->held);
    free(member);
}

static int member_write(struct pp_sink *sink, const void *data, size_t len, struct pp_err *err) {
    struct member *member = (struct member *)sink;

    if (member->begun)
        return pp_sink_write(member->out, data, len, err);
    if (len > HELD_LEN_MAX - member->held.len)
        return pp_err_set(err, PP_ERR_LIMIT, "too many deflate blocks without text");
    return pp_buffer_append(&member->held, data, len, err);
}

static const struct pp_sink_ops member_ops = {.write = member_write};

/* Its turn has come. */
static int begin(struct member *member, struct pp_err *err) {
    int rc;

    if (member->begun)
        return 0;
    member->begun = true;
    rc = pp_sink_write(member->out, member->header.bytes.data, member->header.bytes.len, err);
    if (rc == 0 && member->held.len > 0)
        rc = pp_sink_write(member->out, member->held.data, member->held.len, err);
    pp_buffer_done(&member->held);
    return rc;
}

static int finish_first(struct gzip *self, struct pp_err *err) {
    struct member *member = self->first;
    uint8_t trailer[TRAILER_LEN];
    int rc = begin(member, err);

    if (rc == 0)
        rc = pp_recode_finish(member->stream, err);
    if (rc < 0)
        return rc;
    tally_trailer(&member->now, trailer);
    rc = pp_sink_write(self->out, trailer, sizeof(trailer), err);
    drop_first(self);
    return rc;
}

/* A member follows: those before it that have all their text are finished. */
static int finish_full(struct gzip *self, struct pp_err *err) {
    int rc = 0;

    while (rc == 0 && self->first != self->last && self->first->now.len == self->first->was.len)
        rc = finish_first(self, err);
    return rc == 0 && self->first == self->last ? begin(self->first, err) : rc;
}

static int start_member(struct gzip *self, struct pp_err *err) {
    struct member *member;
    struct pp_err refusal;
    int rc;

    if (self->member_count == MEMBER_COUNT_MAX)
        return pp_err_set(err, PP_ERR_LIMIT, "more than %d members with hardly any text",
                          MEMBER_COUNT_MAX);
    member = calloc(1, sizeof(*member));
    if (member == NULL)
        return pp_err_nomem(err);
    member->sink.ops = &member_ops;
    member->out = self->out;
    self->member_count++;
    if (self->last != NULL)
        self->last->next = member;
    else
        self->first = member;
    self->last = member;
    rc = pp_gzip_header_read(&member->header, &self->reader, err);
    if (rc < 0)
        return rc;
    if (member->header.index != NULL) {
        pp_err_set(&refusal, PP_ERR_UNSUPPORTED, "%s", member->header.index);
        rc = pp_recode_refuse(&self->recode, self->out, &refusal, err);
        if (rc < 0)
            return rc;
    }
    self->state = GZIP_TEXT;
    rc = pp_deflate_open(&self->env, &self->reader, self->out != NULL ? &member->sink : NULL,
                         member->header.level, &member->stream, err);
    return rc == 0 && self->out != NULL ? finish_full(self, err) : rc;
}

static int check_trailer(struct gzip *self, struct pp_err *err) {
    struct member *member = self->last;
    uint8_t stored[TRAILER_LEN];
    uint8_t counted[TRAILER_LEN];
    int rc = pp_bit_reader_bytes(&self->reader, stored, sizeof(stored), err);

    if (rc < 0)
        return rc;
    tally_trailer(&member->was, counted);
    if (memcmp(stored, counted, 4) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "incorrect data check");
    if (memcmp(stored, counted, TRAILER_LEN) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "incorrect length check");
    if (self->out == NULL)
        drop_first(self);
    self->state = GZIP_BETWEEN;
    return 0;
}

/* Gives 1 when only zero bytes were left. */
static int skip_padding(struct gzip *self, struct pp_err *err) {
    struct pp_bit_reader *reader = &self->reader;

    for (;;) {
        int rc = pp_bit_reader_fill(reader, 1, err);

        if (rc < 0)
            return rc;
        if (pp_bit_reader_left(reader) == 0)
            return 1;
        while (pp_bit_reader_left(reader) > 0) {
            if (reader->data[reader->at] != 0)
                return 0;
            reader->at++;
            self->padding_len++;
        }
    }
}

static int between_members(struct gzip *self, struct pp_err *err) {
    struct pp_bit_reader *reader = &self->reader;
    int rc = skip_padding(self, err);

    if (rc < 0)
        return rc;
    if (rc == 1) {
        self->state = GZIP_END;
        return 0;
    }
    rc = pp_bit_reader_fill(reader, 2, err);
    if (rc < 0)
        return rc;
    if (self->padding_len > 0 || pp_bit_reader_left(reader) < 2 ||
        memcmp(reader->data + reader->at, PP_GZIP_MAGIC, 2) != 0)
        return pp_err_set(err, PP_ERR_DAMAGED, "trailing garbage");
    self->state = GZIP_HEADER;
    return 0;
}

static ssize_t read_text(struct gzip *self, void *text, size_t len, struct pp_err *err) {
    ssize_t count = pp_recode_read(self->last->stream, text, len, err);

    if (count > 0)
        tally_add(&self->last->was, text, (size_t)count);
    return count != 0 ? count : check_trailer(self, err);
}

static ssize_t gzip_read(struct pp_recode *recode, void *text, size_t len, struct pp_err *err) {
    struct gzip *self = (struct gzip *)recode;
    ssize_t count = 0;

    while (count == 0 && len > 0 && self->state != GZIP_END) {
        if (self->state == GZIP_HEADER)
            count = start_member(self, err);
        else if (self->state == GZIP_TEXT)
            count = read_text(self, text, len, err);
        else
            count = between_members(self, err);
    }
    return count;
}

static int give_text(struct member *member, const uint8_t *text, size_t len, struct pp_err *err) {
    int rc = begin(member, err);

    if (rc == 0)
        rc = pp_recode_write(member->stream, text, len, err);
    tally_add(&member->now, text, len);
    return rc;
}

/* Members take as much text as was read of them. Gives how much that was. A member is finished when
 * another one follows. */
static ssize_t share_out(struct gzip *self, const uint8_t *text, size_t len, struct pp_err *err) {
    size_t done = 0;

    while (done < len) {
        struct member *member = self->first;
        uint64_t room = member != NULL ? member->was.len - member->now.len : 0;
        size_t count = len - done < room ? len - done : (size_t)room;
        int rc;

        if (room > 0)
            rc = give_text(member, text + done, count, err);
        else if (member != NULL && member->next != NULL)
            rc = finish_first(self, err);
        else
            break;
        if (rc < 0)
            return rc;
        done += count;
    }
    return (ssize_t)done;
}

static int gzip_write(struct pp_recode *recode, const void *text, size_t len, struct pp_err *err) {
    struct gzip *self = (struct gzip *)recode;
    ssize_t done = share_out(self, self->waiting.data, self->waiting.len, err);

    if (done < 0)
        return (int)done;
    pp_buffer_consume(&self->waiting, (size_t)done);
    if (self->waiting.len > 0)
        return pp_buffer_append(&self->waiting, text, len, err);
    done = share_out(self, text, len, err);
    return done < 0 ? (int)done
                    : pp_buffer_append(&self->waiting, (const uint8_t *)text + done,
                                       len - (size_t)done, err);
}

/* All was read: what waits is the last member's. */
static int end_text(struct gzip *self, struct pp_err *err) {
    ssize_t done = share_out(self, self->waiting.data, self->waiting.len, err);

    if (done < 0)
        return (int)done;
    if ((size_t)done == self->waiting.len)
        return 0;
    return give_text(self->first, self->waiting.data + done, self->waiting.len - (size_t)done, err);
}

static int give_padding(struct gzip *self, struct pp_err *err) {
    static const uint8_t zeros[4096];
    uint64_t left = self->padding_len;
    int rc = 0;

    while (rc == 0 && left > 0) {
        size_t count = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);

        rc = pp_sink_write(self->out, zeros, count, err);
        left -= count;
    }
    return rc;
}

static int gzip_finish(struct pp_recode *recode, struct pp_err *err) {
    struct gzip *self = (struct gzip *)recode;
    int rc;

    if (self->out == NULL)
        return 0;
    rc = end_text(self, err);
    while (rc == 0 && self->first != NULL)
        rc = finish_first(self, err);
    return rc == 0 ? give_padding(self, err) : rc;
}

static void gzip_free(struct pp_recode *recode) {
    struct gzip *self = (struct gzip *)recode;

    while (self->first != NULL)
        drop_first(self);
    pp_buffer_done(&self->waiting);
    pp_deflate_end(&self->env, &self->reader);
    free(self);
}

static const struct pp_recode_ops gzip_ops = {
    .read = gzip_read,
    .write = gzip_write,
    .finish = gzip_finish,
    .free = gzip_free,
};

static int gzip_open(const struct pp_codec_env *env, struct pp_source *in, struct pp_sink *out,
                     struct pp_recode **recode, struct pp_err *err) {
    struct gzip *self = calloc(1, sizeof(*self));
    int rc;

    if (self == NULL)
        return pp_err_nomem(err);
    self->recode.ops = &gzip_ops;
    self->env = *env;
    self->out = out;
    rc = pp_deflate_begin(env, in, &self->reader, err);
    if (rc < 0) {
        free(self);
        return rc;
    }
    *recode = &self->recode;
    return 0;
}

static bool gzip_bid(const uint8_t *head, size_t len) {
    return len >= PP_GZIP_MAGIC_LEN && memcmp(head, PP_GZIP_MAGIC, PP_GZIP_MAGIC_LEN) == 0;
}

const struct pp_codec pp_codec_gzip = {
    .name = "gzip",
    .bid = gzip_bid,
    .open = gzip_open,
};
