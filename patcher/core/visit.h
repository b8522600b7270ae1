/* A look at one file or symlink: what is in it, and what it was when it was looked at. */
#ifndef PP_CORE_VISIT_H
#define PP_CORE_VISIT_H

#include "base/error.h"
#include "base/identity.h"
#include "content/content.h"
#include "content/findings.h"
#include "core/report.h"
#include "tree/walker.h"

#include <stdbool.h>
#include <stdint.h>

struct pp_visited {
    char *path;      /* relative to the root */
    const void *tag; /* of the walker's entry */
    bool is_symlink;
    uint32_t mode;
    uint32_t link_count;
    struct pp_identity identity;
    struct pp_findings findings;
    char *target;            /* of a symlink with a hit, as patched */
    enum pp_outcome outcome; /* FOUND; UNREADABLE or LEFT, and `err` says why */
    struct pp_err err;
};

/* What one thread visits with: room for a file that is read in one go. */
#define PP_VISIT_BUFFER_LEN ((size_t)256 << 10)

/* `buffer` has PP_VISIT_BUFFER_LEN bytes. `visited` stays NULL when there is nothing to tell: no
 * hit, no problem. What goes wrong with the file is in there; the only error is out of memory.
 * Returns 1 for what the policy keeps closed. Called by many threads. */
int pp_visit(const struct pp_policy *policy, const struct pp_walker_entry *entry, uint8_t *buffer,
             struct pp_visited **visited, struct pp_err *err);
/* Dry run: tries whether the content can be written again. What goes wrong is in `visited`; the
 * only error is out of memory. Called by many threads. */
int pp_visit_rehearse(const struct pp_policy *policy, const struct pp_walker_entry *entry,
                      struct pp_visited *visited, struct pp_err *err);
void pp_visited_free(struct pp_visited *visited);

#endif
