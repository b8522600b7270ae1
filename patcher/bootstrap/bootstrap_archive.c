#include "bootstrap/bootstrap_archive.h"

#include "base/blob.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/spool.h"
#include "bootstrap/bootstrap_coded.h"
#include "content/kind.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUFFER_LEN ((size_t)64 << 10)
#define TAR_BLOCK_LEN 512

/* What tells a compression by. */
#define HEAD_LEN 18

/* What libarchive reads from: a blob, or a stream with its first bytes taken off already; decoded
 * by our own codecs, which check what libarchive does not: the CRC of gzip. */
struct input {
    struct pp_source raw;
    const struct pp_codec *codec; /* NULL: it is not compressed */
    struct pp_recode *recode;
    struct pp_blob blob;
    bool is_stream;
    int fd;
    uint8_t head[HEAD_LEN];
    size_t head_len;
    uint64_t at;
    size_t zero_len; /* zero bytes at the end of what was read so far */
    uint8_t buffer[BUFFER_LEN];
    struct pp_err err; /* why reading failed */
};

struct pp_bootstrap_archive {
    struct archive *reader;      /* NULL: */
    struct pp_bootstrap_zip zip; /* it is one */
    struct pp_budget *budget;
    struct pp_helpers *helpers;
    struct pp_budget own; /* of the decoder of all of it, which workers do not wait for */
    struct input input;
    struct pp_spool spool;
    struct pp_buffer path;
    struct pp_buffer target;
    locale_t locale;
    locale_t locale_before;
};

/* ---- libarchive's callbacks ---- */

static void count_zeros(struct input *input, size_t len) {
    size_t count = 0;

    while (count < len && input->buffer[len - 1 - count] == 0)
        count++;
    input->zero_len = count == len ? input->zero_len + len : count;
}

static ssize_t read_raw(struct pp_source *source, void *data, size_t len, struct pp_err *err) {
    struct input *input = (struct input *)source;
    ssize_t count;

    if (!input->is_stream) {
        count = pp_blob_read(&input->blob, input->at, data, len, err);
        input->at += count > 0 ? (uint64_t)count : 0;
        return count;
    }
    if (input->head_len == 0)
        return pp_io_read(input->fd, data, len, err);
    count = (ssize_t)(input->head_len < len ? input->head_len : len);
    memcpy(data, input->head, (size_t)count);
    input->head_len -= (size_t)count;
    memmove(input->head, input->head + count, input->head_len);
    return count;
}

static const struct pp_source_ops raw_ops = {.read = read_raw};

static ssize_t read_input(struct input *input, struct pp_err *err) {
    ssize_t len = input->recode != NULL
                      ? pp_recode_read(input->recode, input->buffer, BUFFER_LEN, err)
                      : read_raw(&input->raw, input->buffer, BUFFER_LEN, err);

    return len < 0 && input->codec != NULL ? pp_err_context(err, "%s", input->codec->name) : len;
}

static la_ssize_t on_read(struct archive *reader, void *context, const void **data) {
    struct input *input = context;
    ssize_t len = read_input(input, &input->err);

    *data = input->buffer;
    if (len < 0) {
        archive_set_error(reader, EIO, "%s", input->err.text);
        return ARCHIVE_FATAL;
    }
    count_zeros(input, (size_t)len);
    return (la_ssize_t)len;
}

static la_int64_t on_skip(struct archive *reader, void *context, la_int64_t len) {
    struct input *input = context;
    uint64_t left = input->blob.len - input->at;

    (void)reader;
    if (input->is_stream || input->recode != NULL)
        return 0;
    if ((uint64_t)len > left)
        len = (la_int64_t)left;
    input->at += (uint64_t)len;
    return len;
}

/* The error of the last call, in libarchive's words. */
static int fail(const struct pp_bootstrap_archive *archive, struct pp_err *err) {
    const char *text = archive_error_string(archive->reader);

    if (archive->input.err.kind != PP_ERR_NONE) {
        *err = archive->input.err;
        return -(int)err->kind;
    }
    if (archive_errno(archive->reader) == ENOMEM)
        return pp_err_nomem(err);
    return pp_err_set(err, PP_ERR_DAMAGED, "the archive cannot be read: %s",
                      text != NULL ? text : "it is damaged");
}

static int start(struct pp_bootstrap_archive *archive, struct pp_err *err) {
    struct pp_codec_env env = {.budget = &archive->own, .helpers = archive->helpers};
    struct input *input = &archive->input;
    struct archive *reader = archive_read_new();
    int rc;

    archive->reader = reader;
    input->at = 0;
    if (reader == NULL)
        return pp_err_nomem(err);
    if (input->codec != NULL) {
        rc = input->codec->open(&env, &input->raw, NULL, &input->recode, &input->err);
        *err = input->err;
        if (rc < 0)
            return pp_err_context(err, "%s", input->codec->name);
    }
    if (archive_read_support_format_tar(reader) != ARCHIVE_OK ||
        archive_read_set_read_callback(reader, on_read) != ARCHIVE_OK ||
        archive_read_set_skip_callback(reader, on_skip) != ARCHIVE_OK ||
        archive_read_set_callback_data(reader, &archive->input) != ARCHIVE_OK ||
        archive_read_open1(reader) != ARCHIVE_OK)
        return fail(archive, err);
    return 0;
}

/* ---- where it comes from ---- */

/* Keeps the whole archive, and checks its digest. */
static int keep(struct pp_bootstrap_archive *archive, int fd, const uint8_t *sha256,
                struct pp_err *err) {
    struct input *input = &archive->input;
    struct pp_digester digester;
    struct pp_digest digest;
    ssize_t len = (ssize_t)input->head_len;

    pp_digester_init(&digester, false);
    memcpy(input->buffer, input->head, input->head_len);
    do {
        int rc = pp_sink_write(&archive->spool.sink, input->buffer, (size_t)len, err);

        if (rc < 0)
            return rc;
        pp_digester_update(&digester, input->buffer, (size_t)len);
        len = pp_io_read(fd, input->buffer, BUFFER_LEN, err);
    } while (len > 0);
    if (len < 0)
        return (int)len;
    pp_digester_final(&digester, &digest);
    if (sha256 != NULL && memcmp(sha256, digest.sha256, PP_SHA256_LEN) != 0) {
        char text[2 * PP_SHA256_LEN + 1];

        pp_hex(digest.sha256, PP_SHA256_LEN, text);
        return pp_err_set(err, PP_ERR_REFUSED,
                          "the archive is another one: its SHA-256 is %s; get it again", text);
    }
    input->blob = pp_spool_blob(&archive->spool);
    return 0;
}

static int take_input(struct pp_bootstrap_archive *archive, int fd, const uint8_t *sha256,
                      struct pp_err *err) {
    struct input *input = &archive->input;
    struct stat st;
    ssize_t len;

    if (fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot look at the archive");
    if (S_ISREG(st.st_mode) && sha256 == NULL) {
        off_t at = lseek(fd, 0, SEEK_CUR);

        if (at < 0)
            return pp_err_sys(err, "cannot read the archive");
        if (at > st.st_size)
            at = st.st_size;
        input->blob = pp_blob_file(fd, (uint64_t)at, (uint64_t)(st.st_size - at));
        return 0;
    }
    len = pp_io_read(fd, input->head, HEAD_LEN, err);
    if (len < 0)
        return (int)len;
    input->head_len = (size_t)len;
    if (sha256 != NULL || pp_bootstrap_zip_bids(input->head, input->head_len))
        return keep(archive, fd, sha256, err);
    input->is_stream = true;
    input->fd = fd;
    return 0;
}

/* A zip by its index, anything else by libarchive. */
static int open_kind(struct pp_bootstrap_archive *archive, struct pp_err *err) {
    struct input *input = &archive->input;
    uint8_t head[HEAD_LEN];
    ssize_t len = (ssize_t)input->head_len;
    int rc;

    if (input->is_stream)
        memcpy(head, input->head, input->head_len);
    else
        len = pp_blob_read(&input->blob, 0, head, sizeof(head), err);
    if (len < 0)
        return (int)len;
    if (pp_bootstrap_zip_bids(head, (size_t)len))
        return pp_bootstrap_zip_open(&archive->zip, &input->blob, err);
    input->codec = pp_kind_of(head, (size_t)len).codec;
    rc = start(archive, err);
    if (rc < 0 && err->kind == PP_ERR_DAMAGED && input->err.kind == PP_ERR_NONE)
        rc = pp_err_set(err, PP_ERR_UNSUPPORTED, "it is neither a zip nor a tar archive");
    return rc;
}

struct pp_bootstrap_archive *pp_bootstrap_archive_open(int fd, const uint8_t *sha256,
                                                       struct pp_budget *budget,
                                                       struct pp_helpers *helpers,
                                                       struct pp_err *err) {
    struct pp_bootstrap_archive *archive = calloc(1, sizeof(*archive));
    int rc;

    if (archive == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    archive->budget = budget;
    archive->helpers = helpers;
    archive->input.raw.ops = &raw_ops;
    pp_budget_init(&archive->own, budget->limit_len);
    pp_spool_init(&archive->spool);
    /* Names that are told to be UTF-8 are only given out in a locale that can hold them. */
    archive->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (archive->locale != (locale_t)0)
        archive->locale_before = uselocale(archive->locale);
    rc = take_input(archive, fd, sha256, err);
    if (rc >= 0)
        rc = open_kind(archive, err);
    if (rc < 0) {
        pp_bootstrap_archive_close(archive);
        return NULL;
    }
    return archive;
}

void pp_bootstrap_archive_close(struct pp_bootstrap_archive *archive) {
    if (archive == NULL)
        return;
    archive_read_free(archive->reader);
    pp_recode_free(archive->input.recode);
    pp_budget_done(&archive->own);
    pp_bootstrap_zip_done(&archive->zip);
    pp_spool_done(&archive->spool);
    pp_buffer_done(&archive->path);
    pp_buffer_done(&archive->target);
    if (archive->locale != (locale_t)0) {
        uselocale(archive->locale_before);
        freelocale(archive->locale);
    }
    free(archive);
}

static uint64_t in_blocks(uint64_t len, uint64_t block_len) {
    return (len + block_len - 1) / block_len * block_len;
}

static enum pp_bootstrap_kind zip_kind(const struct pp_bootstrap_zip_entry *from) {
    if (from->name[from->packed.name_len - 1] == '/' || S_ISDIR(from->mode))
        return PP_BOOTSTRAP_FOLDER;
    if (S_ISLNK(from->mode))
        return PP_BOOTSTRAP_SYMLINK;
    return S_ISREG(from->mode) || (from->mode & S_IFMT) == 0 ? PP_BOOTSTRAP_FILE
                                                             : PP_BOOTSTRAP_OTHER;
}

static int zip_size(struct pp_bootstrap_zip *zip, uint64_t block_len,
                    struct pp_bootstrap_size *size, struct pp_err *err) {
    struct pp_bootstrap_zip_entry entry;
    int rc;

    while ((rc = pp_bootstrap_zip_next(zip, &entry, err)) > 0) {
        /* What no file system has room for does not overflow either. */
        if (entry.packed.text_len > UINT64_MAX / 4 || size->len > UINT64_MAX / 4)
            return pp_err_set(err, PP_ERR_LIMIT, "the archive is too large");
        size->len += in_blocks(entry.packed.text_len, block_len);
        size->count += zip_kind(&entry) != PP_BOOTSTRAP_FOLDER;
    }
    pp_bootstrap_zip_rewind(zip);
    return rc;
}

/* Compressed as a whole: to know what is in it one would have to decode it all. */
static int coded_size(const struct pp_blob *blob, struct pp_bootstrap_size *size,
                      struct pp_err *err) {
    uint64_t told;
    int rc = pp_bootstrap_coded_len(blob, &told, err);

    size->len = told > blob->len ? told : blob->len;
    return rc;
}

static int tar_size(struct pp_bootstrap_archive *archive, uint64_t block_len,
                    struct pp_bootstrap_size *size, struct pp_err *err) {
    struct archive_entry *entry;
    int rc;

    if (archive->input.codec != NULL)
        return coded_size(&archive->input.blob, size, err);
    while ((rc = archive_read_next_header(archive->reader, &entry)) >= ARCHIVE_WARN &&
           rc != ARCHIVE_EOF) {
        if (archive_entry_size(entry) > 0)
            size->len += in_blocks((uint64_t)archive_entry_size(entry), block_len);
        size->count +=
            archive_entry_hardlink(entry) != NULL || archive_entry_filetype(entry) != AE_IFDIR;
    }
    if (rc < ARCHIVE_WARN)
        return fail(archive, err);
    archive_read_free(archive->reader);
    return start(archive, err);
}

int pp_bootstrap_archive_size(struct pp_bootstrap_archive *archive, uint64_t block_len,
                              struct pp_bootstrap_size *size, struct pp_err *err) {
    *size = (struct pp_bootstrap_size){0};
    if (archive->input.is_stream)
        return 0;
    return archive->reader == NULL ? zip_size(&archive->zip, block_len, size, err)
                                   : tar_size(archive, block_len, size, err);
}

/* ---- entries ---- */

int pp_bootstrap_clean_path(const char *name, struct pp_buffer *path, struct pp_err *err) {
    unsigned depth = 0;

    path->len = 0;
    if (name == NULL)
        return pp_err_set(err, PP_ERR_REFUSED,
                          "the archive holds a name that is empty or not UTF-8");
    if (name[0] == '/')
        return pp_err_set(err, PP_ERR_REFUSED,
                          "%s: the archive holds an absolute path; paths are relative to the "
                          "destination",
                          name);
    for (const char *at = name; *at != '\0';) {
        size_t len = strcspn(at, "/");

        if (len == 2 && at[0] == '.' && at[1] == '.')
            return pp_err_set(err, PP_ERR_REFUSED, "%s: the archive holds a path with ..", name);
        if (len > 0 && !(len == 1 && at[0] == '.')) {
            if (++depth > PP_BOOTSTRAP_DEPTH_MAX)
                return pp_err_set(err, PP_ERR_LIMIT, "%s: nested deeper than %d folders", name,
                                  PP_BOOTSTRAP_DEPTH_MAX);
            if (pp_buffer_printf(path, err, "%s%.*s", path->len > 0 ? "/" : "", (int)len, at) < 0)
                return -(int)err->kind;
        }
        at += len + (at[len] == '/' ? 1 : 0);
    }
    return pp_buffer_append(path, "", 0, err);
}

static uint32_t entry_mode(struct archive_entry *from) {
    uint32_t mode = (uint32_t)archive_entry_perm(from);

    return archive_entry_filetype(from) == AE_IFDIR ? mode & 01777 : mode & 0777;
}

/* The content of a symlink is its target. */
static int take_zip_target(struct pp_bootstrap_archive *archive, struct pp_bootstrap_entry *entry,
                           struct pp_err *err) {
    PP_AUTO_SPOOL struct pp_spool spool;
    int rc;

    pp_spool_init(&spool);
    if (entry->packed.text_len == 0 || entry->packed.text_len >= PATH_MAX)
        return pp_err_set(err, PP_ERR_REFUSED, "%s: a symlink without a target, or a long one",
                          entry->path);
    rc = pp_bootstrap_zip_unpack(&archive->zip, &entry->packed, archive->budget, &spool, err);
    if (rc < 0)
        return pp_err_context(err, "%s", entry->path);
    if (memchr(spool.memory.data, '\0', spool.memory.len) != NULL)
        return pp_err_set(err, PP_ERR_REFUSED, "%s: a NUL in its target", entry->path);
    archive->target.len = 0;
    rc = pp_buffer_append(&archive->target, spool.memory.data, spool.memory.len, err);
    entry->target = (const char *)archive->target.data;
    return rc;
}

static int next_of_zip(struct pp_bootstrap_archive *archive, struct pp_bootstrap_entry *entry,
                       struct pp_err *err) {
    struct pp_bootstrap_zip_entry from;
    PP_AUTO_FREE char *name = NULL;
    int rc = pp_bootstrap_zip_next(&archive->zip, &from, err);

    if (rc <= 0)
        return rc;
    if (from.packed.name_len == 0 || memchr(from.name, '\0', from.packed.name_len) != NULL)
        return pp_bootstrap_clean_path(NULL, &archive->path, err);
    name = strndup(from.name, from.packed.name_len);
    if (name == NULL)
        return pp_err_nomem(err);
    rc = pp_bootstrap_clean_path(name, &archive->path, err);
    if (rc < 0)
        return rc;
    *entry = (struct pp_bootstrap_entry){.kind = zip_kind(&from),
                                         .path = (const char *)archive->path.data,
                                         .mode = from.mode & 01777,
                                         .mtime = from.mtime,
                                         .is_packed = true,
                                         .packed = from.packed};
    if (entry->path[0] == '\0' && entry->kind != PP_BOOTSTRAP_FOLDER)
        return pp_err_set(err, PP_ERR_REFUSED, "the archive holds a file without a name");
    /* A zip need not tell a mode. */
    if (entry->mode == 0)
        entry->mode = entry->kind == PP_BOOTSTRAP_FOLDER ? 0755 : 0644;
    if (entry->kind != PP_BOOTSTRAP_FOLDER)
        entry->mode &= 0777;
    rc = entry->kind == PP_BOOTSTRAP_SYMLINK ? take_zip_target(archive, entry, err) : 0;
    return rc < 0 ? rc : 1;
}

static int take_entry(struct pp_bootstrap_archive *archive, struct archive_entry *from,
                      struct pp_bootstrap_entry *entry, struct pp_err *err) {
    const char *hardlink = archive_entry_hardlink(from);
    int rc = pp_bootstrap_clean_path(archive_entry_pathname(from), &archive->path, err);

    if (rc < 0)
        return rc;
    *entry = (struct pp_bootstrap_entry){
        .path = (const char *)archive->path.data,
        .mode = entry_mode(from),
        .mtime = {.tv_sec = archive_entry_mtime(from), .tv_nsec = archive_entry_mtime_nsec(from)}};
    if (!archive_entry_mtime_is_set(from))
        entry->mtime.tv_nsec = UTIME_OMIT;
    if (hardlink != NULL) {
        entry->kind = PP_BOOTSTRAP_HARDLINK;
        entry->target = "";
        rc = pp_bootstrap_clean_path(hardlink, &archive->target, err);
        entry->target = (const char *)archive->target.data;
        return rc;
    }
    switch (archive_entry_filetype(from)) {
    case AE_IFREG:
        entry->kind = PP_BOOTSTRAP_FILE;
        break;
    case AE_IFDIR:
        entry->kind = PP_BOOTSTRAP_FOLDER;
        break;
    case AE_IFLNK:
        entry->kind = PP_BOOTSTRAP_SYMLINK;
        entry->target = archive_entry_symlink(from);
        if (entry->target == NULL || entry->target[0] == '\0')
            return pp_err_set(err, PP_ERR_REFUSED, "%s: a symlink without a target", entry->path);
        break;
    default:
        entry->kind = PP_BOOTSTRAP_OTHER;
    }
    if (entry->path[0] == '\0' && entry->kind != PP_BOOTSTRAP_FOLDER)
        return pp_err_set(err, PP_ERR_REFUSED, "the archive holds a file without a name");
    return 0;
}

/* A tar that was cut off between two members looks sound but for the block of zeros at its end. */
static int check_end(struct pp_bootstrap_archive *archive, struct pp_err *err) {
    struct input *input = &archive->input;
    ssize_t len = 1;

    if (input->codec == NULL && input->zero_len < TAR_BLOCK_LEN)
        return pp_err_set(err, PP_ERR_DAMAGED, "the archive is cut off; get it again");
    /* The sender of a stream may still be writing its padding; of what is compressed the last sum
     * is yet to come. */
    while ((input->is_stream || input->codec != NULL) && len > 0)
        len = read_input(input, err);
    return len < 0 ? (int)len : 0;
}

int pp_bootstrap_archive_next(struct pp_bootstrap_archive *archive,
                              struct pp_bootstrap_entry *entry, struct pp_err *err) {
    struct archive_entry *from;
    int rc;

    if (archive->reader == NULL)
        return next_of_zip(archive, entry, err);
    rc = archive_read_next_header(archive->reader, &from);
    if (rc == ARCHIVE_EOF)
        return check_end(archive, err);
    if (rc < ARCHIVE_WARN)
        return fail(archive, err);
    rc = take_entry(archive, from, entry, err);
    return rc < 0 ? rc : 1;
}

int pp_bootstrap_archive_read(struct pp_bootstrap_archive *archive,
                              const struct pp_bootstrap_entry *entry, struct pp_spool *spool,
                              struct pp_err *err) {
    uint8_t data[BUFFER_LEN];
    la_ssize_t len;

    if (entry->is_packed)
        return pp_bootstrap_zip_unpack(&archive->zip, &entry->packed, archive->budget, spool, err);
    while ((len = archive_read_data(archive->reader, data, sizeof(data))) > 0) {
        int rc = pp_sink_write(&spool->sink, data, (size_t)len, err);

        if (rc < 0)
            return rc;
    }
    /* A warning, too: a wrong CRC is one. */
    return len < 0 ? fail(archive, err) : 0;
}
