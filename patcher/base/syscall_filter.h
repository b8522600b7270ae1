/* seccomp: system calls that the kernel refuses to a process, with EPERM. */
#ifndef PP_BASE_SYSCALL_FILTER_H
#define PP_BASE_SYSCALL_FILTER_H

#include "base/sandbox.h"

/* For this thread and those that it starts. Needs no_new_privs. Returns false where the kernel does
 * not do it, or this processor's numbers are not known. */
bool pp_syscall_filter(const struct pp_sandbox *sandbox);

#endif
