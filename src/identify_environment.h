/* SPDX-License-Identifier: MIT */
/* identify_environment.h - the environment of the throwaway process. Pure. */
#ifndef MEMWHY_IDENTIFY_ENVIRONMENT_H
#define MEMWHY_IDENTIFY_ENVIRONMENT_H

/* A copy of env without what would change how an allocator or the loader behaves, with the
 * probe preloaded and told what it is there for. One block, free() it. NULL: no memory. */
char **identify_environment(char *const *env, const char *probe_path, const char *module);

#endif
