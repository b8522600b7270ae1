/* seccomp: system calls that the kernel refuses to a process, with EPERM. */
#ifndef PP_BASE_SYSCALL_FILTER_H
#define PP_BASE_SYSCALL_FILTER_H

#include <stdbool.h>

enum pp_filter {
    PP_FILTER_NEVER = 1 << 0,         /* what no run needs */
    PP_FILTER_PROGRAMS = 1 << 1,      /* running them, and signals to other processes */
    PP_FILTER_SOCKETS = 1 << 2,       /* all of them */
    PP_FILTER_OTHER_SOCKETS = 1 << 3, /* those that are not AF_UNIX; on i386 none */
    PP_FILTER_WRITING = 1 << 4,       /* every change of a file, but by what is open already */
    PP_FILTER_TRUNCATION = 1 << 5,    /* by name, or by opening for anything but writing */
};

/* `filters`: bits of enum pp_filter. For this thread and those that it starts. Needs no_new_privs.
 * Returns false where the kernel does not do it, or this processor's numbers are not known. */
bool pp_syscall_filter(unsigned filters);

#endif
