/* SPDX-License-Identifier: MIT */
/*
 * unwind_module.c - which loaded object an address is in, and where its tables are.
 *
 * glibc 2.35 and later answer that without a lock, in signal handlers and inside dlopen()
 * too: _dl_find_object(). Before, dl_iterate_phdr() would be it, but that takes the loader's
 * lock, which a thread inside malloc may not: objects are listed once, at the start, and
 * those that come later have no tables here. All else is read from the object's own program
 * headers. The executable's are where the kernel says, for of one whose segments have gaps
 * between them glibc names a segment only, not where the file begins.
 */
#define _GNU_SOURCE
#include "unwind_private.h"

#include <dlfcn.h>
#include <elf.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define LISTED 256u
#define PAGE   4096u
struct range { uintptr_t start, end; };
static struct range listed[LISTED];
static unsigned listed_count;
static struct { const ElfW(Phdr) *headers; unsigned count; uintptr_t bias; } executable;

#ifdef DLFO_STRUCT_HAS_EH_DBASE
static int (*find_object)(void *address, struct dl_find_object *ret);

/* dlsym() of what is not there would allocate. */
static bool loader_answers(void)
{
	const char *version = gnu_get_libc_version();
	if (strncmp(version, "2.", 2) || strtol(version + 2, NULL, 10) < 35)
		return false;
	*(void **)&find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
	return find_object != NULL;
}

static bool ask_loader(uintptr_t address, struct range *ret)
{
	struct dl_find_object found;
	if (!find_object || find_object((void *)address, &found) != 0)
		return false;
	*ret = (struct range){ (uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end };
	return true;
}
#else
static bool loader_answers(void) { return false; }
static bool ask_loader(uintptr_t address, struct range *ret) { return false; }
#endif

static int list_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t low = UINTPTR_MAX, high = 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && p->p_vaddr < low)
			low = p->p_vaddr;
		if (p->p_type == PT_LOAD && p->p_vaddr + p->p_memsz > high)
			high = p->p_vaddr + p->p_memsz;
	}
	if (low < high && listed_count < LISTED)
		listed[listed_count++] = (struct range){ info->dlpi_addr + (low & ~(uintptr_t)4095), info->dlpi_addr + high };
	return 0;
}

static void find_executable(void)
{
	const ElfW(Phdr) *p = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	unsigned count = (unsigned)getauxval(AT_PHNUM);
	for (unsigned i = 0; p && i < count; i++)
		if (p[i].p_type == PT_PHDR) {
			executable.headers = p;
			executable.count = count;
			executable.bias = (uintptr_t)p - p[i].p_vaddr;
		}
}

/* Once: a forked child may not ask the loader. */
void unwind_module_start(void)
{
	static bool started;
	if (started)
		return;
	started = true;
	find_executable();
	if (!loader_answers())
		dl_iterate_phdr(list_object, NULL);
}

static bool find_range(uintptr_t address, struct range *ret)
{
	if (ask_loader(address, ret))
		return true;
	for (unsigned i = 0; i < listed_count; i++)
		if (address - listed[i].start < listed[i].end - listed[i].start) {
			*ret = listed[i];
			return true;
		}
	return false;
}

/* The segment with these flags that holds an address; false: none. */
static bool find_segment(const ElfW(Phdr) *p, unsigned count, uintptr_t bias, uintptr_t address, uint32_t flags,
			 struct range *ret)
{
	for (unsigned i = 0; i < count; i++) {
		uintptr_t start = bias + p[i].p_vaddr;
		if (p[i].p_type != PT_LOAD || (p[i].p_flags & flags) != flags || address - start >= p[i].p_filesz)
			continue;
		*ret = (struct range){ start, start + p[i].p_filesz };
		return true;
	}
	return false;
}

/* The program headers of the object at r, when its first page begins with its ELF header, as
 * linkers make them; NULL when not. */
static const ElfW(Phdr) *headers(struct range r, unsigned *ret_count, uintptr_t *ret_bias)
{
	struct range segment;
	*ret_count = executable.count;
	*ret_bias = executable.bias;
	if (find_segment(executable.headers, executable.count, executable.bias, r.start, 0, &segment))
		return executable.headers;
	const ElfW(Ehdr) *e = (const ElfW(Ehdr) *)r.start;
	if (r.end - r.start < PAGE || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_phentsize != sizeof(ElfW(Phdr)) ||
	    e->e_phoff % 8 || e->e_phoff > PAGE || e->e_phnum > (PAGE - e->e_phoff) / sizeof(ElfW(Phdr)))
		return NULL;
	const ElfW(Phdr) *p = (const ElfW(Phdr) *)(r.start + e->e_phoff);
	*ret_count = e->e_phnum;
	for (unsigned i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD) {
			*ret_bias = r.start - (p[i].p_vaddr & ~(uintptr_t)(PAGE - 1));
			return p;
		}
	return NULL;
}

bool unwind_module_find(uintptr_t address, struct unwind_module *ret)
{
	struct range object, segment;
	unsigned count;
	uintptr_t bias;
	const ElfW(Phdr) *p = find_range(address, &object) ? headers(object, &count, &bias) : NULL;
	for (unsigned i = 0; p && i < count; i++) {
		uintptr_t header = bias + p[i].p_vaddr;
		if (p[i].p_type != PT_GNU_EH_FRAME)
			continue;
		if (!find_segment(p, count, bias, header, PF_R, &segment))
			return false;
		*ret = (struct unwind_module){ object.start, object.end, segment.start, segment.end, header };
		return true;
	}
	return false;
}

/* Bytes of an indirect call (ff /2) behind its opcode, of up to 6; 0: it is none. */
static unsigned call_bytes(uint8_t modrm, uint8_t sib)
{
	unsigned mod = modrm >> 6, rm = modrm & 7, bytes = 1;
	if ((modrm >> 3 & 7) != 2)
		return 0;
	if (mod == 3)
		return bytes;
	if (rm == 4)
		bytes++;
	if (mod == 1)
		return bytes + 1;
	return mod == 2 || rm == 5 || (rm == 4 && (sib & 7) == 5) ? bytes + 4 : bytes;
}

bool unwind_module_is_return(uintptr_t address)
{
	struct range object, text;
	unsigned count;
	uintptr_t bias;
	const ElfW(Phdr) *p = find_range(address - 1, &object) ? headers(object, &count, &bias) : NULL;
	if (!p || !find_segment(p, count, bias, address - 1, PF_R | PF_X, &text) || address - text.start < 8)
		return false;
	const uint8_t *at = (const uint8_t *)address;
	if (at[-5] == 0xe8)
		return true;
	for (int back = 2; back <= 7; back++)
		if (at[-back] == 0xff && call_bytes(at[1 - back], at[2 - back]) == (unsigned)back - 1)
			return true;
	return false;
}
