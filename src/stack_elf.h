/* SPDX-License-Identifier: MIT */
/*
 * stack_elf.h - the little that must be known of a loaded ELF file to name addresses in it:
 * where a byte of the file is in memory, and its build id. The bytes come through a
 * function, from the target's memory or from a file; they are hostile.
 */
#ifndef MEMWHY_STACK_ELF_H
#define MEMWHY_STACK_ELF_H

#include <stddef.h>
#include <stdint.h>

/* size bytes at this place of the file; address: where they are in memory by the program
 * headers (file addresses). 0 or -errno, also where there are fewer. */
typedef int stack_elf_read_fn(void *arg, uint64_t offset, uint64_t address, void *ret_bytes, size_t size);

struct stack_elf {
	uint64_t address;      /* the file's own, of the byte that was asked for */
	char build_id[129];    /* hex; "": it has none */
};
/* offset: of a byte in the file, code where there is a choice. -ENOEXEC: not an ELF file of 64
 * bits that has that byte in a segment. */
int stack_elf_read(stack_elf_read_fn *read, void *arg, uint64_t offset, struct stack_elf *ret_elf);

#endif
