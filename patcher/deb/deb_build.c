#include "deb/deb_build.h"

#include <stdio.h>

char *pp_deb_control_folder(const char *tree) {
    char *path;

    return asprintf(&path, "%s%sDEBIAN", tree, tree[0] != '\0' ? "/" : "") < 0 ? NULL : path;
}
