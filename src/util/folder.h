/* SPDX-License-Identifier: MIT */
/* folder.h - memwhy's folders in the user's home, by the XDG base directory specification.
 * 0 or -errno; the buffer is untouched on failure. */
#ifndef MEMWHY_FOLDER_H
#define MEMWHY_FOLDER_H

#include <stddef.h>

/* $VARIABLE/memwhy, or below_home ("/.cache") and /memwhy in the home folder; without a
 * slash at its end. -ENOENT: no home folder is known; -ENAMETOOLONG. */
int folder_of_user(const char *variable, const char *below_home, char *ret, size_t size);
/* mkdir -p; what is made is the user's alone (0700). path is changed while it works. */
int folder_make(char *path);

#endif
