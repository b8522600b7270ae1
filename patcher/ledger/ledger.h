/* The ledger: what was patched, where, from what. SQLite, STATE/ledger.db.
 *
 * A row says how a patched file is; files without a placeholder have none. A file that is being
 * written has an intent as well, until its batch is done: `file` holds only what is true, `intent`
 * what a recovery has to look at. Paths are relative to the root and free of symlinks, one row a
 * path. Texts are never taken from a row: values are checked again by whoever reads them.
 *
 * Write-ahead log, synchronous=FULL, exclusive: STATE/lock is held. A ledger belongs to one thread.
 */
#ifndef PP_LEDGER_LEDGER_H
#define PP_LEDGER_LEDGER_H

#include "base/digest.h"
#include "base/error.h"
#include "ledger/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum pp_ledger_kind {
    PP_LEDGER_PLAIN,     /* hits were written over at their offsets */
    PP_LEDGER_REWRITTEN, /* compressed content; shipped bytes are in STATE/pristine */
    PP_LEDGER_SYMLINK,   /* hits are in its target */
};

struct pp_ledger_file {
    const char *path;
    const char *package; /* "name:arch", or "" */
    enum pp_ledger_kind kind;
    uint64_t size;
    struct timespec mtime;
    struct pp_digest shipped; /* of the bytes with the placeholders; MD5s where dpkg is */
    struct pp_digest current; /* of the bytes that we left */
    uint32_t set;             /* value set that was written; 0: the placeholders */
    const uint8_t *hits;      /* packed: hit.h */
    size_t hits_len;
    const char *members; /* member names, each with its NUL */
    size_t members_len;
};

struct pp_ledger;

/* `state` is borrowed and locked. With NULL the ledger is in memory and empty. `durable` false:
 * nothing waits for the disk. A newer schema is PP_ERR_UNSUPPORTED; a damaged database
 * PP_ERR_DAMAGED: pp_ledger_set_aside() and a new one. NULL on failure. */
struct pp_ledger *pp_ledger_open(const struct pp_state *state, bool durable, struct pp_err *err);
void pp_ledger_close(struct pp_ledger *ledger);
/* Reads all of the database: PP_ERR_DAMAGED. Opening does so only after a run that came to a bad
 * end, since it takes as long as there are rows. */
int pp_ledger_check(struct pp_ledger *ledger, struct pp_err *err);
/* Is there a ledger? Returns 1 or 0. */
int pp_ledger_exists(const struct pp_state *state, struct pp_err *err);
/* Renames a damaged database to ledger.db.damaged. */
int pp_ledger_set_aside(const struct pp_state *state, struct pp_err *err);

/* A batch; one that was begun already goes on. What is written outside of one is a transaction of
 * its own. */
int pp_ledger_begin(struct pp_ledger *ledger, struct pp_err *err);
bool pp_ledger_begun(const struct pp_ledger *ledger);
int pp_ledger_commit(struct pp_ledger *ledger, struct pp_err *err);
void pp_ledger_rollback(struct pp_ledger *ledger);

/* Rows. `file` and what it points to are good until the callback returns; the callback does not
 * write to the ledger; a negative return ends the walk and is passed on. */
typedef int pp_ledger_file_fn(void *context, const struct pp_ledger_file *file, struct pp_err *err);

struct pp_ledger_filter {
    const char *package; /* NULL: of every package */
    const char *under;   /* this path and those below it; NULL: every path */
    const char *after;   /* only rows that sort after this path; NULL: from the first on */
    const char *suffix;  /* alone: only names that end so */
};

/* Calls `each` for the rows that fit, by folder, then name. A positive return of it ends the
 * walk. Returns the last return of `each`, or 0. */
int pp_ledger_files(struct pp_ledger *ledger, const struct pp_ledger_filter *filter,
                    pp_ledger_file_fn *each, void *context, struct pp_err *err);
/* Calls `found` for the row of a path. Returns its return, or 0 when there is no row. */
int pp_ledger_find(struct pp_ledger *ledger, const char *path, pp_ledger_file_fn *found,
                   void *context, struct pp_err *err);
int pp_ledger_put(struct pp_ledger *ledger, const struct pp_ledger_file *file, struct pp_err *err);
/* Removes the row of a path, if there is one. */
int pp_ledger_forget(struct pp_ledger *ledger, const char *path, struct pp_err *err);
/* A second row like that of `path`, if there is one: for another name of the same file. */
int pp_ledger_copy(struct pp_ledger *ledger, const char *path, const char *to, struct pp_err *err);
/* Gives a row other digests. */
int pp_ledger_put_digests(struct pp_ledger *ledger, const char *path,
                          const struct pp_digest *shipped, const struct pp_digest *current,
                          struct pp_err *err);
/* Gives a row to another package, or to none (""). */
int pp_ledger_assign(struct pp_ledger *ledger, const char *path, const char *package,
                     struct pp_err *err);
/* The file of a row has what another value set wants, too: from now on it is of that one. */
int pp_ledger_put_set(struct pp_ledger *ledger, const char *path, uint32_t set, struct pp_err *err);
/* The number of rows. */
int64_t pp_ledger_count(struct pp_ledger *ledger, struct pp_err *err);

/* Value sets: what placeholders were given. Numbered from 1, never changed. */
struct pp_ledger_value {
    const char *name;
    const char *value;
};
/* The number of the set that holds exactly these, in this order; it is made if need be. */
int pp_ledger_set(struct pp_ledger *ledger, const struct pp_ledger_value *values,
                  size_t value_count, uint32_t *set, struct pp_err *err);
/* Calls `each` for the values of a set, in order. Returns how many there were; PP_ERR_DAMAGED when
 * there is no such set. */
int pp_ledger_values(struct pp_ledger *ledger, uint32_t set,
                     int (*each)(void *context, const struct pp_ledger_value *value,
                                 struct pp_err *err),
                     void *context, struct pp_err *err);

/* Calls `each` for the number of every set that a row was written with. */
int pp_ledger_sets_used(struct pp_ledger *ledger,
                        int (*each)(void *context, uint32_t set, struct pp_err *err), void *context,
                        struct pp_err *err);

/* Packages: as long as the stamp is the same, nothing in a package needs a look. */
struct pp_ledger_stamp {
    const char *version;
    struct timespec list_mtime; /* of info/PKG.list, with its inode and size */
    uint64_t list_ino;
    uint64_t list_size;
    uint8_t config[PP_SHA256_LEN]; /* of values, table, policy, format of the tool */
};
bool pp_ledger_same_stamp(const struct pp_ledger_stamp *one, const struct pp_ledger_stamp *other);
/* Calls `each` for every package that has a stamp, by name; the stamp is good until it returns. The
 * callback does not write to the ledger. */
int pp_ledger_stamps(struct pp_ledger *ledger,
                     int (*each)(void *context, const char *package,
                                 const struct pp_ledger_stamp *stamp, struct pp_err *err),
                     void *context, struct pp_err *err);
int pp_ledger_put_stamp(struct pp_ledger *ledger, const char *package,
                        const struct pp_ledger_stamp *stamp, struct pp_err *err);
/* Takes the stamp away: the package is looked at again. NULL: of every package. */
int pp_ledger_expire(struct pp_ledger *ledger, const char *package, struct pp_err *err);
/* Calls `each` for the names of the packages that have a stamp or a row, in any order. The callback
 * does not write to the ledger. */
int pp_ledger_package_names(struct pp_ledger *ledger,
                            int (*each)(void *context, const char *package, struct pp_err *err),
                            void *context, struct pp_err *err);
/* Calls `each` for every package that has a stamp or a row, by name; `version` is "" without a
 * stamp. The callback does not write to the ledger. */
int pp_ledger_packages(struct pp_ledger *ledger,
                       int (*each)(void *context, const char *package, const char *version,
                                   size_t file_count, struct pp_err *err),
                       void *context, struct pp_err *err);

#endif
