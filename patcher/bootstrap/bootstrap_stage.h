/* The tree of a bootstrap while it is made: folders, files and links, each made anew. Nothing is
 * followed, and nothing that is there is replaced: an archive that names a path twice, or leads a
 * path through a symlink, is refused.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_STAGE_H
#define PP_BOOTSTRAP_BOOTSTRAP_STAGE_H

#include "base/beneath.h"
#include "base/buffer.h"
#include "base/error.h"
#include "tree/durable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Of folders that the archive does not tell a mode for. */
#define PP_BOOTSTRAP_FOLDER_MODE 0755

struct pp_bootstrap_stage {
    int dir;                    /* the tree, borrowed */
    struct pp_durable *durable; /* borrowed */
    mode_t umask;               /* of the process */
    struct pp_buffer last;      /* the folder that was made or found last */
    struct pp_stage_folder {
        char *path;
        size_t number; /* in the order of the archive */
        bool told;     /* by the archive */
        uint32_t mode;
        struct timespec mtime;
    } * folders; /* what they shall be in the end */
    size_t folder_count;
};

#define PP_AUTO_STAGE PP_AUTO(pp_bootstrap_stage_done)

void pp_bootstrap_stage_init(struct pp_bootstrap_stage *stage, int dir, struct pp_durable *durable);
void pp_bootstrap_stage_done(struct pp_bootstrap_stage *stage);

/* Makes a folder, and those above it, as far as they are not there. */
int pp_bootstrap_stage_folder(struct pp_bootstrap_stage *stage, const char *path,
                              struct pp_err *err);
/* The folders above a path. */
int pp_bootstrap_stage_parents(struct pp_bootstrap_stage *stage, const char *path,
                               struct pp_err *err);
/* The archive tells what a folder shall be: pp_bootstrap_stage_finish() makes it so. */
int pp_bootstrap_stage_tell(struct pp_bootstrap_stage *stage, const char *path, uint32_t mode,
                            const struct timespec *mtime, struct pp_err *err);

/* The folders above the path are there. Threads may call these, each with a place of its own.
 * Makes an empty file; `mode` as far as the umask allows it. Nobody else can enter the tree yet.
 * Returns the fd. */
int pp_bootstrap_stage_create(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                              const char *path, uint32_t mode, struct pp_err *err);
/* Gives a file that was created with this mode all of it, and its mtime, and brings it to the disk
 * where that is not done as a whole. */
int pp_bootstrap_stage_dress(const struct pp_bootstrap_stage *stage, int fd, uint32_t mode,
                             const struct timespec *mtime, struct pp_err *err);
int pp_bootstrap_stage_symlink(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                               const char *path, const char *target, const struct timespec *mtime,
                               struct pp_err *err);
/* One more name of a file of the tree; a copy where links are refused. */
int pp_bootstrap_stage_hardlink(const struct pp_bootstrap_stage *stage, struct pp_place *place,
                                const char *path, const char *target, struct pp_err *err);

/* Gives the folders their modes and times; nothing is made in them after that. */
int pp_bootstrap_stage_finish(struct pp_bootstrap_stage *stage, struct pp_err *err);

#endif
