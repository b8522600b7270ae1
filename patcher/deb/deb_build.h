/* The tree that a package is built from (dpkg-deb --build). */
#ifndef PP_DEB_DEB_BUILD_H
#define PP_DEB_DEB_BUILD_H

/* The folder of its control files. They name paths as dpkg works with them, and are no files of the
 * package. `tree` and the result are relative to a root; "" is that. The caller's to free; NULL:
 * out of memory. */
char *pp_deb_control_folder(const char *tree);

#endif
