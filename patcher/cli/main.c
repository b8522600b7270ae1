/* The table of commands. */
#include <stdio.h>

int main(void) {
    puts("pathpatch " PP_VERSION);
    return 0;
}
