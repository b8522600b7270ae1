/* Takes from the process what a run has no need of, before it parses what strangers packed.
 *
 * Two mechanisms of Linux, each of which holds alone: landlock.h decides where files are written,
 * syscall_filter.h what is asked of the kernel at all. no_new_privs comes with them. A kernel that
 * has neither runs the program as it always did: the checks in the program do not rely on them.
 *
 * What has to happen outside is settled before, and done by the broker (broker.h).
 */
#ifndef PP_BASE_SANDBOX_H
#define PP_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

struct pp_sandbox {
    /* Borrowed fds of the folders below which files are written, made and removed. Without any, no
     * file is changed in any way: names, content, modes, owners, times. */
    const int *folders;
    size_t folder_count;
    bool programs; /* can be run; they are in the same sandbox */
    bool sockets;  /* AF_UNIX ones can be made; no others, ever */
};

enum pp_sandbox_missing {
    PP_SANDBOX_NO_LANDLOCK = 1 << 0,
    PP_SANDBOX_NO_FILTER = 1 << 1,
};

/* Before threads are started: they inherit it. There is no way back. Returns what the kernel does
 * not offer: bits of enum pp_sandbox_missing, or 0. */
unsigned pp_sandbox_enter(const struct pp_sandbox *sandbox);

/* Once the last program has run that a sandbox with `programs` was for. */
void pp_sandbox_end_programs(void);

/* What is missing, in words; "" for 0. */
const char *pp_sandbox_note(unsigned missing);

#endif
