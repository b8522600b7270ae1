#include "lint/lint.h"

#include "base/cleanup.h"
#include "deb/deb_build.h"
#include "lint/package.h"
#include "lint/surroundings.h"
#include "tree/walker.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int lint_file(const struct pp_lint *lint, const struct pp_walker_entry *entry,
                     struct pp_notes *notes, struct pp_err *err) {
    PP_AUTO_CLOSE int fd =
        openat(entry->dir, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct pp_blob blob;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return pp_err_sys(err, "cannot open");
    blob = pp_blob_file(fd, 0, (uint64_t)st.st_size);
    return lint_blob(lint, &blob, st.st_mode & 07777, notes, err);
}

/* A path of the walk without the folder that the walk began with. */
static const char *inside(const struct pp_walker_entry *entry) {
    const char *rest = pp_path_below(entry->path, entry->tag);

    if (((const char *)entry->tag)[0] == '\0')
        return entry->path;
    return rest != NULL && rest[0] == '/' ? rest + 1 : entry->name;
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
                           : lint_file(walk->lint, entry, &looked->notes, &problem);
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
    walk->lint->reporter->progress(walk->lint->reporter->context, atomic_load(&walk->files));
    return 0;
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

int pp_lint_path(struct pp_lint *lint, const char *path, struct pp_err *err) {
    struct walk walk = {.lint = lint, .files = lint->tally.files};
    PP_AUTO_FREE char *control = pp_deb_control_folder(path);
    const char *const skip[] = {control, NULL};
    struct pp_walker_options options = {.jobs = lint->session->options.jobs,
                                        .skip = skip,
                                        .visit = visit,
                                        .deliver = deliver,
                                        .problem = on_problem,
                                        .context = &walk};
    struct pp_walker *walker;
    struct pp_err failure = PP_ERR_INIT;
    int rc;

    if (control == NULL)
        return pp_err_nomem(err);
    walker = pp_walker_new(lint->session->root, &options, err);
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
