#include "tree/names.h"

#include "base/array.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What is asked for at once; a folder of this many bytes has some 800 names. */
#define READ_LEN ((size_t)32 << 10)

/* The kernel's record, struct linux_dirent64 of getdents64(2), is what every libc hands on. */
static_assert(offsetof(struct dirent, d_reclen) == 16 && offsetof(struct dirent, d_type) == 18 &&
                  offsetof(struct dirent, d_name) == 19,
              "struct dirent is not that of the kernel");

void pp_names_done(struct pp_names *names) {
    pp_buffer_done(&names->records);
    free(names->items);
}

/* readdir(3) wants an fd of its own, and asks for its state: four more calls a folder. */
static int read_records(int dir, struct pp_buffer *records, struct pp_err *err) {
    for (;;) {
        int rc = pp_buffer_reserve(records, READ_LEN, err);
        long count;

        if (rc < 0)
            return rc;
        count = syscall(SYS_getdents64, dir, records->data + records->len, READ_LEN);
        if (count < 0)
            return pp_err_sys(err, "cannot read the folder");
        if (count == 0)
            return 0;
        records->len += (size_t)count;
    }
}

static unsigned char type_of(int dir, const struct dirent *entry) {
    struct stat st;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_UNKNOWN;
    return S_ISREG(st.st_mode)   ? DT_REG
           : S_ISLNK(st.st_mode) ? DT_LNK
           : S_ISDIR(st.st_mode) ? DT_DIR
                                 : DT_UNKNOWN;
}

static int compare(const void *left, const void *right) {
    const struct pp_name *a = left;
    const struct pp_name *b = right;

    return strcmp(a->text, b->text);
}

/* Room for what is at least so many bytes long. */
static int make_room(struct pp_names *names, struct pp_err *err) {
    size_t least = offsetof(struct dirent, d_name) + 1;

    names->items = pp_array_resize(NULL, names->records.len / least + 1, sizeof(*names->items));
    return names->items != NULL ? 0 : pp_err_nomem(err);
}

int pp_names_read(int dir, struct pp_names *names, struct pp_err *err) {
    int rc = read_records(dir, &names->records, err);

    if (rc >= 0)
        rc = make_room(names, err);
    if (rc < 0)
        return rc;
    for (size_t at = 0; at < names->records.len;) {
        const struct dirent *entry = (const struct dirent *)(names->records.data + at);
        unsigned char type = type_of(dir, entry);

        at += entry->d_reclen;
        if ((type == DT_REG || type == DT_LNK || type == DT_DIR) &&
            strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names->items[names->count++] = (struct pp_name){entry->d_name, type};
    }
    qsort(names->items, names->count, sizeof(*names->items), compare);
    return 0;
}
