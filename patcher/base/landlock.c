#include "base/landlock.h"

#include "base/cleanup.h"

#ifdef __ANDROID__

/* The filter that Android puts on apps kills for system calls that it does not know. */
bool pp_landlock_restrict(const int *folders, size_t folder_count, bool programs, bool truncation) {
    (void)folders;
    (void)folder_count;
    (void)programs;
    (void)truncation;
    return false;
}

#else

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of some systems that it is built on. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* The first version refuses every rename from one folder to another. */
#define VERSION_MIN 2
#define VERSION_TRUNCATE 3

/* All that changes a folder or what is in it. */
#define WRITING                                                                                    \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
/* What we never make. */
#define DEVICES                                                                                    \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
     LANDLOCK_ACCESS_FS_MAKE_FIFO)

static bool allow(int ruleset, int fd, uint64_t access) {
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool pp_landlock_restrict(const int *folders, size_t folder_count, bool programs, bool truncation) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t writing = WRITING;
    struct landlock_ruleset_attr handled = {0};
    PP_AUTO_CLOSE int ruleset = -1;
    PP_AUTO_CLOSE int null = -1;

    if (version < VERSION_MIN)
        return false;
    if (truncation && version >= VERSION_TRUNCATE)
        writing |= LANDLOCK_ACCESS_FS_TRUNCATE;
    handled.handled_access_fs = writing | DEVICES | (programs ? 0 : LANDLOCK_ACCESS_FS_EXECUTE);
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < folder_count; i++)
        if (!allow(ruleset, folders[i], writing))
            return false;
    /* Where programs are silenced. */
    if (programs) {
        null = open("/dev/null", O_PATH | O_CLOEXEC);
        if (null < 0 || !allow(ruleset, null, LANDLOCK_ACCESS_FS_WRITE_FILE))
            return false;
    }
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

#endif
