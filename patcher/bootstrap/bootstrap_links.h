/* SYMLINKS.txt: the symlinks of an archive that cannot hold any, a line each, `TARGET←./LINK`
 * (U+2190), as the archives of Termux have it (its scripts/generate-bootstraps.sh writes it).
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_LINKS_H
#define PP_BOOTSTRAP_BOOTSTRAP_LINKS_H

#include "base/buffer.h"
#include "base/error.h"
#include "bootstrap/bootstrap_archive.h"

#include <stddef.h>

#define PP_BOOTSTRAP_LINKS_NAME "SYMLINKS.txt"
#define PP_BOOTSTRAP_LINKS_LEN_MAX ((size_t)64 << 20) /* bytes */

/* Calls `each` with every link, an entry that is good until it returns; a negative return ends the
 * walk and is passed on. Changes the text. A line that makes no sense is PP_ERR_REFUSED. */
int pp_bootstrap_links_each(struct pp_buffer *text,
                            int (*each)(void *context, const struct pp_bootstrap_entry *entry,
                                        struct pp_err *err),
                            void *context, struct pp_err *err);

#endif
