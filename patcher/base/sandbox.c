#include "base/sandbox.h"

#include "base/landlock.h"
#include "base/syscall_filter.h"

#include <sys/prctl.h>

unsigned pp_sandbox_enter(const struct pp_sandbox *sandbox) {
    unsigned missing = 0;
    unsigned filters;
    bool filtered;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return PP_SANDBOX_NO_LANDLOCK | PP_SANDBOX_NO_FILTER;
    filters = (sandbox->programs ? 0 : PP_FILTER_PROGRAMS) |
              (sandbox->sockets ? PP_FILTER_OTHER_SOCKETS : PP_FILTER_SOCKETS) |
              (sandbox->folder_count == 0 ? PP_FILTER_WRITING : 0) | PP_FILTER_NEVER |
              PP_FILTER_TRUNCATION;
    filtered = pp_syscall_filter(filters);
    if (!filtered)
        missing |= PP_SANDBOX_NO_FILTER;
    /* What the filter refuses, Landlock need not look for. */
    if (!pp_landlock_restrict(sandbox->folders, sandbox->folder_count, sandbox->programs,
                              !filtered))
        missing |= PP_SANDBOX_NO_LANDLOCK;
    return missing;
}

void pp_sandbox_end_programs(void) {
    /* Filters add up. */
    pp_syscall_filter(PP_FILTER_PROGRAMS);
}

const char *pp_sandbox_note(unsigned missing) {
    switch (missing) {
    case 0:
        return "";
    case PP_SANDBOX_NO_LANDLOCK:
        return "sandbox: no Landlock here: that nothing is written outside is up to the program";
    case PP_SANDBOX_NO_FILTER:
        return "sandbox: no seccomp filters here: only where it writes is confined";
    default:
        return "sandbox: neither Landlock nor seccomp filters here: nothing is confined";
    }
}
