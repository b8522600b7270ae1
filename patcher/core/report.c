#include "core/report.h"

void pp_tally_add(struct pp_tally *tally, const struct pp_tally *more) {
    tally->files += more->files;
    tally->patched += more->patched;
    tally->hits += more->hits;
    tally->left += more->left;
    tally->again += more->again;
    tally->skipped += more->skipped;
    tally->restored += more->restored;
    tally->closed += more->closed;
}

void pp_tally_leave(struct pp_tally *tally, const struct pp_err *err) {
    tally->left++;
    if (err != NULL && pp_err_is_transient(err))
        tally->again++;
}

void pp_report_tell(const struct pp_report *report, const struct pp_reporter *reporter,
                    struct pp_tally *tally) {
    const struct pp_findings *findings = report->findings;
    size_t count = findings != NULL ? pp_findings_count(findings) : 0;

    if (report->outcome == PP_OUTCOME_LEFT || report->outcome == PP_OUTCOME_UNREADABLE ||
        (findings != NULL && findings->problem_count > 0))
        pp_tally_leave(tally, report->err);
    if (count > 0 &&
        (report->outcome == PP_OUTCOME_PATCHED || report->outcome == PP_OUTCOME_FOUND)) {
        tally->patched++;
        tally->hits += count;
    }
    if (findings != NULL && count < findings->count && findings->problem_count == 0 &&
        !findings->closed)
        tally->skipped++;
    reporter->report(reporter->context, report);
}
