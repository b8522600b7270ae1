/* libpathpatch: writes real paths over the placeholders in content, also inside compressed files
 * and archives, with the same matcher and the same formats as the program. For installers,
 * unpackers and build tools that go through files on their own; the ledger, the walk through a tree
 * and the dpkg hook belong to the program.
 *
 *     char message[256];
 *     const char *const values[] = {"TERMUX__ROOTFS=/data/user/10/com.termux/files", NULL};
 *     struct pp_patcher *patcher = pp_patcher_new(NULL, values, message, sizeof(message));
 *     int64_t count = pp_patcher_content(patcher, in, out, NULL, NULL, message, sizeof(message));
 *     pp_patcher_free(patcher);
 *
 * Errors: a function that fails says why in `message`: one line with its NUL, cut to `message_len`
 * bytes; success leaves it alone. `message` may be NULL with a length of 0. Texts are bytes, and
 * UTF-8 where they are not a path.
 *
 * Limits: of a file at most 1 GiB is decoded, to a depth of 4 containers or compressions, and past
 * 64 MiB at most 2000 bytes for each that is stored. Decoders and encoders take at most 256 MiB for
 * a patcher, however many threads use it. What is over a limit is left, and said to be.
 *
 * Ownership: what is passed in is borrowed until the function returns. A patcher never changes
 * once it is made: any number of threads may use it at a time.
 */
#ifndef PATHPATCH_H
#define PATHPATCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PP_API __attribute__((visibility("default")))
#else
#define PP_API
#endif

struct pp_patcher;

/* The version of the library, as "0.1.0". */
PP_API const char *pp_version(void);

/* Makes a patcher. `table_path`: an INI file (pathpatch-table(5)), or NULL for the default table.
 * `values`: texts "NAME=VALUE" and a NULL; placeholders that are not named are derived from their
 * parents, or keep their default. The environment is not looked at. NULL when a table or a value is
 * refused. */
PP_API struct pp_patcher *pp_patcher_new(const char *table_path, const char *const *values,
                                         char *message, size_t message_len);
/* NULL is fine. */
PP_API void pp_patcher_free(struct pp_patcher *patcher);

/* Something in content. Its texts live until the visit returns. */
struct pp_place {
    const char *member;      /* "a.jar!b.properties"; "" stands for the file itself */
    const char *placeholder; /* its name; NULL: no placeholder, but a part that is left */
    const char *encoding; /* "bytes", "utf-16le", "utf-16be", "utf-32le" or "utf-32be", or NULL */
    uint64_t offset;      /* in bytes, of the decoded member */
    const char *left;     /* why it stays as it is; NULL: it is to be written over */
};

/* Told every place, in the order in which they stand, then the parts that are left: damaged,
 * signed, over a limit, of a format that cannot be patched. */
typedef void pp_visit(void *context, const struct pp_place *place);

/* Looks for placeholders in the file `in`, a regular one, which is read from its start and stays
 * open; its offset does not move. Returns the number of placeholders that can be written over,
 * whatever their value is, or -1. `visit` may be NULL. */
PP_API int64_t pp_patcher_scan(const struct pp_patcher *patcher, int in, pp_visit *visit,
                               void *context, char *message, size_t message_len);

/* Writes the patched content of the file `in` to `out`, at its current offset. Both stay open. `in`
 * is taken as in pp_patcher_scan(); it must not be the same file as `out`, nor change meanwhile.
 *
 * Content that is executable by itself (ELF, scripts by their first line) is left; whether to pass
 * files with an execute bit is up to the caller. Sizes and checksums inside of archives are mended.
 * What is to be written is decoded again and compared before `out` gets any of it; until then up to
 * 1 MiB of it is kept in memory, more in a file without a name in TMPDIR, else in /tmp.
 *
 * Returns the number of placeholders that were written over. With 0 nothing is written to `out`:
 * the content stays as it is. -1 on failure; what `out` holds then is void. A part that is left is
 * told to `visit`, and the others are patched; with `visit` NULL it is a failure, for nobody would
 * hear of it. */
PP_API int64_t pp_patcher_content(const struct pp_patcher *patcher, int in, int out,
                                  pp_visit *visit, void *context, char *message,
                                  size_t message_len);

/* Patches a text that is no file, the target of a symlink, in place: its length stays. `text` is
 * `text_len` bytes, without a NUL. Returns the number of placeholders that were written over, or
 * -1, and then the text is as it was. */
PP_API int64_t pp_patcher_text(const struct pp_patcher *patcher, char *text, size_t text_len,
                               char *message, size_t message_len);

#ifdef __cplusplus
}
#endif

#endif
