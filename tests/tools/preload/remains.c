/* Preloaded: when the program ends, looks for a secret in all memory that it wrote to. Prints
 * "remains: N", the number of places, to standard error. The secret is the first 32 bytes of the
 * file REMAINS_OF; here it is kept inverted, to not be found. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_LEN 32
#define MAPPING_MAX (64UL << 20)

static uint8_t inverted[SECRET_LEN];

/* Byte by byte, so that the secret is in no buffer of ours. */
__attribute__((constructor)) static void learn(void) {
    int fd = open(getenv("REMAINS_OF"), O_RDONLY);

    for (int i = 0; i < SECRET_LEN; i++) {
        uint8_t byte;

        if (read(fd, &byte, 1) != 1)
            abort();
        inverted[i] = (uint8_t)~byte;
    }
    close(fd);
}

static int count_in(const volatile uint8_t *at, const volatile uint8_t *end) {
    int count = 0;

    for (; at + SECRET_LEN <= end; at++) {
        int i = 0;

        while (i < SECRET_LEN && at[i] == (uint8_t)~inverted[i])
            i++;
        count += i == SECRET_LEN;
    }
    return count;
}

__attribute__((destructor)) static void look(void) {
    static char maps[1 << 20];
    int fd = open("/proc/self/maps", O_RDONLY);
    size_t len = 0;
    ssize_t got;
    int count = 0;

    while ((got = read(fd, maps + len, sizeof(maps) - 1 - len)) > 0)
        len += (size_t)got;
    close(fd);
    for (char *line = strtok(maps, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        unsigned long begin;
        unsigned long end;
        char mode[8];

        /* What is larger is the sanitizers' own, and reserved alone. */
        if (sscanf(line, "%lx-%lx %7s", &begin, &end, mode) == 3 && strncmp(mode, "rw", 2) == 0 &&
            end - begin <= MAPPING_MAX && strstr(line, "[vv") == NULL)
            count += count_in((const uint8_t *)begin, (const uint8_t *)end);
    }
    dprintf(STDERR_FILENO, "remains: %d\n", count);
}
