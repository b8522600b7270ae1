/* What core tells whoever runs it: a report a file, in the order of paths, and progress. */
#ifndef PP_CORE_REPORT_H
#define PP_CORE_REPORT_H

#include "base/error.h"
#include "content/findings.h"

#include <stdint.h>

enum pp_outcome {
    PP_OUTCOME_FOUND,    /* only looked at */
    PP_OUTCOME_PATCHED,  /* or, in a dry run, would be */
    PP_OUTCOME_RESTORED, /* to the shipped bytes, or would be */
    PP_OUTCOME_LEFT,     /* it has something to patch and is as it was; `err` says why */
    PP_OUTCOME_UNREADABLE,
};

struct pp_report {
    const char *path; /* relative to the root */
    enum pp_outcome outcome;
    const struct pp_findings *findings; /* NULL where there are none */
    const struct pp_err *err;           /* LEFT and UNREADABLE */
};

/* All is called in the thread that runs the command. */
struct pp_reporter {
    void (*report)(void *context, const struct pp_report *report);
    /* Files looked at so far, and in all; 0: not known. May be NULL. */
    void (*progress)(void *context, uint64_t files, uint64_t total);
    void (*waiting)(void *context, long pid);      /* another run has the lock; may be NULL */
    void (*note)(void *context, const char *text); /* something to know of; may be NULL */
    void *context;
};

struct pp_tally {
    uint64_t files;   /* looked at */
    uint64_t patched; /* files and symlinks with a hit that was, or would be, patched */
    uint64_t hits;    /* in those */
    uint64_t left;    /* could not be patched, or restored */
    uint64_t again;   /* of those: may be, when it is tried again */
    uint64_t skipped; /* executables with a hit; of a restore, conffiles */
    uint64_t restored;
    uint64_t closed; /* not opened, as the policy has it */
};

void pp_tally_add(struct pp_tally *tally, const struct pp_tally *more);

/* Counts a file that was left. `err` may be NULL. */
void pp_tally_leave(struct pp_tally *tally, const struct pp_err *err);

/* Reports a file, and adds it to the tally (but for `files`). */
void pp_report_tell(const struct pp_report *report, const struct pp_reporter *reporter,
                    struct pp_tally *tally);

#endif
