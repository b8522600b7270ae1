#include "cli/options.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "tree/pool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_LEN_MAX ((size_t)256 << 20)

void pp_options_init(struct pp_options *options) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    *options = (struct pp_options){.session = PP_SESSION_OPTIONS_INIT};
    options->session.jobs = processors < 1                  ? 1
                            : processors > PP_POOL_JOBS_MAX ? PP_POOL_JOBS_MAX
                                                            : (unsigned)processors;
}

void pp_options_done(struct pp_options *options) {
    free(options->set.items);
    free(options->was.items);
    options->set = options->was = (struct pp_words){NULL, 0};
}

/* Returns the list, or NULL. */
static const char *const *add_word(struct pp_words *words, const char *word, struct pp_err *err) {
    const char **items = reallocarray(words->items, words->count + 2, sizeof(*items));

    if (items == NULL) {
        pp_err_nomem(err);
        return NULL;
    }
    items[words->count++] = word;
    items[words->count] = NULL;
    words->items = items;
    return items;
}

/* Finds a word in a NULL-terminated list. */
static int take_word(const char *option, const char *value, const char *const *words, int *index,
                     struct pp_err *err) {
    for (*index = 0; words[*index] != NULL; (*index)++)
        if (strcmp(words[*index], value) == 0)
            return 0;
    return pp_err_set(err, PP_ERR_USAGE, "--%s: '%s' is not one of its words; see --help", option,
                      value);
}

static int take_when(const char *option, const char *value, enum pp_when *when,
                     struct pp_err *err) {
    static const char *const words[] = {"auto", "always", "never", NULL};
    int index;
    int rc = take_word(option, value, words, &index, err);

    *when = (enum pp_when)index;
    return rc;
}

static int take_executables(const char *value, enum pp_executables *executables,
                            struct pp_err *err) {
    static const char *const words[] = {"skip", "scripts", "all", NULL};
    int index;
    int rc = take_word("executables", value, words, &index, err);

    *executables = (enum pp_executables)index;
    return rc;
}

static int take_durability(const char *value, enum pp_durability *durability, struct pp_err *err) {
    static const char *const words[] = {"batch", "none", NULL};
    int index;
    int rc = take_word("durability", value, words, &index, err);

    *durability = index == 0 ? PP_DURABILITY_BATCH : PP_DURABILITY_NONE;
    return rc;
}

static int take_jobs(const char *value, unsigned *jobs, struct pp_err *err) {
    char *end;
    unsigned long number = strtoul(value, &end, 10);

    if (*value < '0' || *value > '9' || *end != '\0' || number < 1 || number > PP_POOL_JOBS_MAX)
        return pp_err_set(err, PP_ERR_USAGE, "--jobs: give it 1 to %d, not '%s'", PP_POOL_JOBS_MAX,
                          value);
    *jobs = (unsigned)number;
    return 0;
}

static int take_size(const char *value, uint64_t *len, struct pp_err *err) {
    static const char units[] = "KMG";
    char *end;
    unsigned long long number = strtoull(value, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;

    if (*value < '0' || *value > '9' || (*end != '\0' && (unit == NULL || end[1] != '\0')) ||
        number == 0 || number > (UINT64_MAX >> 1 >> shift))
        return pp_err_set(err, PP_ERR_USAGE,
                          "--memory: give it bytes, or 64M, 1G and so on, not "
                          "'%s'",
                          value);
    *len = (uint64_t)number << shift;
    return 0;
}

int pp_options_take(struct pp_options *options, int opt, const char *value, struct pp_err *err) {
    int rc = 0;

    switch (opt) {
    case PP_OPTION_ROOT:
        options->session.root = value;
        break;
    case PP_OPTION_TABLE:
        options->session.table = value;
        break;
    case PP_OPTION_SET:
        options->session.set = add_word(&options->set, value, err);
        rc = options->session.set == NULL ? -(int)err->kind : 0;
        break;
    case PP_OPTION_ENV_FILE:
        options->session.env_file = value;
        break;
    case PP_OPTION_ANY_BYTES:
        options->session.any_bytes = true;
        break;
    case PP_OPTION_REVALUE:
        options->session.revalue = true;
        break;
    case PP_OPTION_WAS:
        options->session.was = add_word(&options->was, value, err);
        rc = options->session.was == NULL ? -(int)err->kind : 0;
        break;
    case PP_OPTION_STATE:
        options->session.state = value;
        break;
    case PP_OPTION_ADMINDIR:
        options->session.admindir = value;
        break;
    case PP_OPTION_MEMORY:
        rc = take_size(value, &options->session.memory_len, err);
        break;
    case PP_OPTION_EXECUTABLES:
        rc = take_executables(value, &options->session.executables, err);
        break;
    case PP_OPTION_JOBS:
        rc = take_jobs(value, &options->session.jobs, err);
        break;
    case PP_OPTION_FILES_FROM:
        options->files_from = value;
        break;
    case PP_OPTION_NO_DECODE:
        options->session.decode = false;
        break;
    case PP_OPTION_DURABILITY:
        rc = take_durability(value, &options->durability, err);
        break;
    case PP_OPTION_REPLACE:
        options->always_replace = true;
        break;
    case PP_OPTION_JSON:
        options->json = true;
        break;
    case PP_OPTION_PROGRESS:
        rc = take_when("progress", value, &options->progress, err);
        break;
    case PP_OPTION_COLOR:
        rc = take_when("color", value, &options->color, err);
        break;
    case PP_OPTION_QUIET:
        options->quiet = true;
        break;
    case PP_OPTION_VERBOSE:
        options->verbose = true;
        break;
    case PP_OPTION_HELP:
        options->help = true;
        break;
    case 'n':
        options->dry_run = true;
        break;
    case '0':
        options->null_separated = true;
        break;
    default:
        return 0;
    }
    return rc < 0 ? rc : 1;
}

int pp_options_parse(struct pp_options *options, int argc, char **argv, struct pp_err *err) {
    static const struct option long_options[] = {PP_COMMON_LONG_OPTIONS, {0}};
    int opt;

    while ((opt = getopt_long(argc, argv, PP_COMMON_SHORT_OPTIONS, long_options, NULL)) != -1) {
        int rc = pp_options_take(options, opt, optarg, err);

        if (rc < 0)
            return rc;
        if (rc == 0)
            return pp_err_set(err, PP_ERR_USAGE, "see pathpatch %s --help", argv[0]);
    }
    return 0;
}

void pp_paths_done(struct pp_paths *paths) {
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i]);
    free(paths->items);
    *paths = (struct pp_paths){NULL, 0};
}

static int add_path(struct pp_paths *paths, const struct pp_session *session, const char *path,
                    struct pp_err *err) {
    char **items;

    if ((paths->count & (paths->count + 1)) == 0) {
        items = reallocarray(paths->items, 2 * (paths->count + 1), sizeof(*items));
        if (items == NULL)
            return pp_err_nomem(err);
        paths->items = items;
    }
    if (pp_session_path(session, path, &paths->items[paths->count], err) < 0)
        return -(int)err->kind;
    paths->count++;
    return 0;
}

static int add_list(struct pp_paths *paths, const struct pp_options *options,
                    const struct pp_session *session, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    bool from_stdin = strcmp(options->files_from, "-") == 0;
    PP_AUTO_CLOSE int fd =
        from_stdin ? dup(STDIN_FILENO) : open(options->files_from, O_RDONLY | O_CLOEXEC);
    char separator = options->null_separated ? '\0' : '\n';
    char *at;

    if (fd < 0)
        return pp_err_sys(err, "%s: cannot open", options->files_from);
    if (pp_io_read_all(fd, LIST_LEN_MAX, &text, err) < 0)
        return pp_err_context(err, "%s", options->files_from);
    at = (char *)text.data;
    while (at < (char *)text.data + text.len) {
        char *end = memchr(at, separator, (size_t)((char *)text.data + text.len - at));

        if (end != NULL)
            *end = '\0';
        else
            end = (char *)text.data + text.len;
        if (*at != '\0' && add_path(paths, session, at, err) < 0)
            return -(int)err->kind;
        at = end + 1;
    }
    return 0;
}

/* In the order in which a walk meets them: folder by folder, each before what it holds. */
static int compare_paths(const void *left, const void *right) {
    const unsigned char *a = *(const unsigned char *const *)left;
    const unsigned char *b = *(const unsigned char *const *)right;

    while (*a == *b && *a != '\0')
        a++, b++;
    if (*a == *b)
        return 0;
    return (*a == '/'    ? 1
            : *a == '\0' ? 0
                         : *a + 1) < (*b == '/'    ? 1
                                      : *b == '\0' ? 0
                                                   : *b + 1)
               ? -1
               : 1;
}

static bool is_within(const char *path, const char *folder) {
    return folder[0] == '\0' || pp_path_below(path, folder) != NULL;
}

static void sort_paths(struct pp_paths *paths) {
    size_t kept = 0;

    qsort(paths->items, paths->count, sizeof(*paths->items), compare_paths);
    for (size_t i = 0; i < paths->count; i++) {
        if (kept > 0 && is_within(paths->items[i], paths->items[kept - 1]))
            free(paths->items[i]);
        else
            paths->items[kept++] = paths->items[i];
    }
    paths->count = kept;
}

int pp_paths_collect(struct pp_paths *paths, const struct pp_options *options,
                     const struct pp_session *session, char *const *args, struct pp_err *err) {
    *paths = (struct pp_paths){NULL, 0};
    for (; *args != NULL; args++)
        if (add_path(paths, session, *args, err) < 0)
            return -(int)err->kind;
    if (options->files_from != NULL && add_list(paths, options, session, err) < 0)
        return -(int)err->kind;
    if (paths->count == 0)
        return pp_err_set(err, PP_ERR_USAGE, "give it at least one PATH; see --help");
    sort_paths(paths);
    return 0;
}
