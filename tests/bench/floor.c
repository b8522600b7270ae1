/* Walks trees and reads every file, as little as can be: what a scan costs at the least.
 *
 *     floor none|bytes|matcher|decode|write|rewrite JOBS PATH...
 *
 * "none" only reads. "bytes" also looks for runs of slashes in plain bytes, "matcher" in all
 * encodings with the patcher's own matcher: the difference is the price of wide text. "decode"
 * decodes gzip and bzip2 files and the members of zips, and looks at nothing. "write" writes the
 * first bytes of every file over with themselves, and then syncs; "rewrite" decodes, and puts a new
 * file with the same bytes in the place of the old: what a patch costs at the least.
 */
#include "base/bytes.h"
#include "format/zip.h"
#include "stream/matcher.h"
#include "values/table.h"

#include <bzlib.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_LEN ((size_t)256 << 10)
#define JOBS_MAX 64
#define GZIP_MAGIC 0x8b1f
#define BZIP2_TEXT_MAX (64u << 20)

enum look { LOOK_NONE, LOOK_BYTES, LOOK_MATCHER, LOOK_DECODE, LOOK_WRITE, LOOK_REWRITE };

/* As long as a placeholder of Termux. */
#define WRITE_LEN 128

/* What a thread works with. */
struct bench {
    uint8_t *data; /* READ_LEN bytes */
    uint8_t *whole;
    size_t whole_cap;
    uint8_t *text;
    size_t text_cap;
    struct libdeflate_decompressor *decompressor;
};

struct folder {
    struct folder *next;
    char path[];
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct folder *first;
    unsigned busy;
    enum look look;
    struct pp_matcher *matcher;
    size_t stride;
    atomic_uint_fast64_t files;
    atomic_uint_fast64_t hits;
} run = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void push(const char *path, const char *name) {
    size_t len = strlen(path) + strlen(name) + 2;
    struct folder *folder = malloc(sizeof(*folder) + len);

    if (folder == NULL)
        die("malloc");
    snprintf(folder->path, len, "%s%s%s", path, name[0] != '\0' ? "/" : "", name);
    pthread_mutex_lock(&run.mutex);
    folder->next = run.first;
    run.first = folder;
    pthread_cond_signal(&run.changed);
    pthread_mutex_unlock(&run.mutex);
}

static size_t look_for_bytes(const uint8_t *data, size_t len) {
    const uint64_t slashes = 0x2f2f2f2f2f2f2f2fULL;
    size_t count = 0;

    for (size_t at = 0; len >= 8 && at <= len - 8; at += run.stride) {
        uint64_t word;

        memcpy(&word, data + at, sizeof(word));
        count += word == slashes;
    }
    return count;
}

static size_t look_with_matcher(const uint8_t *data, size_t len) {
    struct pp_matcher_walk walk = {0};
    struct pp_match match;
    size_t count = 0;

    while (pp_matcher_next(run.matcher, data, len, len, &walk, &match))
        count++;
    return count;
}

static uint8_t *make_room(uint8_t **buffer, size_t *cap, size_t len) {
    if (len > *cap) {
        free(*buffer);
        *buffer = malloc(len);
        *cap = len;
    }
    if (*buffer == NULL)
        die("malloc");
    return *buffer;
}

static void inflate_gzip(struct bench *bench, size_t len) {
    size_t text_len = pp_le32(bench->whole + len - 4);

    if (libdeflate_gzip_decompress(bench->decompressor, bench->whole, len,
                                   make_room(&bench->text, &bench->text_cap, text_len + 1),
                                   text_len, NULL) != LIBDEFLATE_SUCCESS)
        fprintf(stderr, "floor: a gzip file of another kind\n");
}

/* The content of a member, by its entry in the central directory. */
static void inflate_member(struct bench *bench, size_t len, const uint8_t *entry) {
    const uint8_t *local = bench->whole + pp_le32(entry + PP_ZIP_CENTRAL_OFFSET_AT);
    const uint8_t *stored =
        local + PP_ZIP_LOCAL_LEN + pp_le16(local + 26) + pp_le16(local + PP_ZIP_LOCAL_EXTRA_LEN_AT);
    size_t stored_len = pp_le32(entry + PP_ZIP_CENTRAL_CRC_AT + 4);
    size_t text_len = pp_le32(entry + PP_ZIP_CENTRAL_CRC_AT + 8);
    uint8_t *text = make_room(&bench->text, &bench->text_cap, text_len + 1);

    if (pp_le16(entry + 10) != PP_ZIP_DEFLATED || stored_len > len)
        return;
    if (libdeflate_deflate_decompress(bench->decompressor, stored, stored_len, text, text_len,
                                      NULL) != LIBDEFLATE_SUCCESS ||
        libdeflate_crc32(0, text, text_len) != pp_le32(entry + PP_ZIP_CENTRAL_CRC_AT))
        fprintf(stderr, "floor: a member of a zip is damaged\n");
}

static void inflate_zip(struct bench *bench, size_t len) {
    size_t tail_len = len < PP_ZIP_TAIL_MAX ? len : PP_ZIP_TAIL_MAX;
    const uint8_t *end = pp_zip_find_end(bench->whole + len - tail_len, tail_len);
    const uint8_t *entry;

    if (end == NULL)
        return;
    entry = bench->whole + pp_le32(end + PP_ZIP_END_OFFSET_AT);
    for (unsigned left = pp_le16(end + 10); left > 0; left--) {
        inflate_member(bench, len, entry);
        entry +=
            PP_ZIP_CENTRAL_LEN + pp_le16(entry + 28) + pp_le16(entry + 30) + pp_le16(entry + 32);
    }
}

static void decode_bzip2(struct bench *bench, size_t len) {
    unsigned text_len = BZIP2_TEXT_MAX;

    make_room(&bench->text, &bench->text_cap, text_len);
    if (BZ2_bzBuffToBuffDecompress((char *)bench->text, &text_len, (char *)bench->whole,
                                   (unsigned)len, 0, 0) != BZ_OK)
        fprintf(stderr, "floor: a bzip2 file is damaged or too large\n");
}

static void replace(int dir, const char *name, const uint8_t *data, size_t len) {
    char temporary[PATH_MAX];
    int fd;

    snprintf(temporary, sizeof(temporary), "%s.floor", name);
    fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        die(name);
    if (write(fd, data, len) != (ssize_t)len)
        die(name);
    close(fd);
    if (renameat(dir, temporary, dir, name) < 0)
        die(name);
}

/* Reads the rest of a compressed file, of which `count` bytes are there, and decodes it. False for
 * any other. */
static bool decode_file(struct bench *bench, int dir, const char *name, int fd, size_t count) {
    bool is_gzip = count > 18 && pp_le16(bench->data) == GZIP_MAGIC;
    bool is_zip = count > PP_ZIP_END_LEN && pp_le32(bench->data) == PP_ZIP_LOCAL_MAGIC;
    struct stat st;
    size_t len;

    if (!is_gzip && !is_zip && (count < 10 || memcmp(bench->data, "BZh91AY&SY", 10) != 0))
        return false;
    if (fstat(fd, &st) < 0)
        die("fstat");
    len = (size_t)st.st_size;
    memcpy(make_room(&bench->whole, &bench->whole_cap, len), bench->data, count);
    if (pread(fd, bench->whole + count, len - count, (off_t)count) != (ssize_t)(len - count))
        die("pread");
    if (is_gzip)
        inflate_gzip(bench, len);
    else if (is_zip)
        inflate_zip(bench, len);
    else
        decode_bzip2(bench, len);
    if (run.look == LOOK_REWRITE)
        replace(dir, name, bench->whole, len);
    return true;
}

static void read_file(int dir, const char *name, struct bench *bench) {
    uint8_t *data = bench->data;
    int mode = run.look == LOOK_WRITE ? O_RDWR : O_RDONLY;
    int fd = openat(dir, name, mode | O_NOFOLLOW | O_CLOEXEC);
    size_t hits = 0;
    ssize_t count;

    if (fd < 0)
        die(name);
    do {
        count = read(fd, data, READ_LEN);
        if (count < 0)
            die(name);
        if ((run.look == LOOK_DECODE || run.look == LOOK_REWRITE) &&
            decode_file(bench, dir, name, fd, (size_t)count))
            break;
        if (run.look == LOOK_BYTES)
            hits += look_for_bytes(data, (size_t)count);
        else if (run.look == LOOK_MATCHER)
            hits += look_with_matcher(data, (size_t)count);
    } while ((size_t)count == READ_LEN);
    if (run.look == LOOK_WRITE &&
        ((count = pread(fd, data, WRITE_LEN, 0)) < 0 || pwrite(fd, data, (size_t)count, 0) < 0))
        die(name);
    close(fd);
    atomic_fetch_add(&run.files, 1);
    if (hits > 0)
        atomic_fetch_add(&run.hits, hits);
}

static void read_path(const char *path, struct bench *bench) {
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL && errno == ENOTDIR) {
        read_file(AT_FDCWD, path, bench);
        return;
    }
    if (dir == NULL)
        die(path);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_type == DT_REG)
            read_file(dirfd(dir), entry->d_name, bench);
        else if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
                 strcmp(entry->d_name, "..") != 0)
            push(path, entry->d_name);
    }
    closedir(dir);
}

static void *work(void *arg) {
    struct bench bench = {.data = malloc(READ_LEN),
                          .decompressor = libdeflate_alloc_decompressor()};

    (void)arg;
    if (bench.data == NULL || bench.decompressor == NULL)
        die("malloc");
    pthread_mutex_lock(&run.mutex);
    for (;;) {
        struct folder *folder = run.first;

        if (folder == NULL && run.busy == 0)
            break;
        if (folder == NULL) {
            pthread_cond_wait(&run.changed, &run.mutex);
            continue;
        }
        run.first = folder->next;
        run.busy++;
        pthread_mutex_unlock(&run.mutex);
        read_path(folder->path, &bench);
        free(folder);
        pthread_mutex_lock(&run.mutex);
        if (--run.busy == 0)
            pthread_cond_broadcast(&run.changed);
    }
    pthread_mutex_unlock(&run.mutex);
    libdeflate_free_decompressor(bench.decompressor);
    free(bench.text);
    free(bench.whole);
    free(bench.data);
    return NULL;
}

static void sync_files(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syncfs(fd) < 0)
        die(path);
    close(fd);
}

/* The patterns of the built-in table. */
static void make_matcher(void) {
    struct pp_pattern patterns[PP_PLACEHOLDER_MAX];
    struct pp_table table;
    struct pp_err err = PP_ERR_INIT;

    if (pp_table_load(&table, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    run.stride = SIZE_MAX;
    for (size_t i = 0; i < table.count; i++) {
        const struct pp_placeholder *placeholder = &table.placeholders[i];
        size_t slashes = placeholder->len - strlen(placeholder->default_path);

        patterns[i] = (struct pp_pattern){.find = placeholder->text, .len = placeholder->len};
        if (slashes - 7 < run.stride)
            run.stride = slashes - 7;
    }
    run.matcher = pp_matcher_new(patterns, table.count, NULL, 0, &err);
    if (run.matcher == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    pp_table_done(&table);
}

int main(int argc, char **argv) {
    static const char *const looks[] = {"none", "bytes", "matcher", "decode", "write", "rewrite"};
    pthread_t threads[JOBS_MAX];
    unsigned jobs = argc >= 4 ? (unsigned)atoi(argv[2]) : 0;

    while (argc >= 4 && run.look <= LOOK_REWRITE && strcmp(argv[1], looks[run.look]) != 0)
        run.look++;
    if (argc < 4 || run.look > LOOK_REWRITE || jobs < 1 || jobs > JOBS_MAX) {
        fprintf(stderr, "usage: floor none|bytes|matcher|decode|write|rewrite JOBS PATH...\n");
        return 2;
    }
    make_matcher();
    for (int i = 3; i < argc; i++)
        push(argv[i], "");
    for (unsigned i = 0; i < jobs; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            die("pthread_create");
    for (unsigned i = 0; i < jobs; i++)
        pthread_join(threads[i], NULL);
    pp_matcher_free(run.matcher);
    if (run.look >= LOOK_WRITE)
        sync_files(argv[3]);
    printf("%llu files, %llu hits\n", (unsigned long long)run.files, (unsigned long long)run.hits);
    return 0;
}
