/* Texts with escapes or line breaks between their characters.
 *
 * What writes a path may write its slashes otherwise (URLs, quoted-printable, HTML, literals of C,
 * Java, JavaScript), or put something in between: JSON and sed escape slashes, regular expressions
 * dots; roff and HTML have places of no width where a line may be broken; lines of manifests, LDIF,
 * quoted-printable and folded text are broken at 72 to 80 columns, words of formatted man pages get
 * a hyphen. A reader puts the path together again; a search for its bytes fails.
 */
#ifndef PP_STREAM_BROKEN_H
#define PP_STREAM_BROKEN_H

#include <stddef.h>
#include <stdint.h>

/* A broken text is at most so many times as long as the text. */
#define PP_BROKEN_RATIO_MAX 6

/* The next slash from `at` on, as it is or written otherwise, or `len`. */
size_t pp_broken_next_slash(const uint8_t *data, size_t len, size_t at);

/* One past the end of `text` at data[first], with at least one escape or break in it; 0 when it
 * does not stand there. `stem_len`: what comes before the slashes at its end. A bare line break
 * counts within words, behind a slash, and within those slashes: a line that begins with a slash
 * may be a path of its own. */
size_t pp_broken_end(const uint8_t *data, size_t len, size_t first, const char *text,
                     size_t text_len, size_t stem_len);

#endif
