/* SPDX-License-Identifier: MIT */
/* got.c - see got.h. Layouts: System V ABI x86-64 supplement, relocation types GLOB_DAT
 * and JUMP_SLOT; RELRO as ld.so protects it, whole pages of PT_GNU_RELRO. */
#include "got.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

struct object {
	uintptr_t base, relro_low, relro_high;
	const ElfW(Sym) *symbols;
	const char *strings;
	const ElfW(Rela) *tables[2];
	size_t bytes[2];
};

struct job {
	const struct got_redirect *table;
	size_t count, redirected;
};

/* ld.so has made these absolute in most objects, not in all (the vDSO). */
static const void *at(uintptr_t base, uintptr_t value)
{
	return (const void *)(value < base ? base + value : value);
}

static void read_dynamic(struct object *o, const ElfW(Dyn) *d)
{
	for (; d->d_tag != DT_NULL; d++)
		switch (d->d_tag) {
		case DT_SYMTAB: o->symbols = at(o->base, d->d_un.d_ptr); break;
		case DT_STRTAB: o->strings = at(o->base, d->d_un.d_ptr); break;
		case DT_JMPREL: o->tables[0] = at(o->base, d->d_un.d_ptr); break;
		case DT_PLTRELSZ: o->bytes[0] = d->d_un.d_val; break;
		case DT_RELA: o->tables[1] = at(o->base, d->d_un.d_ptr); break;
		case DT_RELASZ: o->bytes[1] = d->d_un.d_val; break;
		default: break;
		}
}

static bool read_object(struct object *o, const struct dl_phdr_info *info)
{
	const ElfW(Dyn) *dynamic = NULL;
	memset(o, 0, sizeof *o);
	o->base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		if (ph->p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *)(o->base + ph->p_vaddr);
		if (ph->p_type == PT_GNU_RELRO) {
			o->relro_low = (o->base + ph->p_vaddr) & ~(uintptr_t)(PAGE - 1);
			o->relro_high = (o->base + ph->p_vaddr + ph->p_memsz) & ~(uintptr_t)(PAGE - 1);
		}
	}
	if (!dynamic)
		return false;
	read_dynamic(o, dynamic);
	return o->symbols && o->strings;
}

static bool store_slot(const struct object *o, void **slot, void *value)
{
	uintptr_t a = (uintptr_t)slot, page = a & ~(uintptr_t)(PAGE - 1);
	bool closed = a >= o->relro_low && a < o->relro_high;
	if (closed && mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE) != 0)
		return false;
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
	if (closed)
		mprotect((void *)page, PAGE, PROT_READ);
	return true;
}

static void redirect_one(struct job *j, const struct object *o, const ElfW(Rela) *r)
{
	const ElfW(Sym) *symbol = &o->symbols[ELF64_R_SYM(r->r_info)];
	const char *name = o->strings + symbol->st_name;
	void **slot = (void **)(o->base + r->r_offset);
	if (symbol->st_shndx != SHN_UNDEF)
		return;
	for (size_t i = 0; i < j->count; i++) {
		const struct got_redirect *t = &j->table[i];
		if (!*t->real || *slot == t->hook || strcmp(name, t->name) != 0)
			continue;
		if ((uintptr_t)slot < t->skip_low || (uintptr_t)slot >= t->skip_high)
			j->redirected += store_slot(o, slot, t->hook);
		return;
	}
}

static int redirect_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object o;
	if (!read_object(&o, info))
		return 0;
	for (int t = 0; t < 2; t++)
		for (size_t i = 0; o.tables[t] && i < o.bytes[t] / sizeof(ElfW(Rela)); i++) {
			const ElfW(Rela) *r = &o.tables[t][i];
			uint32_t type = ELF64_R_TYPE(r->r_info);
			if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT)
				redirect_one(arg, &o, r);
		}
	return 0;
}

size_t got_redirect_all(const struct got_redirect *table, size_t count)
{
	struct job j = { table, count, 0 };
	int saved = errno;
	dl_iterate_phdr(redirect_object, &j);
	errno = saved;
	return j.redirected;
}
