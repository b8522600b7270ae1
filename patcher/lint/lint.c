#include "lint/lint.h"

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "deb/deb_build.h"
#include "lint/control.h"
#include "lint/package.h"
#include "lint/surroundings.h"
#include "tree/walker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of control files. */
#define CONTROL_LEN_MAX ((size_t)16 << 20)

int pp_lint_init(struct pp_lint *lint, struct pp_session *session,
                 struct pp_suppressions *suppressions, const struct pp_lint_reporter *reporter,
                 struct pp_err *err) {
    *lint = (struct pp_lint){.session = session,
                             .suppressions = suppressions,
                             .reporter = reporter,
                             .matcher = pp_surroundings_matcher(&session->table, err),
                             .policy = session->policy};
    if (lint->matcher == NULL)
        return -(int)err->kind;
    lint->policy.matcher = lint->matcher;
    lint->policy.judge = pp_surroundings_judge;
    lint->policy.judge_context = &session->table;
    return 0;
}

void pp_lint_done(struct pp_lint *lint) {
    pp_matcher_free(lint->matcher);
    lint->matcher = NULL;
}

/* ---- one file ---- */

static int lint_content(const struct pp_lint *lint, const struct pp_blob *blob, uint32_t mode,
                        struct pp_notes *notes, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    int rc = pp_content_scan(&lint->policy, blob, mode, &findings, err);

    return rc < 0 ? rc : pp_notes_add_findings(notes, 0, "", &findings, err);
}

/* A file, or a package, which has more to it. */
static int lint_blob(const struct pp_lint *lint, const struct pp_blob *blob, uint32_t mode,
                     struct pp_notes *notes, struct pp_err *err) {
    uint8_t head[PP_KIND_HEAD_LEN];
    ssize_t len = pp_blob_read(blob, 0, head, sizeof(head), err);
    struct pp_err problem = PP_ERR_INIT;
    int rc;

    if (len < 0)
        return (int)len;
    if (!lint->policy.decode || !pp_kind_of(head, (size_t)len).is_deb)
        return lint_content(lint, blob, mode, notes, err);
    rc = pp_package_lint(lint->session, &lint->policy, blob, notes, &problem);
    if (rc < 0 && pp_err_of_content(&problem))
        return pp_notes_add(notes, PP_RULE_UNREAD, "", problem.text, err);
    if (rc < 0)
        *err = problem;
    return rc;
}

/* A path of the walk without the folder that the walk began with. */
static const char *inside(const struct pp_walker_entry *entry) {
    const char *rest = pp_path_below(entry->path, entry->tag);

    if (((const char *)entry->tag)[0] == '\0')
        return entry->path;
    return rest != NULL && rest[0] == '/' ? rest + 1 : entry->name;
}

/* `control`: what the control files of the tree say. */
static int lint_file(const struct pp_lint *lint, const struct pp_control *control,
                     const struct pp_walker_entry *entry, struct pp_notes *notes,
                     struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(entry->dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_blob blob;
    struct stat st;
    int rc;

    if (fd < 0 || fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot open");
    blob = pp_blob_file(fd, 0, (uint64_t)st.st_size);
    rc = lint_blob(lint, &blob, st.st_mode & 07777, notes, err);
    if (rc < 0 || notes->placeholders == 0 || !pp_control_is_conffile(control, inside(entry)))
        return rc;
    return pp_notes_add(notes, PP_RULE_CONFFILE, "", "", err);
}

static int lint_symlink(const struct pp_lint *lint, const struct pp_walker_entry *entry,
                        struct pp_notes *notes, struct pp_err *err) {
    PP_AUTO_FINDINGS struct pp_findings findings = PP_FINDINGS_INIT;
    PP_AUTO_FREE char *patched = NULL;
    char target[PATH_MAX + 1];
    ssize_t len = readlinkat(entry->dir, entry->name, target, sizeof(target) - 1);
    int rc;

    if (len < 0)
        return pp_err_sys(err, "cannot read the symlink");
    target[len] = '\0';
    rc = pp_content_scan_text(&lint->policy, target, (size_t)len, &findings, &patched, err);
    if (rc >= 0)
        rc = pp_notes_add_findings(notes, 0, "", &findings, err);
    if (rc < 0 || !pp_symlink_leaves(&lint->session->table, inside(entry), target))
        return rc;
    return pp_notes_add(notes, PP_RULE_SYMLINK, "", target, err);
}

/* ---- reports ---- */

/* PATH, PATH!MEMBER of a file; of a package MEMBER alone. */
static bool is_suppressed(const struct pp_lint *lint, const char *path,
                          const struct pp_note *note) {
    const struct pp_rule *rule = pp_rule(note->rule);
    PP_AUTO_FREE char *place = NULL;

    if (asprintf(&place, "%s!%s", path, note->member) < 0) {
        place = NULL;
        return false;
    }
    return (note->member[0] != '\0' &&
            pp_suppressions_hold(lint->suppressions, rule, note->member)) ||
           pp_suppressions_hold(lint->suppressions, rule, note->member[0] != '\0' ? place : path);
}

/* `place` is what the suppressions call it. */
static void report(struct pp_lint *lint, const char *path, const char *place,
                   struct pp_notes *notes) {
    lint->tally.placeholders += notes->placeholders;
    lint->tally.closed += notes->closed;
    for (size_t i = 0; i < notes->count; i++) {
        struct pp_note *note = &notes->items[i];

        note->suppressed = is_suppressed(lint, place, note);
        if (note->suppressed)
            lint->tally.suppressed++;
        else
            lint->tally.notes[pp_rule(note->rule)->severity]++;
    }
    if (notes->count > 0)
        lint->reporter->report(lint->reporter->context,
                               &(struct pp_lint_report){.path = path, .notes = notes});
}

int pp_lint_blob(struct pp_lint *lint, const char *name, const struct pp_blob *blob,
                 struct pp_err *err) {
    PP_AUTO_NOTES struct pp_notes notes = PP_NOTES_INIT;
    int rc = lint_blob(lint, blob, 0, &notes, err);

    if (rc < 0)
        return pp_err_context(err, "%s", name);
    lint->tally.files++;
    report(lint, name, name, &notes);
    return 0;
}

/* ---- trees ---- */

struct walk {
    struct pp_lint *lint;
    const struct pp_control *control;
    atomic_uint_fast64_t files;
};

/* What a worker found in one file. */
struct looked {
    char *path;
    size_t place; /* where in the path its place in the tree begins */
    struct pp_notes notes;
};

static void looked_free(struct looked *looked) {
    pp_notes_done(&looked->notes);
    free(looked->path);
    free(looked);
}

static struct looked *looked_new(const char *path, size_t place, struct pp_err *err) {
    struct looked *looked = calloc(1, sizeof(*looked));

    if (looked != NULL)
        looked->path = strdup(path);
    if (looked == NULL || looked->path == NULL) {
        free(looked);
        pp_err_nomem(err);
        return NULL;
    }
    looked->place = place;
    return looked;
}

static int visit(void *context, unsigned worker, const struct pp_walker_entry *entry,
                 void **visited, struct pp_err *err) {
    struct walk *walk = context;
    struct looked *looked =
        looked_new(entry->path, strlen(entry->path) - strlen(inside(entry)), err);
    struct pp_err problem = PP_ERR_INIT;
    int rc;

    (void)worker;
    if (looked == NULL)
        return -(int)err->kind;
    atomic_fetch_add(&walk->files, 1);
    rc = entry->is_symlink ? lint_symlink(walk->lint, entry, &looked->notes, &problem)
                           : lint_file(walk->lint, walk->control, entry, &looked->notes, &problem);
    if (rc < 0 && problem.kind != PP_ERR_NOMEM)
        rc = pp_notes_add(&looked->notes, PP_RULE_UNREAD, "", problem.text, &problem);
    if (rc < 0) {
        looked_free(looked);
        *err = problem;
        return rc;
    }
    *visited = looked;
    return 0;
}

static int deliver(void *context, void *visited, struct pp_err *err) {
    struct walk *walk = context;
    struct looked *looked = visited;

    (void)err;
    report(walk->lint, looked->path, looked->path + looked->place, &looked->notes);
    looked_free(looked);
    return 0;
}

static void on_progress(void *context) {
    const struct walk *walk = context;
    const struct pp_lint_reporter *reporter = walk->lint->reporter;

    reporter->progress(reporter->context, atomic_load(&walk->files), 0);
}

static int on_problem(void *context, const char *path, const struct pp_err *problem,
                      struct pp_err *err) {
    struct looked *looked = looked_new(path, 0, err);

    if (looked == NULL)
        return -(int)err->kind;
    if (pp_notes_add(&looked->notes, PP_RULE_UNREAD, "", problem->text, err) < 0) {
        looked_free(looked);
        return -(int)err->kind;
    }
    return deliver(context, looked, err);
}

static int walk_tree(struct pp_lint *lint, const char *path, const char *control_folder,
                     const struct pp_control *control, struct pp_err *err) {
    struct walk walk = {.lint = lint, .control = control, .files = lint->tally.files};
    const char *const skip[] = {control_folder, NULL};
    struct pp_walker_options options = {.jobs = lint->session->options.jobs,
                                        .skip = skip,
                                        .visit = visit,
                                        .deliver = deliver,
                                        .problem = on_problem,
                                        .progress = on_progress,
                                        .context = &walk};
    struct pp_walker *walker = pp_walker_new(lint->session->root, &options, err);
    struct pp_err failure = PP_ERR_INIT;
    int rc;

    if (walker == NULL)
        return -(int)err->kind;
    rc = pp_walker_add(walker, path, PP_WALKER_TREE, path, err);
    if (pp_walker_finish(walker, &failure) < 0 && rc >= 0) {
        *err = failure;
        rc = -(int)err->kind;
    }
    lint->tally.files = atomic_load(&walk.files);
    return rc;
}

/* ---- control files of a build ---- */

static int read_control_file(int dir, const char *name, struct pp_buffer *text,
                             struct pp_err *err) {
    PP_AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return pp_err_sys(err, "cannot open");
    if (pp_io_read_all(fd, CONTROL_LEN_MAX, text, err) < 0)
        return -(int)err->kind;
    return pp_buffer_append(text, "", 0, err);
}

static int lint_control_file(struct pp_control *control, int dir, const char *name,
                             struct pp_notes *notes, struct pp_err *err) {
    PP_AUTO_BUFFER struct pp_buffer text = PP_BUFFER_INIT;
    PP_AUTO_FREE char *path = NULL;
    struct pp_err problem = PP_ERR_INIT;
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        return 0;
    if (read_control_file(dir, name, &text, &problem) >= 0)
        return pp_control_lint(control, name, &text, notes, err);
    if (problem.kind == PP_ERR_NOMEM || asprintf(&path, "DEBIAN/%s", name) < 0) {
        path = NULL;
        return pp_err_nomem(err);
    }
    return pp_notes_add(notes, PP_RULE_UNREAD, path, problem.text, err);
}

static int compare_names(const struct dirent **left, const struct dirent **right) {
    return strcmp((*left)->d_name, (*right)->d_name);
}

/* Does nothing where there is no such folder. */
static int lint_control_folder(const struct pp_lint *lint, const char *folder,
                               struct pp_control *control, struct pp_notes *notes,
                               struct pp_err *err) {
    struct pp_err problem = PP_ERR_INIT;
    PP_AUTO_CLOSE int dir = pp_beneath_open(lint->session->root, folder, PP_BENEATH_STRICT,
                                            O_RDONLY | O_DIRECTORY, &problem);
    struct dirent **names;
    int rc = 0;
    int count;

    if (dir < 0)
        return 0;
    count = scandirat(dir, ".", &names, NULL, compare_names);
    if (count < 0)
        return pp_err_sys(err, "cannot read the folder");
    for (int i = 0; i < count; i++) {
        if (rc >= 0)
            rc = lint_control_file(control, dir, names[i]->d_name, notes, err);
        free(names[i]);
    }
    free(names);
    return rc;
}

/* What is said of a control file goes under its own path. */
static int report_control(struct pp_lint *lint, const char *tree, struct pp_notes *notes,
                          struct pp_err *err) {
    for (size_t i = 0, next; i < notes->count; i = next) {
        struct pp_notes some = {.items = &notes->items[i]};
        PP_AUTO_FREE char *place = strdup(notes->items[i].member);
        PP_AUTO_FREE char *path = NULL;

        if (place == NULL ||
            asprintf(&path, "%s%s%s", tree, tree[0] != '\0' ? "/" : "", place) < 0) {
            path = NULL;
            return pp_err_nomem(err);
        }
        for (next = i; next < notes->count && strcmp(notes->items[next].member, place) == 0; next++)
            notes->items[next].member[0] = '\0';
        some.count = next - i;
        report(lint, path, place, &some);
    }
    return 0;
}

int pp_lint_path(struct pp_lint *lint, const char *path, struct pp_err *err) {
    PP_AUTO_FREE char *folder = pp_deb_control_folder(path);
    PP_AUTO_CONTROL struct pp_control control = PP_CONTROL_INIT(&lint->policy);
    PP_AUTO_NOTES struct pp_notes notes = PP_NOTES_INIT;
    uint64_t placeholders = lint->tally.placeholders;
    int rc;

    if (folder == NULL)
        return pp_err_nomem(err);
    rc = lint_control_folder(lint, folder, &control, &notes, err);
    if (rc < 0)
        return pp_err_context(err, "%s", folder);
    rc = walk_tree(lint, path, folder, &control, err);
    if (rc >= 0)
        rc = pp_control_opt_in(&control, lint->tally.placeholders - placeholders, &notes, err);
    return rc < 0 ? rc : report_control(lint, path, &notes, err);
}
