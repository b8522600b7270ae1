/* swap FOLDER COUNT: exchanges FOLDER/d0 with FOLDER/s0, d1 with s1 and so on, over and over, until
 * it is killed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int dir = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

    for (unsigned i = 0; dir >= 0; i = i + 1 < count ? i + 1 : 0) {
        char folder[32];
        char link[32];

        snprintf(folder, sizeof(folder), "d%u", i);
        snprintf(link, sizeof(link), "s%u", i);
        if (renameat2(dir, folder, dir, link, RENAME_EXCHANGE) < 0)
            break;
    }
    fprintf(stderr, "swap: %s\n", strerror(errno));
    return 1;
}
