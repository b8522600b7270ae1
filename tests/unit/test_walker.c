#include "tree/walker.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch root;

static void make_folder(const char *name) {
    if (mkdirat(root.fd, name, 0755) < 0)
        abort();
}

static int setup(void **state) {
    char name[64];

    (void)state;
    scratch_init(&root);
    make_folder("a");
    make_folder("a/deep");
    make_folder("a/deep/er");
    make_folder("b");
    make_folder("many");
    scratch_text(&root, "a/deep/er/file", "");
    scratch_text(&root, "a/z", "");
    scratch_text(&root, "a.txt", "");
    scratch_text(&root, "b/file", "");
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "many/%03d", i);
        scratch_text(&root, name, "");
    }
    if (symlinkat("a", root.fd, "link") < 0 || symlinkat("/nowhere", root.fd, "b/dangling") < 0 ||
        mkfifoat(root.fd, "b/pipe", 0600) < 0)
        abort();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_done(&root);
    return 0;
}

/* A walk writes down what it is told, a line each. */
struct walk {
    struct pp_buffer lines;
    const char *silent;  /* an entry of this name has nothing to tell */
    const char *failing; /* one of this name cannot be visited */
    const char *refused; /* one of this name cannot be delivered */
};

static int visit(void *context, unsigned worker, const struct pp_walker_entry *entry,
                 void **visited, struct pp_err *err) {
    const struct walk *walk = context;
    struct stat st;
    char *line;

    (void)worker;
    if (walk->failing != NULL && strcmp(entry->name, walk->failing) == 0)
        return pp_err_set(err, PP_ERR_LIMIT, "visit %s", entry->path);
    if (walk->silent != NULL && strcmp(entry->name, walk->silent) == 0)
        return 0;
    if (fstatat(entry->dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return pp_err_sys(err, "%s", entry->path);
    /* Files that come first take longest. */
    if (strstr(entry->path, "0") != NULL)
        usleep(50);
    if (asprintf(&line, "%s%s%s", entry->path, S_ISLNK(st.st_mode) ? "@" : "",
                 entry->tag != NULL ? (const char *)entry->tag : "") < 0)
        return pp_err_nomem(err);
    if (S_ISLNK(st.st_mode) != entry->is_symlink)
        return pp_err_set(err, PP_ERR_USAGE, "%s: wrong kind", entry->path);
    *visited = line;
    return 0;
}

static int deliver(void *context, void *visited, struct pp_err *err) {
    struct walk *walk = context;
    PP_AUTO_FREE char *line = visited;

    if (walk->refused != NULL && strcmp(line, walk->refused) == 0)
        return pp_err_set(err, PP_ERR_LIMIT, "deliver %s", line);
    return pp_buffer_printf(&walk->lines, err, "%s\n", line);
}

static int problem(void *context, const char *path, const struct pp_err *what, struct pp_err *err) {
    struct walk *walk = context;

    return pp_buffer_printf(&walk->lines, err, "%s! %s\n", path,
                            what->kind == PP_ERR_REFUSED ? "refused"
                            : what->sys == ENOENT        ? "gone"
                                                         : what->text);
}

static struct pp_walker *walker_new(struct walk *walk, unsigned jobs, const char *const *skip) {
    struct pp_err err = PP_ERR_INIT;
    struct pp_walker *walker = pp_walker_new(root.fd,
                                             &(struct pp_walker_options){.jobs = jobs,
                                                                         .skip = skip,
                                                                         .visit = visit,
                                                                         .deliver = deliver,
                                                                         .problem = problem,
                                                                         .context = walk},
                                             &err);

    assert_non_null(walker);
    return walker;
}

/* Walks `paths` with 1 to 8 jobs; `want` are the lines. */
static void check_walk(const char *const *paths, enum pp_walker_mode mode, const char *const *skip,
                       const char *want) {
    for (unsigned jobs = 1; jobs <= 8; jobs++) {
        struct walk walk = {.lines = PP_BUFFER_INIT};
        struct pp_walker *walker = walker_new(&walk, jobs, skip);
        struct pp_err err = PP_ERR_INIT;

        for (const char *const *path = paths; *path != NULL; path++)
            assert_int_equal(pp_walker_add(walker, *path, mode, NULL, &err), 0);
        assert_int_equal(pp_walker_finish(walker, &err), 0);
        assert_string_equal(walk.lines.len > 0 ? (const char *)walk.lines.data : "", want);
        pp_buffer_done(&walk.lines);
    }
}

static const char *many(void) {
    static char lines[300 * 9 + 1];
    size_t len = 0;

    for (int i = 0; i < 300; i++)
        len += (size_t)snprintf(lines + len, sizeof(lines) - len, "many/%03d\n", i);
    return lines;
}

#define PATHS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_whole_tree(void **state) {
    char want[4000];

    (void)state;
    snprintf(want, sizeof(want), "a/deep/er/file\na/z\na.txt\nb/dangling@\nb/file\nlink@\n%s",
             many());
    check_walk(PATHS(""), PP_WALKER_TREE, NULL, want);
}

static void test_parts(void **state) {
    (void)state;
    check_walk(PATHS("b", "a.txt", "a/deep"), PP_WALKER_TREE, NULL,
               "b/dangling@\nb/file\na.txt\na/deep/er/file\n");
    check_walk(PATHS("b/pipe"), PP_WALKER_TREE, NULL, "");
}

static void test_symlinks_are_not_followed(void **state) {
    (void)state;
    check_walk(PATHS("link"), PP_WALKER_TREE, NULL, "link@\n");
    check_walk(PATHS("link/z"), PP_WALKER_TREE, NULL, "link/z! refused\n");
    check_walk(PATHS("a/../b"), PP_WALKER_TREE, NULL, "a/../b! refused\n");
}

static void test_problems_come_in_their_place(void **state) {
    char want[4000];

    (void)state;
    snprintf(want, sizeof(want), "%snone! gone\nb/file\nb/none! gone\na.txt\n", many());
    check_walk(PATHS("many", "none", "b/file", "b/none", "a.txt"), PP_WALKER_TREE, NULL, want);
}

static void test_folders_that_are_skipped(void **state) {
    (void)state;
    check_walk(PATHS("a", "b"), PP_WALKER_TREE, PATHS("a/deep"), "a/z\nb/dangling@\nb/file\n");
    check_walk(PATHS("a"), PP_WALKER_TREE, PATHS("a/dee", "a/deeper", "deep"),
               "a/deep/er/file\na/z\n");
    /* Nor by a path that leads into them. */
    check_walk(PATHS("a/deep/er/file", "a/deep/er", "a/z"), PP_WALKER_TREE, PATHS("a/deep"),
               "a/z\n");
    check_walk(PATHS("a/deep/er/file", "link/deep/er/file", "a/z"), PP_WALKER_LIST, PATHS("a/deep"),
               "a/z\n");
}

static void test_lists(void **state) {
    (void)state;
    /* Folders and what is not there are passed over, symlinks on the way are resolved. */
    check_walk(PATHS("a", "a/z", "a/none", "none/x", "a.txt/x", "link", "link/deep/er/file",
                     "b/dangling", "b/pipe", "many/007"),
               PP_WALKER_LIST, NULL, "a/z\nlink@\na/deep/er/file\nb/dangling@\nmany/007\n");
}

static void test_lists_stay_in_the_root(void **state) {
    (void)state;
    assert_int_equal(symlinkat("../../../../../../../etc", root.fd, "up"), 0);
    assert_int_equal(symlinkat("/b", root.fd, "absolute"), 0);
    assert_int_equal(symlinkat("loop", root.fd, "loop"), 0);
    check_walk(PATHS("up/passwd", "absolute/file", "loop/x"), PP_WALKER_LIST, NULL,
               "b/file\nloop/x! refused\n");
}

static void check_tags(unsigned jobs) {
    struct walk walk = {.lines = PP_BUFFER_INIT};
    struct pp_walker *walker = walker_new(&walk, jobs, NULL);
    struct pp_err err = PP_ERR_INIT;

    assert_int_equal(pp_walker_add(walker, "b/file", PP_WALKER_LIST, " one", &err), 0);
    assert_int_equal(pp_walker_add(walker, "b/dangling", PP_WALKER_LIST, " two", &err), 0);
    assert_int_equal(pp_walker_add(walker, "a", PP_WALKER_TREE, " three", &err), 0);
    assert_int_equal(pp_walker_finish(walker, &err), 0);
    assert_string_equal((const char *)walk.lines.data,
                        "b/file one\nb/dangling@ two\na/deep/er/file three\na/z three\n");
    pp_buffer_done(&walk.lines);
}

/* With one job what came before is done, and its folder let go, when the next entry is added. */
static void test_tags(void **state) {
    (void)state;
    check_tags(1);
    check_tags(4);
}

static void test_nothing_to_tell(void **state) {
    struct walk walk = {.lines = PP_BUFFER_INIT, .silent = "file"};
    struct pp_walker *walker = walker_new(&walk, 2, NULL);
    struct pp_err err = PP_ERR_INIT;

    (void)state;
    assert_int_equal(pp_walker_add(walker, "a", PP_WALKER_TREE, NULL, &err), 0);
    assert_int_equal(pp_walker_finish(walker, &err), 0);
    assert_string_equal((const char *)walk.lines.data, "a/z\n");
    pp_buffer_done(&walk.lines);
}

/* The first error in the order of paths ends the walk, and nothing that was visited is lost. */
static void check_failing(const char *failing, const char *refused, const char *want) {
    for (unsigned jobs = 1; jobs <= 8; jobs++) {
        struct walk walk = {.lines = PP_BUFFER_INIT, .failing = failing, .refused = refused};
        struct pp_walker *walker = walker_new(&walk, jobs, NULL);
        struct pp_err err = PP_ERR_INIT;
        struct pp_err added = PP_ERR_INIT;

        if (pp_walker_add(walker, "", PP_WALKER_TREE, NULL, &added) < 0)
            assert_string_equal(added.text, want);
        assert_int_equal(pp_walker_finish(walker, &err), -PP_ERR_LIMIT);
        assert_string_equal(err.text, want);
        assert_non_null(strstr((const char *)walk.lines.data, "a/deep/er/file\na/z\na.txt\n"));
        pp_buffer_done(&walk.lines);
    }
}

static void test_errors(void **state) {
    (void)state;
    check_failing("100", NULL, "visit many/100");
    check_failing(NULL, "b/file", "deliver b/file");
    check_failing("100", "many/200", "visit many/100");
}

static void test_a_folder_that_cannot_be_read(void **state) {
    uid_t user = geteuid();

    (void)state;
    assert_int_equal(fchmodat(root.fd, "b", 0, 0), 0);
    assert_int_equal(fchmod(root.fd, 0755), 0);
    /* Root may read everything. */
    if (user == 0)
        assert_int_equal(seteuid(65534), 0);
    check_walk(PATHS("a", "b", "a.txt"), PP_WALKER_TREE, NULL,
               "a/deep/er/file\na/z\nb! cannot open the folder: Permission denied\na.txt\n");
    if (user == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(fchmodat(root.fd, "b", 0755, 0), 0);
}

static void test_odd_names(void **state) {
    char name[256];
    char want[400];

    (void)state;
    memset(name, 'n', 255);
    name[255] = '\0';
    make_folder("odd");
    snprintf(want, sizeof(want), "odd/\nnew\nodd/%s\nodd/\xff\xfe\n", name);
    for (const char *const *odd = PATHS("\nnew", "\xff\xfe", name); *odd != NULL; odd++) {
        char path[300];

        snprintf(path, sizeof(path), "odd/%s", *odd);
        scratch_text(&root, path, "");
    }
    check_walk(PATHS("odd"), PP_WALKER_TREE, NULL, want);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_whole_tree),
        TEST(test_parts),
        TEST(test_symlinks_are_not_followed),
        TEST(test_problems_come_in_their_place),
        TEST(test_folders_that_are_skipped),
        TEST(test_lists),
        TEST(test_lists_stay_in_the_root),
        TEST(test_tags),
        TEST(test_nothing_to_tell),
        TEST(test_errors),
        TEST(test_a_folder_that_cannot_be_read),
        TEST(test_odd_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
