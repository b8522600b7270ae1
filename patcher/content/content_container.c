#include "content/content_walk.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>

struct visit {
    struct pp_visitor visitor;
    struct pp_walk_run *run;
    const struct pp_walk_place *place;
    struct pp_walk_zip zip; /* where it is one */
    bool is_zip;            /* compressed inside: its own size may change */
    bool text_in_place;     /* no sums over its texts: they can be written in the file itself */
};

/* What is said of a container holds for all in it. */
static void leave_sealed(struct pp_walk_place *inside, const struct pp_walk_place *place,
                         const struct pp_member *member) {
    if (inside->left != NULL || member->sealed == NULL)
        return;
    inside->left = member->sealed;
    inside->left_path = place->path;
    inside->left_kind = member->is_signed ? PP_LEFT_SIGNED : PP_LEFT_FORMAT;
}

/* The place of a member. Its path is the caller's to free. */
static int member_place(const struct visit *visit, const struct pp_member *member, char **path,
                        struct pp_walk_place *inside, struct pp_err *err) {
    const struct pp_walk_place *place = visit->place;

    if (asprintf(path, "%s%s%s", place->path, place->path[0] != '\0' ? "!" : "", member->name) <
        0) {
        *path = NULL;
        return pp_err_nomem(err);
    }
    *inside = (struct pp_walk_place){
        .path = *path,
        .depth = place->depth + 1,
        .layer = place->layer + 1,
        .coded_layer = visit->is_zip ? place->layer : place->coded_layer,
        .mode = member->mode,
        .itself = member->kind == PP_MEMBER_FILE,
        .unhashed = place->unhashed,
        .len_fixed = place->len_fixed || member->len_fixed,
        .left = place->left,
        .left_path = place->left_path,
        .left_kind = place->left_kind,
    };
    leave_sealed(inside, place, member);
    if (inside->left == NULL) {
        inside->left = member->unsupported;
        inside->left_path = *path;
    }
    return 0;
}

static int visit_plan(struct pp_visitor *visitor, const struct pp_member *member,
                      const uint8_t *head, size_t head_len, struct pp_err *err) {
    struct visit *visit = (struct visit *)visitor;
    struct pp_walk_place inside;
    PP_AUTO_FREE char *path = NULL;
    int rc = member_place(visit, member, &path, &inside, err);
    int layer;

    (void)head;
    (void)head_len;
    if (rc < 0)
        return rc;
    if (visit->is_zip && pp_wheel_is_record(member->name))
        return PP_PLAN_LAST;
    layer = pp_findings_coded_layer(visit->run->findings, path);
    if (layer == -2)
        return PP_PLAN_COPY;
    return layer > visit->place->layer ? PP_PLAN_RESIZE : PP_PLAN_PATCH;
}

static int walk_member(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                       struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    (void)arg;
    return pp_walk_content(run, place, in, out, err);
}

/* A member that cannot even be read. */
static int note_unreadable(struct visit *visit, const struct pp_walk_place *place,
                           const struct pp_member *member, struct pp_err *err) {
    if (member->unsupported == NULL || member->len == 0)
        return 0;
    return pp_walk_note_left(visit->run, place->path, member->unsupported, err);
}

static int visit_content(struct pp_visitor *visitor, struct pp_member *member, struct pp_source *in,
                         struct pp_sink *out, struct pp_err *err) {
    struct visit *visit = (struct visit *)visitor;
    struct pp_walk_place inside;
    PP_AUTO_FREE char *path = NULL;
    int rc = member_place(visit, member, &path, &inside, err);

    if (rc < 0)
        return rc;
    if (member->kind == PP_MEMBER_OTHER)
        return note_unreadable(visit, &inside, member, err);
    if (visit->is_zip)
        return pp_walk_zip_member(visit->run, &visit->zip, &inside, member, in, out, err);
    return pp_walk_part(visit->run, &inside, walk_member, NULL, in, out, err);
}

static int visit_text(struct pp_visitor *visitor, const struct pp_member *member, uint64_t offset,
                      uint8_t *data, size_t len, struct pp_err *err) {
    struct visit *visit = (struct visit *)visitor;
    struct pp_walk_place place = *visit->place;
    const char *left;

    leave_sealed(&place, visit->place, member);
    left = place.left;
    if (left == NULL && member->is_key) {
        /* As in an executable: said, and no problem. */
        left = "a message id";
        place.left_kind = PP_LEFT_MESSAGE_ID;
        place.unhashed = true;
    }
    return pp_walk_text(visit->run, &place, left, visit->text_in_place, offset, data, len, err);
}

/* ---- parts of a zip, by several threads ---- */

/* In a zip with fewer parts, threads gain nothing. */
#define PARTS_MIN 4

struct part {
    struct visit visit;
    struct pp_walk_run run;
    struct pp_findings findings;
    int rc;
    struct pp_err err;
};

struct parts {
    struct part *items;
    pp_part_fn *walk;
    void *arg;
};

static void walk_part(void *arg, size_t i) {
    struct parts *parts = arg;
    struct part *part = &parts->items[i];

    part->rc = parts->walk(parts->arg, i, &part->visit.visitor, &part->err);
}

/* Parts that wait for memory hold none of it, and nobody who holds some waits for them. */
static bool can_share(const struct pp_walk_run *run) {
    return run->policy->helpers != NULL && !run->holding && !run->in_part &&
           !pp_budget_is_claimed(run->policy->budget);
}

/* What was found before an error stays, as when one thread walks all. */
static int take_part(struct visit *visit, const struct part *part, struct pp_err *err) {
    int rc = pp_findings_append(visit->run->findings, &part->findings, err);

    visit->zip.digest.low64 += part->visit.zip.digest.low64;
    visit->zip.digest.high64 += part->visit.zip.digest.high64;
    if (rc >= 0 && part->rc < 0) {
        *err = part->err;
        rc = part->rc;
    }
    return rc;
}

static int share_parts(struct visit *visit, size_t count, pp_part_fn *walk, void *arg,
                       struct pp_err *err) {
    PP_AUTO_FREE struct part *items = calloc(count, sizeof(*items));
    struct parts parts = {.items = items, .walk = walk, .arg = arg};
    int rc = 0;

    if (items == NULL)
        return pp_err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        items[i].visit = *visit;
        items[i].visit.run = &items[i].run;
        items[i].run = *visit->run;
        items[i].run.findings = &items[i].findings;
        items[i].run.in_part = true;
    }
    pp_helpers_each(visit->run->policy->helpers, count, walk_part, &parts);
    for (size_t i = 0; i < count; i++) {
        if (rc >= 0)
            rc = take_part(visit, &items[i], err);
        pp_findings_done(&items[i].findings);
    }
    return rc;
}

static int visit_parts(struct pp_visitor *visitor, size_t count, pp_part_fn *walk, void *arg,
                       struct pp_err *err) {
    struct visit *visit = (struct visit *)visitor;
    struct pp_walk_run *run = visit->run;
    struct pp_findings_mark mark = pp_findings_mark(run->findings);
    uint64_t decoded = atomic_load(run->decoded);
    struct pp_err failure = PP_ERR_INIT;
    int rc = 0;

    if (count >= PARTS_MIN && can_share(run)) {
        rc = share_parts(visit, count, walk, arg, &failure);
        if (atomic_load(run->decoded) <= PP_DECODED_LEN_MAX) {
            if (rc < 0)
                *err = failure;
            return rc;
        }
        /* Which members are over the limit must not depend on who was first. */
        pp_findings_rewind(run->findings, &mark);
        visit->zip = (struct pp_walk_zip){.change_count = 0};
        atomic_store(run->decoded, decoded);
        rc = 0;
    }
    for (size_t i = 0; rc >= 0 && i < count; i++)
        rc = walk(arg, i, visitor, err);
    return rc;
}

int pp_walk_container(struct pp_walk_run *run, const struct pp_walk_place *place, void *arg,
                      struct pp_source *in, struct pp_sink *out, struct pp_err *err) {
    const struct pp_container *container = arg;
    struct visit visit = {
        .visitor = {.plan = visit_plan,
                    .content = visit_content,
                    .text = visit_text,
                    .parts = visit_parts},
        .run = run,
        .place = place,
        .is_zip = container == &pp_container_zip,
        .text_in_place = container == &pp_container_mo && place->layer == 0,
    };
    int rc = container->walk(in, out, &visit.visitor, err);

    if (rc >= 0 && visit.is_zip && !run->writing)
        pp_walk_fold(run->findings, visit.zip.digest);
    pp_walk_zip_done(&visit.zip);
    return rc < 0 ? pp_err_context(err, "%s", container->name) : 0;
}
