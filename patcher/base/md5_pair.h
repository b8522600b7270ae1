/* MD5 of two contents that are mostly the same. A step of MD5 waits for the one before it: two at
 * once take little longer than one.
 */
#ifndef PP_BASE_MD5_PAIR_H
#define PP_BASE_MD5_PAIR_H

#include <nettle/md5.h>
#include <stddef.h>
#include <stdint.h>

/* Both have taken as many bytes so far, and both take these. */
void pp_md5_update_pair(struct md5_ctx *one, struct md5_ctx *other, const uint8_t *data,
                        size_t len);

#endif
