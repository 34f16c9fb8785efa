/* SPDX-License-Identifier: MIT */
/* modules.h - allocators that are linked into shared objects: of the start, and loaded later. */
#ifndef MEMWHY_MODULES_H
#define MEMWHY_MODULES_H

/* Looks at what is loaded now, and from then on at what comes. Once, in a new image, behind
 * linked_install_executable() and before recording is on. errno kept. */
void modules_start(void);

#endif
