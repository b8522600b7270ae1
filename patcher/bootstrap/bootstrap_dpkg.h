/* Takes over the database of dpkg that an archive brings along: rows of the ledger go to the
 * packages that list them, md5sums and records of conffiles are those of the patched files, and the
 * trigger of our own package is known. Bootstrap archives lack what `dpkg --unpack` would have
 * written about triggers.
 */
#ifndef PP_BOOTSTRAP_BOOTSTRAP_DPKG_H
#define PP_BOOTSTRAP_BOOTSTRAP_DPKG_H

#include "bootstrap/bootstrap_record.h"

/* Does nothing when there is no database in the new tree. */
int pp_bootstrap_dpkg(struct pp_bootstrap_record *record, struct pp_err *err);

#endif
