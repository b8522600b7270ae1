/* Walks a tree and reads every file, as little as can be: what a scan costs at the least.
 *
 *     floor none|bytes|matcher JOBS TREE
 *
 * "none" only reads. "bytes" also looks for runs of slashes in plain bytes, "matcher" in all
 * encodings with the patcher's own matcher: the difference is the price of wide text.
 */
#include "stream/matcher.h"
#include "values/table.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_LEN ((size_t)256 << 10)
#define JOBS_MAX 64

enum look { LOOK_NONE, LOOK_BYTES, LOOK_MATCHER };

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

static void read_file(int dir, const char *name, uint8_t *data) {
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    size_t hits = 0;
    ssize_t count;

    if (fd < 0)
        die(name);
    do {
        count = read(fd, data, READ_LEN);
        if (count < 0)
            die(name);
        if (run.look == LOOK_BYTES)
            hits += look_for_bytes(data, (size_t)count);
        else if (run.look == LOOK_MATCHER)
            hits += look_with_matcher(data, (size_t)count);
    } while ((size_t)count == READ_LEN);
    close(fd);
    atomic_fetch_add(&run.files, 1);
    if (hits > 0)
        atomic_fetch_add(&run.hits, hits);
}

static void read_folder(const char *path, uint8_t *data) {
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL)
        die(path);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_type == DT_REG)
            read_file(dirfd(dir), entry->d_name, data);
        else if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
                 strcmp(entry->d_name, "..") != 0)
            push(path, entry->d_name);
    }
    closedir(dir);
}

static void *work(void *arg) {
    uint8_t *data = malloc(READ_LEN);

    (void)arg;
    if (data == NULL)
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
        read_folder(folder->path, data);
        free(folder);
        pthread_mutex_lock(&run.mutex);
        if (--run.busy == 0)
            pthread_cond_broadcast(&run.changed);
    }
    pthread_mutex_unlock(&run.mutex);
    free(data);
    return NULL;
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
    static const char *const looks[] = {"none", "bytes", "matcher"};
    pthread_t threads[JOBS_MAX];
    unsigned jobs = argc == 4 ? (unsigned)atoi(argv[2]) : 0;

    while (argc == 4 && run.look <= LOOK_MATCHER && strcmp(argv[1], looks[run.look]) != 0)
        run.look++;
    if (argc != 4 || run.look > LOOK_MATCHER || jobs < 1 || jobs > JOBS_MAX) {
        fprintf(stderr, "usage: floor none|bytes|matcher JOBS TREE\n");
        return 2;
    }
    make_matcher();
    push(argv[3], "");
    for (unsigned i = 0; i < jobs; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            die("pthread_create");
    for (unsigned i = 0; i < jobs; i++)
        pthread_join(threads[i], NULL);
    pp_matcher_free(run.matcher);
    printf("%llu files, %llu hits\n", (unsigned long long)run.files, (unsigned long long)run.hits);
    return 0;
}
