/* SPDX-License-Identifier: MIT */
/*
 * stack_modules.h - which file an address of code was of, by the mappings of a moment:
 * path, build id, and where it was loaded. A module stays known after it was unmapped,
 * deleted or replaced; another file at the same place is another module. What an ELF file
 * says of itself is read from the target's memory, for that is what ran, or else from the
 * file if it is still the one that is mapped. Both are hostile. One thread at a time.
 */
#ifndef MEMWHY_STACK_MODULES_H
#define MEMWHY_STACK_MODULES_H

#include "platform.h"

struct stack_module {
	char *path;              /* as the mappings name it, with the kernel's " (deleted)"; ends in
	                          * STACK_MODULE_UNREAD where its headers could not be read: then
	                          * bias is the mapping's, and no file may be opened by this name */
	char build_id[129];      /* hex; "": it has none */
	uint64_t low, high;      /* of its mappings, as they were at first */
	uint64_t bias;           /* file address = address - bias */
};
#define STACK_MODULE_UNREAD " (unread)"
#define STACK_MODULES_MAX (1u << 17)

struct stack_modules;
int stack_modules_create(struct stack_modules **ret_modules);
void stack_modules_destroy(struct stack_modules *m);

/* The mappings of now, borrowed until the next call. */
void stack_modules_look(struct stack_modules *m, struct platform_process *p, const struct platform_mappings *list);
/* The module's number, from 1 on; 0: the address is in no file, or there is no room. */
uint32_t stack_modules_find(struct stack_modules *m, uint64_t address);
uint32_t stack_modules_count(const struct stack_modules *m);
/* number: 1 to count. Until the next find. */
const struct stack_module *stack_modules_get(const struct stack_modules *m, uint32_t number);

#endif
