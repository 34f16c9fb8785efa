/* SPDX-License-Identifier: MIT */
/*
 * loader_hook.h - a call whenever ld.so has mapped or unmapped objects: before it relocates
 * new ones and runs their constructors, and behind the unmapping of old ones.
 */
#ifndef MEMWHY_LOADER_HOOK_H
#define MEMWHY_LOADER_HOOK_H

#include <stdbool.h>

/* fn runs in the thread that loads, which holds the loader's lock. False: this ld.so's place
 * for it is not as known, or a debugger has it; then nothing was changed. */
bool loader_hook_install(void (*fn)(void));

#endif
