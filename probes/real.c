/* SPDX-License-Identifier: MIT */
/*
 * real.c - looks up the functions behind the hooks, all at once.
 *
 * dlsym() allocates when a name is missing: malloc and its kin come first, so that
 * such a call finds them, and the bootstrap arena serves what comes earlier.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <dlfcn.h>

struct real_functions real;

void real_resolve(void)
{
#define HOOK(ret, name, params) *(void **)&real.name = dlsym(RTLD_NEXT, #name);
#include "hooks_alloc.def"
#include "hooks_life.def"
#undef HOOK
}
