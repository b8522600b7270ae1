/* Patches a tree through the journal, with two placeholders of its own. For tests that kill it.
 *
 *     journal_driver apply|revalue|restore|pending ROOT [VALUE-OF-ALPHA]
 *
 * `apply` reads ROOT/LIST, lines of "plain|symlink|swap PATH [LINK…]": hits are found by plain
 * search. `swap` stands for compressed content: the new bytes have another length. The state is in
 * ROOT/state. Prints a line for each result. DRIVER_REPLACE, DRIVER_EACH: ways to write.
 */
#include "journal/batch.h"
#include "journal/journal.h"

#include "base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEN 24

static const struct {
    const char *name;
    const char *path;
} table[] = {{"ALPHA", "/opt/alpha"}, {"BETA", "/opt/beta"}};

static int text(void *context, const char *name, const char *value, struct pp_buffer *out,
                struct pp_err *err) {
    char padded[LEN + 1];

    (void)context;
    for (size_t i = 0; i < PP_ARRAY_LEN(table) && value == NULL; i++)
        if (strcmp(table[i].name, name) == 0)
            value = table[i].path;
    if (value == NULL || strlen(value) > LEN)
        return pp_err_set(err, PP_ERR_REFUSED, "no text for %s", name);
    memset(padded, '/', LEN);
    memcpy(padded, value, strlen(value));
    return pp_buffer_append(out, padded, LEN, err);
}

static void result(void *context, const struct pp_journal_result *result) {
    static const char *const words[] = {"done", "recovered", "left"};

    (void)context;
    printf("%s %s%s%s\n", words[result->outcome], result->path, result->err != NULL ? ": " : "",
           result->err != NULL ? result->err->text : "");
}

static void fail(const struct pp_err *err) {
    fprintf(stderr, "journal_driver: %s\n", err->text);
    exit(3);
}

/* Every placeholder becomes its value, and a line is added. */
static int swap(void *context, const char *path, int fd, uint64_t len, struct pp_sink *out,
                struct pp_err *err) {
    const struct pp_ledger_value *values = context;
    PP_AUTO_BUFFER struct pp_buffer content = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer from = PP_BUFFER_INIT;
    PP_AUTO_BUFFER struct pp_buffer to = PP_BUFFER_INIT;
    int rc = pp_io_read_all(fd, (size_t)len, &content, err);

    (void)path;
    if (rc >= 0)
        rc = text(NULL, values[0].name, NULL, &from, err);
    if (rc >= 0)
        rc = text(NULL, values[0].name, values[0].value, &to, err);
    for (size_t i = 0; rc >= 0 && i + LEN <= content.len; i++)
        if (memcmp(content.data + i, from.data, LEN) == 0)
            memcpy(content.data + i, to.data, LEN);
    if (rc >= 0)
        rc = pp_buffer_printf(&content, err, "swapped\n");
    return rc < 0 ? rc : pp_sink_write(out, content.data, content.len, err);
}

static size_t find_hits(const char *data, size_t len, struct pp_hit *hits, size_t hit_max) {
    size_t count = 0;

    for (size_t at = 0; at + LEN <= len; at++) {
        for (uint32_t i = 0; i < PP_ARRAY_LEN(table); i++) {
            struct pp_err err = PP_ERR_INIT;
            PP_AUTO_BUFFER struct pp_buffer find = PP_BUFFER_INIT;

            if (text(NULL, table[i].name, NULL, &find, &err) < 0)
                fail(&err);
            if (memcmp(data + at, find.data, LEN) == 0 && count < hit_max)
                hits[count++] = (struct pp_hit){.offset = at, .placeholder = i};
        }
    }
    return count;
}

static void add(struct pp_journal *journal, int root, char *line, void *values) {
    const char *links[8];
    struct pp_hit hits[64];
    struct pp_err err = PP_ERR_INIT;
    char *word = strtok(line, " ");
    struct pp_change change = {
        .package = "toy:all", .hits = hits, .links = links, .context = values};
    char data[8192];
    struct stat st;
    ssize_t len;

    change.kind = strcmp(word, "symlink") == 0 ? PP_LEDGER_SYMLINK
                  : strcmp(word, "swap") == 0  ? PP_LEDGER_REWRITTEN
                                               : PP_LEDGER_PLAIN;
    change.rewrite = swap;
    change.path = strtok(NULL, " ");
    while ((links[change.link_count] = strtok(NULL, " ")) != NULL)
        change.link_count++;
    if (fstatat(root, change.path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    change.identity = pp_identity_of(&st);
    if (change.kind == PP_LEDGER_SYMLINK) {
        len = readlinkat(root, change.path, data, sizeof(data));
    } else {
        PP_AUTO_CLOSE int fd = openat(root, change.path, O_RDONLY);

        len = pp_io_read(fd, data, sizeof(data), &err);
    }
    if (len < 0)
        return;
    change.hit_count = find_hits(data, (size_t)len, hits, PP_ARRAY_LEN(hits));
    if (change.hit_count > 0 && pp_journal_add(journal, &change, &err) < 0)
        fail(&err);
}

static void apply(struct pp_journal *journal, int root, void *values) {
    struct pp_err err = PP_ERR_INIT;
    PP_AUTO_BUFFER struct pp_buffer list = PP_BUFFER_INIT;
    PP_AUTO_CLOSE int fd = openat(root, "LIST", O_RDONLY);
    char *rest;

    if (fd < 0 || pp_io_read_all(fd, 65536, &list, &err) < 0)
        fail(&err);
    rest = (char *)list.data;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        if (line[0] != '\0')
            add(journal, root, line, values);
    if (pp_journal_flush(journal, &err) < 0)
        fail(&err);
}

int main(int argc, char **argv) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_ledger_value values[] = {{"ALPHA", "/srv/alpha"}, {"BETA", "/b"}};
    struct pp_journal_rows everything = {0};
    struct pp_journal_options options = {
        .values = values, .value_count = 2, .text = text, .result = result};
    struct pp_journal *journal;
    char state[4096];
    int rc = 0;

    if (argc < 3)
        return 2;
    if (argc > 3)
        values[0].value = argv[3];
    snprintf(state, sizeof(state), "%s/state", argv[2]);
    options.root_path = argv[2];
    options.root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    options.state_path = state;
    options.dry_run = strcmp(argv[1], "pending") == 0;
    options.always_replace = getenv("DRIVER_REPLACE") != NULL;
    journal = pp_journal_open(&options, &err);
    if (journal == NULL)
        fail(&err);
    if (getenv("DRIVER_EACH") != NULL)
        journal->durable.each = true;
    if (strcmp(argv[1], "apply") == 0)
        apply(journal, options.root, values);
    else if (strcmp(argv[1], "revalue") == 0)
        rc = pp_journal_revalue(journal, &(struct pp_journal_rows){0}, 0, swap, values, &err);
    else if (strcmp(argv[1], "restore") == 0)
        rc = pp_journal_restore(journal, &everything, &err);
    else
        printf("%s\n", pp_journal_recovery_pending(journal, &err) > 0 ? "pending" : "clean");
    if (rc < 0)
        fail(&err);
    pp_journal_close(journal);
    close(options.root);
    return 0;
}
