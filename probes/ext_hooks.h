/* SPDX-License-Identifier: MIT */
/* ext_hooks.h - see ext_hooks.c. */
#ifndef MEMWHY_EXT_HOOKS_H
#define MEMWHY_EXT_HOOKS_H
#include <stdint.h>

/* Redirects what the object at [low, high), which provides malloc, has beyond the C
 * library's names. Once for an image, before recording is on. */
void ext_hooks_install(uintptr_t provider_low, uintptr_t provider_high);
/* Looks whether objects were loaded since. Nothing to do without such names. */
void ext_hooks_check(void);
#endif
