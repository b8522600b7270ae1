/* Where the state and dpkg's database of a session are, which folder is being patched, and where in
 * it a path lies. */
#ifndef PP_CORE_SESSION_FOLDERS_H
#define PP_CORE_SESSION_FOLDERS_H

#include "base/beneath.h"
#include "core/session.h"

/* Finds session->state and session->admindir by the options, the table and the values so far.
 * Neither need be there. */
int pp_session_find_folders(struct pp_session *session, struct pp_err *err);

/* The state is the first that is written to. Where root owns the root, and not what is below it,
 * the program becomes who does (owner.h). */
int pp_session_become_owner(struct pp_session *session, struct pp_err *err);

/* Does dpkg work where the values say, and not on the default path? That is known by its database.
 */
bool pp_session_is_moved(const struct pp_session *session);

/* Does the value of a placeholder of the table name the folder that is being patched: by holding
 * dpkg's database, or by being the one on the default path? One that is volatile lies elsewhere: it
 * must be there. */
bool pp_session_value_fits(const struct pp_session *session, size_t index);

/* A path as a user gives it (absolute, or relative to the working folder), made relative to the
 * root. PP_ERR_REFUSED when it lies outside. The caller's to free. `place` is initialised, and is
 * good for more paths: those of neighbours are found faster. */
int pp_session_path(const struct pp_session *session, const char *path, struct pp_place *place,
                    char **relative, struct pp_err *err);

#endif
