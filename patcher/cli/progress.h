/* The line that shows on a terminal how far a command is: a count, and a bar. */
#ifndef PP_CLI_PROGRESS_H
#define PP_CLI_PROGRESS_H

#include <stdint.h>

/* Writes the line over the one before, to standard error. `total`: files that there are in all; 0
 * where that is not known, and a block moves in the place of the bar. A bar is left out where the
 * terminal has no room for it. */
void pp_progress_put(const char *command, uint64_t files, uint64_t total, double seconds);
/* Wipes the line. */
void pp_progress_wipe(void);

#endif
