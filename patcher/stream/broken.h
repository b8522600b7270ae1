/* Texts with escapes or line breaks between their characters.
 *
 * What writes a path may put something in between: JSON and sed escape slashes, regular expressions
 * dots; roff has escapes of no width; lines of manifests, LDIF, quoted-printable and folded text
 * are broken at 72 to 80 columns. A reader puts the path together again; a search for its bytes
 * fails.
 */
#ifndef PP_STREAM_BROKEN_H
#define PP_STREAM_BROKEN_H

#include <stddef.h>
#include <stdint.h>

/* A broken text is at most so many times as long as the text. */
#define PP_BROKEN_RATIO_MAX 4

/* One past the end of `text` at data[first], with at least one escape or break in it; 0 when it
 * does not stand there. `stem_len`: what comes before the slashes at its end. A bare line break
 * counts within words and within those slashes alone: two lines that are paths of their own are no
 * broken path. */
size_t pp_broken_end(const uint8_t *data, size_t len, size_t first, const char *text,
                     size_t text_len, size_t stem_len);

#endif
