#include "cli/progress.h"

#include "cli/output.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_MAX_LEN 256
#define BAR_MIN 10
#define BAR_MAX 40
#define BLOCK "<=>"
#define BLOCK_LEN (sizeof(BLOCK) - 1)
/* Columns that the block moves in a second. */
#define BLOCK_SPEED 10

static size_t columns(void) {
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* How far the block has come on its way to and fro. */
static size_t block_place(size_t len, double seconds) {
    size_t way = len - BLOCK_LEN;
    size_t at = (size_t)(seconds * BLOCK_SPEED) % (2 * way);

    return at <= way ? at : 2 * way - at;
}

static void fill_bar(char *bar, size_t len, uint64_t files, uint64_t total, double seconds) {
    size_t done = total > 0 ? (size_t)((double)len * (double)files / (double)total) : 0;

    memset(bar, ' ', len);
    memset(bar, '=', done);
    if (total == 0)
        memcpy(bar + block_place(len, seconds), BLOCK, BLOCK_LEN);
    else if (done < len)
        bar[done] = '>';
    bar[len] = '\0';
}

void pp_progress_put(const char *command, uint64_t files, uint64_t total, double seconds) {
    char text[LINE_MAX_LEN];
    char bar[BAR_MAX + 1];
    size_t room = columns();
    size_t len;

    if (total > 0 && files > total)
        files = total;
    if (total > 0)
        snprintf(text, sizeof(text), "%s: %llu of %llu files, %.0f s", command,
                 (unsigned long long)files, (unsigned long long)total, seconds);
    else
        snprintf(text, sizeof(text), "%s: %llu file%s, %.0f s", command, (unsigned long long)files,
                 PP_PLURAL(files), seconds);
    /* Brackets, blanks and " 100%"; the last column stays free, or the line would break. */
    len = strlen(text) + strlen(" [] 100%") + 1;
    len = room > len ? room - len : 0;
    if (len > BAR_MAX)
        len = BAR_MAX;
    fprintf(stderr, "\r\033[K%s", text);
    if (len < BAR_MIN)
        return;
    fill_bar(bar, len, files, total, seconds);
    fprintf(stderr, " [%s]", bar);
    if (total > 0)
        fprintf(stderr, " %3u%%", (unsigned)(100 * files / total));
}

void pp_progress_wipe(void) {
    fputs("\r\033[K", stderr);
}
