#include "base/syscall_filter.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Numbers of system calls are those of one architecture. All of these are little-endian. */
#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__) && !defined(__ILP32__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__) && defined(__ARM_EABI__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#endif

#ifndef ARCHITECTURE

bool pp_syscall_filter(unsigned filters) {
    (void)filters;
    return false;
}

#else

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define HAS_LEAK_SANITIZER 1
#else
#define HAS_LEAK_SANITIZER 0
#endif

/* What no run needs: other processes, the kernel itself, where things are mounted, devices. */
static const int never[] = {
#if !HAS_LEAK_SANITIZER
    SYS_ptrace, /* it looks for leaks by it */
#endif
    SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
    SYS_unshare, SYS_setns, SYS_open_by_handle_at, SYS_init_module, SYS_finit_module,
    SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl,
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
    SYS_mknodat,
#ifdef SYS_mknod
    SYS_mknod,
#endif
#ifdef SYS_ioperm
    SYS_ioperm, SYS_iopl,
#endif
    /* From here on their numbers are the same everywhere, but not every libc names them. */
    424, /* pidfd_send_signal */
    425, /* io_uring_setup */
    428, /* open_tree */
    429, /* move_mount */
    430, /* fsopen */
    432, /* fsmount */
    438, /* pidfd_getfd */
    442, /* mount_setattr */
};

/* What goes with running programs. */
static const int for_programs[] = {
    SYS_execve, SYS_execveat, SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
};

/* What changes a file by its name, or by an open file what is no content. Opening is looked into.
 */
static const int for_writing[] = {
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_utimensat,
    SYS_truncate,
    SYS_linkat,
    SYS_symlinkat,
    SYS_unlinkat,
    SYS_mkdirat,
    SYS_renameat2,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_chmod
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utimes,
    SYS_futimesat,
    SYS_link,
    SYS_symlink,
    SYS_unlink,
    SYS_mkdir,
    SYS_rmdir,
    SYS_rename,
    SYS_creat,
#endif
#ifdef SYS_utime
    SYS_utime,
#endif
#ifdef SYS_chown32
    SYS_chown32,
    SYS_lchown32,
    SYS_fchown32,
#endif
#ifdef SYS_truncate64
    SYS_truncate64,
#endif
#ifdef SYS_utimensat_time64
    SYS_utimensat_time64,
#endif
    452, /* fchmodat2 */
};

/* The flags of openat2 are in memory, out of a filter's sight. */
#define CALL_OPENAT2 437

#define CODE_MAX 512

struct program {
    struct sock_filter code[CODE_MAX];
    size_t count;
};

static void put(struct program *program, struct sock_filter instruction) {
    if (program->count < CODE_MAX)
        program->code[program->count] = instruction;
    program->count++;
}

static void load(struct program *program, size_t offset) {
    put(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void end_with(struct program *program, uint32_t action) {
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

#define REFUSE(number) (SECCOMP_RET_ERRNO | (uint32_t)(number))

/* The low half of an argument, which is all of the ones that are looked at. */
static size_t argument(unsigned index) {
    return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t);
}

static void refuse_call(struct program *program, int number, int error) {
    put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1));
    end_with(program, REFUSE(error));
}

static void refuse_calls(struct program *program, const int *numbers, size_t count) {
    for (size_t i = 0; i < count; i++)
        refuse_call(program, numbers[i], EPERM);
}

/* An argument of a call, or some bits of it. */
struct bits {
    int number; /* of the call */
    unsigned index;
    uint32_t mask;
};

/* Refuses a call by bits of an argument, where they are `value`, or, with `when` false, where they
 * are not. The number is loaded again behind it: what follows looks at it. */
static void refuse_bits(struct program *program, struct bits bits, uint32_t value, bool when) {
    put(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)bits.number, 0, 5));
    load(program, argument(bits.index));
    put(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits.mask));
    put(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, when ? 0 : 1, when ? 1 : 0));
    end_with(program, REFUSE(EPERM));
    load(program, offsetof(struct seccomp_data, nr));
}

static void refuse_argument(struct program *program, int number, unsigned index, uint32_t value,
                            bool when) {
    refuse_bits(program, (struct bits){number, index, UINT32_MAX}, value, when);
}

static void put_head(struct program *program) {
    load(program, offsetof(struct seccomp_data, arch));
    put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    end_with(program, REFUSE(EPERM));
    load(program, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    /* The same kernel entry has numbers of another kind, those of x32. */
    put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
    end_with(program, REFUSE(EPERM));
#endif
}

static void put_sockets(struct program *program) {
    refuse_call(program, SYS_socket, EPERM);
#ifdef SYS_socketcall
    /* i386 has an old call for all of it. The domain, in memory, cannot be seen. */
    refuse_argument(program, SYS_socketcall, 0, SYS_SOCKET, true);
#endif
}

static void put_writing(struct program *program) {
    uint32_t flags = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;

    refuse_calls(program, for_writing, PP_ARRAY_LEN(for_writing));
    refuse_call(program, CALL_OPENAT2, EPERM);
    refuse_bits(program, (struct bits){SYS_openat, 2, flags}, 0, false);
#ifdef SYS_open
    refuse_bits(program, (struct bits){SYS_open, 1, flags}, 0, false);
#endif
}

/* To open for writing is Landlock's business. The kernel truncates for the other two modes, too. */
static void refuse_truncating_open(struct program *program, int number, unsigned index) {
    struct bits flags = {number, index, O_TRUNC | O_ACCMODE};

    refuse_bits(program, flags, O_TRUNC | O_RDONLY, true);
    refuse_bits(program, flags, O_TRUNC | O_ACCMODE, true);
}

static void put_truncation(struct program *program) {
    refuse_call(program, SYS_truncate, EPERM);
#ifdef SYS_truncate64
    refuse_call(program, SYS_truncate64, EPERM);
#endif
    /* Programs that know it do without it, too. */
    refuse_call(program, CALL_OPENAT2, ENOSYS);
    refuse_truncating_open(program, SYS_openat, 2);
#ifdef SYS_open
    refuse_truncating_open(program, SYS_open, 1);
#endif
}

bool pp_syscall_filter(unsigned filters) {
    struct program program = {.count = 0};
    struct sock_fprog filter = {.filter = program.code};

    put_head(&program);
    if ((filters & PP_FILTER_NEVER) != 0) {
        refuse_calls(&program, never, PP_ARRAY_LEN(never));
        /* What it types would be run by the shell that we were started from. */
        refuse_argument(&program, SYS_ioctl, 1, TIOCSTI, true);
    }
    if ((filters & PP_FILTER_PROGRAMS) != 0)
        refuse_calls(&program, for_programs, PP_ARRAY_LEN(for_programs));
    if ((filters & PP_FILTER_SOCKETS) != 0)
        put_sockets(&program);
    if ((filters & PP_FILTER_OTHER_SOCKETS) != 0)
        refuse_argument(&program, SYS_socket, 0, AF_UNIX, false);
    if ((filters & PP_FILTER_WRITING) != 0)
        put_writing(&program);
    if ((filters & PP_FILTER_TRUNCATION) != 0)
        put_truncation(&program);
    end_with(&program, SECCOMP_RET_ALLOW);
    if (program.count > CODE_MAX)
        return false;
    filter.len = (unsigned short)program.count;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

#endif
