/* The values of a session: from all that may give them, checked, and the tables that they lead to.
 */
#ifndef PP_CORE_SESSION_VALUES_H
#define PP_CORE_SESSION_VALUES_H

#include "core/session.h"

/* Once the root is open and the table is loaded: finds the values, the folders, the recorded
 * values, and adds the tables that packages installed. PP_ERR_REFUSED for a value that cannot be,
 * or that differs from the recorded one without `revalue`. */
int pp_session_resolve(struct pp_session *session, struct pp_err *err);

/* Reads what was recorded for this root into session->recorded. */
int pp_session_read_recorded(struct pp_session *session, struct pp_err *err);

/* The values anew, by the recorded ones. */
int pp_session_settle(struct pp_session *session, struct pp_err *err);

/* What pp_session_resolve() made, but for the tables. */
void pp_session_forget_values(struct pp_session *session);

#endif
